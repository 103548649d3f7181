# SPDX-License-Identifier: Apache-2.0
make m.safetensors a U8 100000 b U8 100000 c U8 100000
cairn convert m.safetensors m.cairn >convert.out
cairn ls --json m.cairn >a
for i in 0 2; do
	flip m.cairn $(($(python3 -c "import json; print(json.load(open('a'))[$i]['offset'])") + 50))
done
cairn verify --json m.cairn >a 2>stderr
check a '[p["tensor"] for p in d["problems"]] == ["a", "c"]'
cat stderr
