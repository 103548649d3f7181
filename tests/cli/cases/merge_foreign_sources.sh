# SPDX-License-Identifier: Apache-2.0
# What is no container is copied, and gets its digests on the way.
make a.safetensors x F32 300
make m.safetensors.index.json --shards 2 y F32 300 z F32 300
cairn merge out a.safetensors m.safetensors.index.json | sed -E 's/[0-9.]+ s$/N s/'
cairn verify out
for name in y z; do cairn cat out $name | cmp - <(cairn cat m.safetensors.index.json $name); done
cairn cat out x | cmp - <(cairn cat a.safetensors x)
ls -A out
