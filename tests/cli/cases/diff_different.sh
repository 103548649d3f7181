# SPDX-License-Identifier: Apache-2.0
# In natural order, with types where a tensor comes or goes, and metadata by itself.
model a.safetensors
make b.safetensors --metadata format=pt --metadata note=x --metadata new=y \
	h.10.weight F32 2,4 h.2.weight F64 4,5 h.2.bias I16 5 scale F64 '' h.11.weight F32 1
status cairn diff a.safetensors b.safetensors
status cairn diff b.safetensors a.safetensors
