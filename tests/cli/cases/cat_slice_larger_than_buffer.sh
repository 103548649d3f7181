# SPDX-License-Identifier: Apache-2.0
# 48 MiB in pieces of a few: whole rows, and rows that do not fit themselves.
make m.safetensors --sparse wide F32 3,4194304 tall F32 3145728,4
printf x | dd of=m.safetensors conv=notrunc bs=1 seek=$(($(stat -c %s m.safetensors) - 7)) status=none
for spec in wide:1,2:3,4194300 tall:1,3145727:0,3 tall:1,3145727:-; do
	cairn cat m.safetensors ${spec%%:*} --slice ${spec#*:} >part
	stat -c %s part
done
tail -c 7 part | od -An -c
cairn cat m.safetensors tall wide | wc -c
