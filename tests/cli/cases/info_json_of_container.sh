# SPDX-License-Identifier: Apache-2.0
model m.safetensors
cairn convert m.safetensors m.cairn >convert.out
cairn info --json m.cairn >a
python3 -m json.tool a >/dev/null
check a 'd["format"] == "cairn" and d["digests"] is True and d["version"] == 1'
check a 'd["alignment"]["minimum"] >= 64 and d["alignment"]["unaligned"] == 0'
check a 'd["metadata"]["note"] == "grüße" and d["tensors"] == 5 and d["parameters"] == 32'
