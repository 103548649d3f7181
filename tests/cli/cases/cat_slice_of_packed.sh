# SPDX-License-Identifier: Apache-2.0
# Two elements a byte: a slice along whole bytes is fine, one through a byte is not expressible.
make m.safetensors t F4 4,6
cairn cat m.safetensors t --slice 1,2:- | od -An -tu1
cairn cat m.safetensors t --slice -:2,2 | od -An -tu1
says "t" cairn cat m.safetensors t --slice -:1,2
