# SPDX-License-Identifier: Apache-2.0
model m.safetensors
cairn ls --match 'x*' m.safetensors
cairn ls --match 'x*' --json m.safetensors >a
check a 'd == []'
