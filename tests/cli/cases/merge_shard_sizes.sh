# SPDX-License-Identifier: Apache-2.0
# Re-sharding and consolidation keep every bit.
make a.safetensors --metadata k=v a U8 600000 b U8 600000 c U8 600000 d U8 10
quiet cairn convert --to cairn --max-shard-size 1MB a.safetensors three
ls three
cairn merge --max-shard-size 2MB one three | sed -E 's/[0-9.]+ s$/N s/; s/, [0-9.]+ MiB/, N MiB/'
ls one
cairn merge out.cairn three | sed -E 's/[0-9.]+ s$/N s/; s/, [0-9.]+ MiB/, N MiB/'
cairn merge --max-shard-size 700000 again out.cairn one | sed -E 's/[0-9.]+ s$/N s/; s/, [0-9.]+ MiB/, N MiB/'
ls again
for path in one out.cairn again; do
	cairn verify $path
	cairn info $path | grep metadata
	for name in a b c d; do cairn cat $path $name | cmp - <(cairn cat a.safetensors $name); done
done
quiet cairn convert again back.safetensors
cairn cat back.safetensors c | cmp - <(cairn cat a.safetensors c) && echo same
says "'x.cairn' is the name of one file: shards need a folder" cairn merge --max-shard-size 1MB x.cairn three
says "takes a size" cairn merge --max-shard-size many x three
ls
