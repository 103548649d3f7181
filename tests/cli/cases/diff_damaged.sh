# SPDX-License-Identifier: Apache-2.0
# Damage on one side is an error of that side, not a difference.
make m.safetensors w U8 100000
cairn convert m.safetensors m.cairn >convert.out
cairn ls --json m.cairn >a
flip m.cairn $(($(python3 -c 'import json; print(json.load(open("a"))[0]["offset"])') + 5))
says "'m.cairn': tensor 'w': chunk 0" cairn diff m.safetensors m.cairn
says "'m.cairn': tensor 'w': chunk 0" cairn diff m.cairn m.safetensors --json
