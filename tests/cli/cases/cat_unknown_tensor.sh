# SPDX-License-Identifier: Apache-2.0
exec 2>&1
model m.safetensors
status cairn cat m.safetensors something.else.entirely
