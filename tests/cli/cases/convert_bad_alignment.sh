# SPDX-License-Identifier: Apache-2.0
exec 2>&1
model m.safetensors
status cairn convert --alignment 5000 m.safetensors out.cairn
status cairn convert --alignment 64 m.safetensors out.cairn
status cairn convert --alignment 4MiB m.safetensors out.cairn
