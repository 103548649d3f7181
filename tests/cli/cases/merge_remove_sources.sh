# SPDX-License-Identifier: Apache-2.0
# Containers go, after the commit; what Cairn did not write, and parts of a checkpoint, stay.
make a.safetensors x F32 300
make b.safetensors y F32 300
make c.safetensors z F32 300
for i in a b; do quiet cairn convert $i.safetensors $i.cairn; done
cairn merge --remove-sources out a.cairn b.cairn c.safetensors 2>stderr | sed -E 's/[0-9.]+ s$/N s/'
cat stderr
ls
cairn verify out
says "part of a sharded checkpoint" cairn merge --remove-sources two out/shard-00000-of-00003.cairn out/shard-00001-of-00003.cairn
says "part of a sharded checkpoint" cairn merge --remove-sources three out/index.cairn
cairn verify out
# A whole sharded checkpoint is a source too.
quiet cairn merge --remove-sources all out/
ls
cairn verify all
# A failed merge removes nothing.
make d.safetensors x F32 400
quiet cairn convert d.safetensors d.cairn
says "different shapes" cairn merge --remove-sources four all d.cairn
ls
