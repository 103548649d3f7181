# SPDX-License-Identifier: Apache-2.0
make m.safetensors a F32 2 b U8 3
cairn ls --long m.safetensors
cairn convert m.safetensors m.cairn >convert.out
cairn ls --long m.cairn | sed -E 's/at [0-9]+/at N/; s/[0-9a-f]{32}/HEX/'
