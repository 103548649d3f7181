# SPDX-License-Identifier: Apache-2.0
# Wrong words, before anything is read; nothing on stdout.
model m.safetensors
for words in '' 'm.safetensors' 'm.safetensors h.2.bias --nth 1' 'm.safetensors h.2.bis' 'm.safetensors --nth 9' \
	'm.safetensors h.2.bias --slice 1' 'm.safetensors h.2.bias --slice 4,2' 'h.2.bias m.safetensors'; do
	status cairn show $words
done 2>&1
cairn show m.safetensors --nth 1
