# SPDX-License-Identifier: Apache-2.0
make m.safetensors 'a\nb' U8 1 'n\0n' U8 2 '' U8 3 '\u4e2d\u6587' U8 4 'quote"\\' U8 5
cairn convert m.safetensors m.cairn >convert.out
cairn convert m.cairn back.safetensors >convert.out
cairn ls --json m.safetensors >a
cairn ls --json back.safetensors >b
check a '[t["name"] for t in d] == [t["name"] for t in json.load(open("b"))] and len(d) == 5'
