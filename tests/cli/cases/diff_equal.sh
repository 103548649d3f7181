# SPDX-License-Identifier: Apache-2.0
# Across formats, and without reading where digests tell.
model m.safetensors
cairn convert m.safetensors m.cairn >convert.out
cairn convert m.safetensors sharded --to cairn --max-shard-size 64 >convert.out
status cairn diff m.cairn m.cairn
status cairn diff m.cairn sharded
status cairn diff m.safetensors m.cairn
status cairn diff --ignore-metadata m.safetensors m.cairn
