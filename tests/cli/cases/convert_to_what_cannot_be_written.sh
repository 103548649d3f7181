# SPDX-License-Identifier: Apache-2.0
exec 2>&1
model m.safetensors
status cairn convert m.safetensors out.gguf
status cairn convert --to npy m.safetensors out
ls -A
