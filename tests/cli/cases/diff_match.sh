# SPDX-License-Identifier: Apache-2.0
model a.safetensors
make b.safetensors --metadata h.note=x h.10.weight F32 2,4 other F32 3
status cairn diff --match 'h.*' a.safetensors b.safetensors
status cairn diff --match 'o*' --json a.safetensors b.safetensors >a
sed -i '$d' a
check a 'd["added"] == ["other"] and d["removed"] == [] and d["metadata"]["added"] == []'
