# SPDX-License-Identifier: Apache-2.0
# All names are looked up first.
model m.safetensors
says "nothing" cairn cat m.safetensors h.2.bias nothing
