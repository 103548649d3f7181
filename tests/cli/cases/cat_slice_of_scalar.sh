# SPDX-License-Identifier: Apache-2.0
exec 2>&1
model m.safetensors
cairn cat m.safetensors scale --slice '' | wc -c
status cairn cat m.safetensors scale --slice -
