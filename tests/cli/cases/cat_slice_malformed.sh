# SPDX-License-Identifier: Apache-2.0
exec 2>&1
model m.safetensors
for spec in x 0 0, ,1 0,0:- 0:2 0,1:-:: -1,2:- '0,1:- ' 'a b 0,1:-' 0,99999999999999999999999; do
	status cairn cat m.safetensors h.2.weight --slice "$spec"
done
