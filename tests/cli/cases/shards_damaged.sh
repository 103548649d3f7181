# SPDX-License-Identifier: Apache-2.0
# verify and cat name the shard; the other one is still read.
make m.safetensors a U8 600000 b U8 600000
quiet cairn convert --to cairn --max-shard-size 700000 m.safetensors out
flip out/shard-00001-of-00002.cairn 5000
says "damaged: 1 problem" cairn verify out
cairn verify out 2>stderr
cairn verify --json out >a 2>stderr
check a 'not d["ok"] and d["problem_count"] == 1 and d["problems"][0]["file"] == "shard-00001-of-00002.cairn" and d["problems"][0]["tensor"] == "b" and d["problems"][0]["code"] == "CHECKSUM"'
says "'shard-00001-of-00002.cairn': tensor 'b': chunk 0" cairn cat out b
cairn cat out a | cmp - <(cairn cat m.safetensors a)
says "shard-00001-of-00002.cairn" cairn merge one.cairn out
ls
