# SPDX-License-Identifier: Apache-2.0
make m.safetensors small U8 100 w U8 1000000
cairn convert m.safetensors m.cairn >convert.out
cairn ls --json m.cairn >a
offset=$(python3 -c 'import json; print(json.load(open("a"))[1]["offset"])')
flip m.cairn $((offset + 600000))
says "m.cairn.*damaged: 1 problem" cairn verify m.cairn
cairn verify m.cairn 2>stderr | grep -c "'w'"
cairn verify --json m.cairn >a 2>stderr
echo "exit $?"
check a 'd["ok"] is False and len(d["problems"]) == 1'
check a '[list(p) for p in d["problems"]] == [["code", "file", "tensor", "chunk", "offset", "expected", "found", "message"]]'
check a '[(p["code"], p["file"], p["tensor"], p["chunk"]) for p in d["problems"]] == [("CHECKSUM", "m.cairn", "w", 600000 // 262144)]'
check a 'all(p["offset"] == '$offset' + 2 * 262144 for p in d["problems"])'
check a 'all(p[k].startswith("xxh3-128:") for p in d["problems"] for k in ("expected", "found")) and d["problems"][0]["expected"] != d["problems"][0]["found"]'
