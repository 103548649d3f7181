# SPDX-License-Identifier: Apache-2.0
exec 2>&1
model m.safetensors
status cairn convert --drop metadata,nonsense m.safetensors out.cairn
quiet cairn convert --drop metadata,slices,alignment m.safetensors out.cairn
