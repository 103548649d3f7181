# SPDX-License-Identifier: Apache-2.0
make m.safetensors
cairn info --json m.safetensors >a
check a 'd["tensors"] == 0 and d["bytes"] == 0 and d["dtypes"] == {} and d["alignment"] == {"minimum": None, "unaligned": 0}'
cairn info m.safetensors | grep alignment
