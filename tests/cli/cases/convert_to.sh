# SPDX-License-Identifier: Apache-2.0
# --to decides, whatever the name.
model m.safetensors
quiet cairn convert --to cairn m.safetensors out.bin
quiet cairn convert --to safetensors out.bin out2
cairn info --json out.bin >a
check a 'd["format"] == "cairn"'
cairn info --json out2 >a
check a 'd["format"] == "safetensors"'
