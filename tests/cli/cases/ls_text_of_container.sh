# SPDX-License-Identifier: Apache-2.0
model m.safetensors
cairn convert m.safetensors m.cairn >convert.out
cairn ls m.safetensors >a
cairn ls m.cairn >b
cmp a b
