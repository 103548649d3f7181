# SPDX-License-Identifier: Apache-2.0
exec 2>&1
model m.safetensors
status cairn diff m.safetensors
status cairn diff m.safetensors m.safetensors m.safetensors
status cairn diff m.safetensors none
echo 'no model' >text
quiet cairn diff text m.safetensors
