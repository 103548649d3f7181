# SPDX-License-Identifier: Apache-2.0
model m.safetensors
echo old >out.cairn
quiet cairn convert --force m.safetensors out.cairn
cairn info --json out.cairn >a
check a 'd["format"] == "cairn"'
ls -A
