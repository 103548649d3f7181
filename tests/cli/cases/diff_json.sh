# SPDX-License-Identifier: Apache-2.0
model a.safetensors
make b.safetensors --metadata format=pt --metadata note=x h.10.weight F32 2,4 h.2.weight F64 4,5 h.2.bias F32 6 \
	scale F64 '' new F32 1
status cairn diff --json a.safetensors b.safetensors >a
tail -n 1 a
sed -i '$d' a
check a 'd["equal"] is False and d["added"] == ["new"] and d["removed"] == ["empty"] and d["unknown"] == [] and d["same"] == 1'
check a '[c["name"] for c in d["changed"]] == ["h.10.weight", "h.2.bias", "h.2.weight"]'
check a '[c["what"] for c in d["changed"]] == ["shape", "dtype, shape", "dtype"]'
check a 'd["changed"][1] == {"name": "h.2.bias", "what": "dtype, shape", "dtype": ["i16", "f32"], "shape": [[5], [6]]}'
check a 'd["metadata"] == {"added": [], "removed": [], "changed": [{"name": "note", "what": "data"}], "unknown": [], "same": 1}'
cairn diff --json a.safetensors a.safetensors >a
check a 'd["equal"] is True and d["changed"] == [] and d["bytes_read"] > 0'
cairn convert a.safetensors a.cairn >convert.out
cairn diff --json a.cairn a.cairn >a
check a 'd["equal"] is True and d["bytes_read"] == 0 and d["compared_by_digest"] == 7'
