# SPDX-License-Identifier: Apache-2.0
# A single shard opens as what it holds, and says so on stderr.
make m.safetensors a U8 600000 b U8 600000
quiet cairn convert --to cairn --max-shard-size 700000 m.safetensors out
for command in info ls verify; do
	cairn $command out/shard-00001-of-00002.cairn >stdout
	echo "exit $?"
done 2>&1
cairn ls --json out/shard-00001-of-00002.cairn 2>stderr >a
check a '[(t["name"], t["file"]) for t in d] == [("b", "shard-00001-of-00002.cairn")]'
cairn cat out/shard-00001-of-00002.cairn b 2>stderr | cmp - <(cairn cat m.safetensors b)
says "no tensor 'a'|'a'" cairn cat out/shard-00001-of-00002.cairn a
# A merge is what single shards are for: no note.
quiet cairn merge all out/shard-00000-of-00002.cairn out/shard-00001-of-00002.cairn
# The only shard is all of it.
quiet cairn convert --to cairn --max-shard-size 2MB m.safetensors one
quiet cairn info one/shard-00000-of-00001.cairn
