# SPDX-License-Identifier: Apache-2.0
model m.safetensors
cairn cat m.safetensors h.2.bias scale h.2.bias | od -An -v -tx1
