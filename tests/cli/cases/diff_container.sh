# SPDX-License-Identifier: Apache-2.0
# Strings, slices, an incomplete and a shared tensor; slices are no difference, presence is.
container c.cairn
status cairn diff --stat c.cairn c.cairn
for rank in 0 1 2; do
	container rank$rank.cairn $rank 3
done
cairn merge all rank0.cairn rank1.cairn rank2.cairn >merge.out 2>&1
cairn convert all whole.safetensors --drop slices >convert.out
status cairn diff rank0.cairn rank1.cairn
status cairn diff all whole.safetensors
status cairn diff --json rank0.cairn all >a
sed -i '$d' a
check a 'd["changed"] == [{"name": "w", "what": "presence", "stored_only": [0, 16]}]'
