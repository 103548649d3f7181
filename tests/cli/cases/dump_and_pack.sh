# SPDX-License-Identifier: Apache-2.0
# The text of a container gives the same bytes, that of another format a container that holds the same.
container m.cairn
for how in auto numbers base64 beside; do
	quiet cairn dump m.cairn --data $how --output $how.txt
	cairn pack $how.txt $how.cairn
	cmp m.cairn $how.cairn && echo "same with $how"
done
model m.safetensors
cairn dump m.safetensors | sed 's/^  -1 /  0 /'
cairn dump m.safetensors >s.txt
cairn pack s.txt s.cairn
cairn diff m.safetensors s.cairn && echo equal
cairn dump --numbers-max 4 --data digests m.safetensors | grep weight
