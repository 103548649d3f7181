# SPDX-License-Identifier: Apache-2.0
exec 2>&1
model m.safetensors
status cairn cat m.safetensors h.2.wieght
status cairn cat m.safetensors SCALE
status cairn cat m.safetensors weight
