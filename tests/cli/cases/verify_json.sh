# SPDX-License-Identifier: Apache-2.0
model m.safetensors
cairn convert m.safetensors m.cairn >convert.out
cairn verify --json m.cairn >a
python3 -m json.tool a >/dev/null
check a '{k: d[k] for k in ("ok", "structure_only", "tensors", "digests", "problems")} == {"ok": True, "structure_only": False, "tensors": 5, "digests": True, "problems": []}'
check a 'd["bytes"] >= 122'
cairn verify --json m.safetensors >a
check a 'd["ok"] is True and d["structure_only"] is True and d["digests"] is False and d["problems"] == []'
