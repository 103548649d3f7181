# SPDX-License-Identifier: Apache-2.0
# Two ranks hold slices of one tensor, and a whole one with equal bytes.
container a.cairn 0 2
container b.cairn 1 2
cairn merge out a.cairn b.cairn >merge.out
cairn ls out
cairn ls --json out >a
check a '[t["name"] for t in d] == ["norm", "w"] and not d[1]["incomplete"] and d[1]["offset"] is None'
check a '[(s["spec"], s["file"], s["nbytes"]) for s in d[1]["slices"]] == [("6 4 0,3:-", "shard-00000-of-00002.cairn", 48), ("6 4 3,3:-", "shard-00001-of-00002.cairn", 48)]'
cairn cat out w | od -An -t d4 -w16 -v
cairn cat out w --slice 2,2:1,2 | od -An -t d4 -w8
cairn verify out
cairn merge one.cairn out >merge.out
cairn cat one.cairn w | cmp - <(cairn cat out w)
cairn verify one.cairn
# A slice is missing, or overlaps.
container c.cairn 1 3
says "tensor 'w': slices are missing: 12 of 24 elements.*--allow-incomplete" cairn merge part a.cairn
says "tensor 'w': .*overlap" cairn merge part a.cairn c.cairn
quiet cairn merge --allow-incomplete part b.cairn
cairn ls part
says "tensor 'w' is incomplete" cairn cat part w
cairn cat part w --slice 3,3:- | od -An -t d4 -w16
cairn verify part
# Put together later.
cairn merge whole part a.cairn >merge.out
cairn cat whole w | cmp - <(cairn cat out w)
ls -A
