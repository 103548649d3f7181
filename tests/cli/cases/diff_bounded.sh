# SPDX-License-Identifier: Apache-2.0
# The list for people ends, all are counted.
make a.safetensors
make b.safetensors --repeat 1234 't{}' U8 1
status cairn diff a.safetensors b.safetensors >out
wc -l <out
tail -n 3 out
cairn diff --json a.safetensors b.safetensors >a || true
check a 'len(d["added"]) == 1234'
