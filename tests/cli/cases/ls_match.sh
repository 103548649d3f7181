# SPDX-License-Identifier: Apache-2.0
model m.safetensors
cairn ls --match 'h.*.weight' m.safetensors
cairn ls m.safetensors --match='*bias' --json >a
check a '[t["name"] for t in d] == ["h.2.bias"]'
