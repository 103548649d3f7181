# SPDX-License-Identifier: Apache-2.0
# JSON of several paths is an array of what each is alone; of one path nothing has changed.
make a.safetensors a F32 2
make b.safetensors b F32 2 c F32 3
cairn info --json a.safetensors b.safetensors >info
cairn info --json a.safetensors >one
check info '[x["path"] for x in d] == ["a.safetensors", "b.safetensors"]'
check info 'd[0] == json.load(open("one"))'
cairn ls --json a.safetensors b.safetensors >ls
cairn ls --json b.safetensors >one
check ls '[x["path"] for x in d] == ["a.safetensors", "b.safetensors"] and d[1]["tensors"] == json.load(open("one"))'
cairn verify --json a.safetensors b.safetensors >verify
check verify '[(x["path"], x["ok"], x["tensors"]) for x in d] == [("a.safetensors", True, 1), ("b.safetensors", True, 2)]'
status cairn info --json a.safetensors nothing.cairn 2>/dev/null >some
check <(head -n -1 some) '[x["path"] for x in d] == ["a.safetensors"]'
tail -n 1 some
cairn ls --json-lines a.safetensors b.safetensors | cut -c 1-44
