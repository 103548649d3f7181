# SPDX-License-Identifier: Apache-2.0
exec 2>&1
model m.safetensors
status cairn convert --to zip m.safetensors out.cairn
ls -A
