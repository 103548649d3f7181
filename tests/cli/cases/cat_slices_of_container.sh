# SPDX-License-Identifier: Apache-2.0
make m.safetensors t I32 60,50,40
cairn convert m.safetensors m.cairn >convert.out
for spec in 2,1:-:- -:1,3:- -:-:3,1 1,40:2,20:1,30; do
	cairn cat m.safetensors t --slice $spec >a
	cairn cat m.cairn t --slice $spec >b
	cmp a b && wc -c <a
done
