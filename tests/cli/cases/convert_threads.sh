# SPDX-License-Identifier: Apache-2.0
# The same bytes, whatever the number of threads.
make m.safetensors a U8 3000000 b F32 100,1000 c U8 7
for threads in 1 2 5; do
	cairn convert --threads $threads m.safetensors $threads.cairn >convert.out
done
cmp 1.cairn 2.cairn && cmp 1.cairn 5.cairn && echo same
