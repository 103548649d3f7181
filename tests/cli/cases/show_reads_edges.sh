# SPDX-License-Identifier: Apache-2.0
# Of a large tensor only the edges are read: damage in the middle is not met, damage at the edge is.
make m.safetensors w F32 4096,1024
cairn convert m.safetensors c.cairn >/dev/null
size=$(stat -c %s c.cairn)
flip c.cairn $((size / 2))
cairn show c.cairn w
says 'CHECKSUM|digest' cairn show c.cairn w --slice 2000,90:-
says 'CHECKSUM|digest' cairn show c.cairn w --json
