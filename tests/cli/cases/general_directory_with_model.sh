# SPDX-License-Identifier: Apache-2.0
mkdir folder
model folder/model.safetensors
cairn info --json folder >a
check a 'd["format"] == "safetensors" and d["tensors"] == 5'
