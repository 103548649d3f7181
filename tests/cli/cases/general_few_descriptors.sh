# SPDX-License-Identifier: Apache-2.0
# A checkpoint of 500 files where a process may have 64 of them open: most are only mapped.
python3 - <<'END'
import json, struct
names = {}
for i in range(500):
    file = f"model-{i + 1:05}-of-00500.safetensors"
    header = json.dumps({f"t.{i}": {"dtype": "I32", "shape": [300], "data_offsets": [0, 1200]}}).encode()
    open(file, "wb").write(struct.pack("<Q", len(header)) + header + struct.pack("<300i", *range(i, i + 300)))
    names[f"t.{i}"] = file
json.dump({"metadata": {}, "weight_map": names}, open("model.safetensors.index.json", "w"))
END
ulimit -n 64
cairn cat model.safetensors.index.json t.0 t.250 t.499 | cksum
cairn info --json model.safetensors.index.json >json
check json 'd["tensors"] == 500 and len(d["shards"]) == 500'
cairn explain --json model.safetensors.index.json >json
check json 'd["tensors"] == 500 and d["refused"] == [] and len(d["steps"]) == 500'
cairn verify model.safetensors.index.json
cairn convert model.safetensors.index.json one.cairn >/dev/null
cairn diff one.cairn model.safetensors.index.json
bundle prefix 500 a:0:one b:250:two c:499:three
cairn cat prefix a b c
