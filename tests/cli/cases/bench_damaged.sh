# SPDX-License-Identifier: Apache-2.0
make m.safetensors w U8 100000
cairn convert m.safetensors m.cairn >convert.out
cairn ls --json m.cairn >a
flip m.cairn $(($(python3 -c 'import json; print(json.load(open("a"))[0]["offset"])') + 5))
says "'w'" cairn bench --json m.cairn
