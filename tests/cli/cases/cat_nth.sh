# SPDX-License-Identifier: Apache-2.0
# A name with NUL cannot be an argument.
make m.safetensors 'a\0b' U8 3 'a\0c' U8 4
cairn cat m.safetensors --nth 0 | od -An -tu1
cairn cat m.safetensors --nth 1 | od -An -tu1
