# SPDX-License-Identifier: Apache-2.0
model m.safetensors
echo precious >out.cairn
says "out.cairn.*--force replaces it" cairn convert m.safetensors out.cairn
cat out.cairn
ls -A
