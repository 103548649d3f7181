# SPDX-License-Identifier: Apache-2.0
model m.safetensors
cairn convert m.safetensors m.cairn | sed -E 's/, [^,]* read,.*/.../'
cairn convert m.cairn back.safetensors | sed -E 's/, [^,]* read,.*/.../'
cairn ls --json m.safetensors >a
cairn ls --json back.safetensors >b
check a '[[t[k] for k in ("name", "dtype", "shape", "nbytes")] for t in d] == [[t[k] for k in ("name", "dtype", "shape", "nbytes")] for t in json.load(open("b"))]'
for name in h.10.weight h.2.weight h.2.bias scale empty; do
	cairn cat m.safetensors $name >a
	cairn cat back.safetensors $name >b
	cmp a b
done
cairn info --json m.safetensors >a
cairn info --json back.safetensors >b
check a 'd["metadata"] == json.load(open("b"))["metadata"]'
