# SPDX-License-Identifier: Apache-2.0
make m.safetensors --shift 1 a F32 2 b U8 3
cairn info --json m.safetensors >a
check a 'd["alignment"] == {"minimum": 1, "unaligned": 1}'
