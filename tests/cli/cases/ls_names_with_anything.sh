# SPDX-License-Identifier: Apache-2.0
# A name can neither move the cursor nor forge a line; JSON has it as it is.
make m.safetensors 'a\nb' U8 1 'e\u001b[31m' U8 1 'n\0n' U8 1 'rtl\u202etxt' U8 1 '' U8 1 '\u4e2d\u6587' U8 1 'quote"\\' U8 1
cairn ls m.safetensors
cairn ls --json m.safetensors >a
check a 'sorted(t["name"] for t in d) == sorted(["a\nb", "e\x1b[31m", "n\0n", "rtl\u202etxt", "", "\u4e2d\u6587", "quote\"\\"])'
