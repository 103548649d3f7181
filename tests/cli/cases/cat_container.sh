# SPDX-License-Identifier: Apache-2.0
model m.safetensors
cairn convert m.safetensors m.cairn >convert.out
for name in h.10.weight h.2.weight h.2.bias scale empty; do
	cairn cat m.safetensors $name >a
	cairn cat m.cairn $name >b
	cmp a b
done
