# SPDX-License-Identifier: Apache-2.0
exec 2>&1
make m.safetensors -- --slice U8 3 -x U8 2
cairn cat m.safetensors -- --slice | od -An -tu1
cairn cat --nth 1 m.safetensors -- -x | od -An -tu1
status cairn cat m.safetensors -x
