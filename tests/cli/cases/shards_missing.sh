# SPDX-License-Identifier: Apache-2.0
# The path is there, a shard is missing or has another size, or is of another save: the answer is no.
make m.safetensors a U8 600000 b U8 600000
quiet cairn convert --to cairn --max-shard-size 700000 m.safetensors out
mv out/shard-00001-of-00002.cairn kept
for command in 'info out' 'ls out' 'cat out a' 'verify out' 'bench out' 'merge new out' 'convert out new.cairn'; do
	cairn $command 2>stderr >stdout
	echo "exit $?, $(cat stdout stderr | grep -c "'shard-00001-of-00002.cairn': this shard is missing") message"
done
cairn verify --json out 2>stderr >a
check a 'not d["ok"] and [p["file"] for p in d["problems"]] == ["shard-00001-of-00002.cairn"]'
head -c 4096 kept >out/shard-00001-of-00002.cairn
says "shard-00001-of-00002.cairn.*4096 bytes long, the index says" cairn info out
rm -f out/shard-00001-of-00002.cairn
make other.safetensors c U8 600000
cairn convert --to cairn --max-shard-size 700000 other.safetensors other >convert.out
cp other/shard-00000-of-00001.cairn out/shard-00001-of-00002.cairn
says "tensor 'b': 'shard-00001-of-00002.cairn': a shard of another save" cairn cat out b
status cairn verify out 2>stderr | sed -E 's/[0-9a-f]{32}/X/g'
ls -A
