# SPDX-License-Identifier: Apache-2.0
# A `?` is a character, not a byte.
make m.safetensors grün F32 1 gran F32 1 größe F32 1
cairn ls --match 'gr?n' --json m.safetensors >a
check a '[t["name"] for t in d] == ["gran", "grün"]'
