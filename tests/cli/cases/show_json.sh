# SPDX-License-Identifier: Apache-2.0
# All values, flat, whatever the type.
container c.cairn
make m.safetensors f F32 2,3 h F16 3 b BOOL 3 i I64 '' c C64 2 e F32 0,4 q F8_E4M3 3
for name in f h b i c e q; do
	cairn show m.safetensors $name --json
done
cairn show m.safetensors f --json --slice 1,1:0,2
cairn show c.cairn words --json
cairn show c.cairn words --json --slice 0,1:1,1
cairn show c.cairn packed --json
