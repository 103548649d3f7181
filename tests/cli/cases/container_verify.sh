# SPDX-License-Identifier: Apache-2.0
container m.cairn
cairn verify m.cairn
# Damage in a slice, and in strings.
cairn ls --json m.cairn >a
cp m.cairn b.cairn
flip b.cairn $(python3 -c 'import json; print(json.load(open("a"))[3]["slices"][1]["offset"])')
flip b.cairn $(python3 -c 'import json; print(json.load(open("a"))[7]["offset"] + 35)')
cairn verify b.cairn 2>stderr | sed -E 's/[0-9a-f]{32}/X/g; s/offset [0-9]+/offset N/'
cairn verify --json b.cairn 2>stderr >a
check a 'sorted(p["tensor"] for p in d["problems"]) == ["sliced", "words"] and all(p["code"] == "CHECKSUM" for p in d["problems"])'
says "tensor 'words'" cairn cat b.cairn words
cairn cat b.cairn sliced --slice 0,2:- | od -An -t d4 -w16
says "tensor 'sliced'" cairn cat b.cairn sliced
