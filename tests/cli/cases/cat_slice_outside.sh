# SPDX-License-Identifier: Apache-2.0
exec 2>&1
model m.safetensors
for spec in 0,5:- 4,1:- 0,1:4,2 - 0,1 -:-:- '4 6 -:-' '4 -:-'; do
	status cairn cat m.safetensors h.2.weight --slice "$spec"
done
