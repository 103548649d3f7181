# SPDX-License-Identifier: Apache-2.0
make m.safetensors a I16 4,3 b I16 4,3
cairn cat m.safetensors a b --slice 1,1:0,2 | od -An -td2
cairn cat --slice=1,1:0,2 m.safetensors a | od -An -td2
