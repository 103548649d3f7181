# SPDX-License-Identifier: Apache-2.0
make m.safetensors '' U8 3 other U8 2
cairn cat m.safetensors '' | od -An -tu1
