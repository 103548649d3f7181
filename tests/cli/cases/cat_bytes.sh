# SPDX-License-Identifier: Apache-2.0
model m.safetensors
cairn cat m.safetensors h.2.bias | od -An -v -td2
cairn cat m.safetensors h.10.weight | od -An -v -tf4
cairn cat m.safetensors scale | wc -c
cairn cat m.safetensors empty | wc -c
