# SPDX-License-Identifier: Apache-2.0
make model.safetensors.index.json --shards 3 a F32 2 b F32 3 c F32 4
for path in model.safetensors.index.json .; do
	cairn info --json $path >a
	check a 'd["format"] == "safetensors-sharded" and d["tensors"] == 3 and d["parameters"] == 9'
	check a 'sorted(s["file"] for s in d["shards"] if "of" in s["file"]) == ["model-%05d-of-00003.safetensors" % i for i in (1, 2, 3)]'
done
