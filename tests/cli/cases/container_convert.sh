# SPDX-License-Identifier: Apache-2.0
# To a container everything goes, in shards too; safetensors lists what it cannot hold.
container m.cairn
quiet cairn convert m.cairn n.cairn
quiet cairn convert --to cairn --max-shard-size 64 m.cairn shards
cairn verify shards
for path in n.cairn shards; do
	for name in words 'no words' variant packed sliced tied whole; do
		cairn cat $path "$name" | cmp - <(cairn cat m.cairn "$name")
	done
	cairn cat $path holes --slice 1,2:- | cmp - <(cairn cat m.cairn holes --slice 1,2:-)
	cairn info $path | sed -n '/^metadata/,$p' | cmp - <(cairn info m.cairn | sed -n '/^metadata/,$p')
	cairn ls $path | cmp - <(cairn ls m.cairn)
done
status cairn convert m.cairn out.safetensors 2>&1
status cairn convert --drop metadata,slices,alignment m.cairn out.safetensors 2>&1
quiet cairn merge --allow-incomplete back.cairn shards
cairn ls back.cairn | cmp - <(cairn ls m.cairn)
says "tensor 'holes': slices are missing: 8 of 24" cairn merge back2.cairn m.cairn
ls -A
