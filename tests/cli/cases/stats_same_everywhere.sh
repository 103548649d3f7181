# SPDX-License-Identifier: Apache-2.0
# The same numbers give the same digits in every format, whole or in shards.
make m.safetensors a F32 300,1000 b BF16 70001 c F64 5,5000 d I16 9000 e F8_E5M2 5000
cairn convert m.safetensors c.cairn >/dev/null
cairn convert m.safetensors sharded --to cairn --max-shard-size 1MiB >/dev/null
cairn stats --json m.safetensors >a
cairn stats --json c.cairn >b
cairn stats --json sharded >c
cmp a b && cmp a c && echo same
