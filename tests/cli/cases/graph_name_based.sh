# SPDX-License-Identifier: Apache-2.0
# Not an object-based checkpoint; one that claims to be.
model m.safetensors
says "name-based" cairn graph m.safetensors
says "name-based" cairn graph --json m.safetensors
make g.safetensors _CHECKPOINTABLE_OBJECT_GRAPH U8 3
says "one string" cairn graph g.safetensors
printf '\x0a\x09' >broken
container broken.cairn --graph broken
says "cannot be parsed" cairn graph broken.cairn
says "no such file" cairn graph none
status cairn graph 2>stderr
