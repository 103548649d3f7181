# SPDX-License-Identifier: Apache-2.0
# As a full disk, without being root.
make m.safetensors --sparse w F32 8,1048576
model out.cairn
(ulimit -f 4096; says "out" cairn convert --force m.safetensors out.cairn)
ls -A
cairn info --json out.cairn >a
check a 'd["format"] == "safetensors"'
