# SPDX-License-Identifier: Apache-2.0
make m.safetensors w U8 100000 v U8 100000
cairn convert --alignment 2MiB m.safetensors out.cairn >convert.out
cairn ls --json out.cairn >a
check a 'all(t["offset"] % 2097152 == 0 for t in d)'
quiet cairn verify out.cairn
