# SPDX-License-Identifier: Apache-2.0
make m.safetensors a U8 600000 b U8 600000 c U8 600000 d U8 10
quiet cairn convert --max-shard-size 1MB m.safetensors out.safetensors.index.json
cairn info --json out.safetensors.index.json >a
check a 'd["format"] == "safetensors-sharded" and d["tensors"] == 4 and len([s for s in d["shards"] if "of" in s["file"]]) == 3'
for name in a b c d; do
	cairn cat m.safetensors $name >x
	cairn cat out.safetensors.index.json $name >y
	cmp x y
done
quiet cairn convert out.safetensors.index.json back.cairn
cairn cat back.cairn c | cmp - <(cairn cat m.safetensors c) && echo same
