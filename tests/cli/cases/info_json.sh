# SPDX-License-Identifier: Apache-2.0
model m.safetensors
cairn info --json m.safetensors >a
python3 -m json.tool a >/dev/null
check a 'list(d) == ["path", "format", "version", "tensors", "parameters", "bytes", "file_bytes", "dtypes", "shards", "alignment", "digests", "metadata", "sidecar"]'
check a 'd["path"] == "m.safetensors" and d["format"] == "safetensors" and d["tensors"] == 5'
check a 'd["parameters"] == 6 + 20 + 5 + 1 and d["bytes"] == 24 + 80 + 10 + 8'
check a 'd["dtypes"] == {"i16": {"tensors": 1, "bytes": 10}, "f32": {"tensors": 3, "bytes": 104}, "f64": {"tensors": 1, "bytes": 8}}'
check a '[s["file"] for s in d["shards"]] == ["m.safetensors"] and d["shards"][0]["bytes"] == d["file_bytes"]'
check a '__import__("os").path.getsize("m.safetensors") == d["file_bytes"]'
check a 'd["digests"] is False and d["sidecar"] is None'
check a 'd["metadata"]["note"] == "grüße" and d["metadata"]["format"] == "pt"'
