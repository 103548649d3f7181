# SPDX-License-Identifier: Apache-2.0
exec 2>&1
make m.safetensors a U8 3
status cairn cat m.safetensors --nth 1
