# SPDX-License-Identifier: Apache-2.0
# Bytes that are not what was written are never handed out.
make m.safetensors w U8 100000
cairn convert m.safetensors m.cairn >convert.out
cairn ls --json m.cairn >a
offset=$(python3 -c 'import json; print(json.load(open("a"))[0]["offset"])')
flip m.cairn $((offset + 12345))
says "'w'" cairn cat m.cairn w
