# SPDX-License-Identifier: Apache-2.0
model m.safetensors
truncate -s -1 m.safetensors
says "m.safetensors" cairn info m.safetensors
says "m.safetensors" cairn ls --json m.safetensors
says "m.safetensors" cairn cat m.safetensors h.2.bias
