# SPDX-License-Identifier: Apache-2.0
model m.safetensors
cairn m.safetensors >a
cairn info m.safetensors >b
cmp a b
cairn m.safetensors --json >a
cairn info --json m.safetensors >b
cmp a b
# The suffix may be left out where open adds it.
cairn convert m.safetensors m.cairn >convert.out
cairn m --json >c
check c 'd["format"] == "cairn"'
