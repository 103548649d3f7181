# SPDX-License-Identifier: Apache-2.0
container m.cairn
cairn cat m.cairn words | od -An -t x1 -v
cairn cat m.cairn words --slice 0,1:- | od -An -t x1 -v
cairn cat m.cairn variant | od -An -t x1 -v
cairn cat m.cairn 'no words' | wc -c
cairn cat m.cairn packed | od -An -t x1
cairn cat m.cairn sliced | od -An -t d4 -w16 -v
cairn cat m.cairn sliced --slice 1,2:1,2 | od -An -t d4
cairn cat m.cairn tied | cmp - <(cairn cat m.cairn whole)
cairn cat m.cairn holes --slice 1,2:- | od -An -t d4 -w16
cairn cat m.cairn holes --slice 2,1:1,2 | od -An -t d4
says "'holes' is incomplete" cairn cat m.cairn holes
says "holes" cairn cat m.cairn holes --slice 0,2:-
says "'holes' is incomplete" cairn cat m.cairn whole holes
