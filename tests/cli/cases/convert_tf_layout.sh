# SPDX-License-Identifier: Apache-2.0
# Shards of a size, name order, alignment.
make m.safetensors b F32 10,5 a F32 40,5
quiet cairn convert --to tf --sort --max-shard-size 600 m.safetensors s
ls s.*
cairn ls --json s >s.json
check s.json '[x["slices"][0]["spec"] for x in d if x["name"] == "a"] == ["40 5 0,20:0,5"]'
cairn diff m.safetensors s
quiet cairn convert --to tf --sort m.safetensors n
cairn ls --json n >n.json
check n.json '[x["offset"] for x in d] == [0, 800]'
quiet cairn convert --to tf --alignment 1KiB m.safetensors p
cairn ls --json p >p.json
check p.json 'sorted(x["offset"] for x in d) == [0, 1024]'
cairn diff n p
status cairn convert --to tf --alignment 48 m.safetensors q 2>&1
