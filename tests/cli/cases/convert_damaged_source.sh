# SPDX-License-Identifier: Apache-2.0
# Damage stops it: nothing is written.
make m.safetensors w U8 1000000
cairn convert m.safetensors m.cairn >convert.out
cairn ls --json m.cairn >a
offset=$(python3 -c 'import json; print(json.load(open("a"))[0]["offset"])')
flip m.cairn $((offset + 700000))
says "'w'" cairn convert m.cairn out.safetensors
says "'w'" cairn convert m.cairn out.cairn
ls -A
