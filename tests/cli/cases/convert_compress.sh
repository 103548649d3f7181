# SPDX-License-Identifier: Apache-2.0
# Compressed and back again, and what cannot be compressed.
make m.safetensors h.10.weight F32 300,400 h.2.weight BF16 400,500 h.2.bias I16 5
quiet cairn convert --compress lz4 m.safetensors a.cairn
quiet cairn convert --compress lz4 --shuffle --threads 1 m.safetensors b.cairn
quiet cairn convert --compress lz4 --shuffle --threads 5 m.safetensors c.cairn
cmp b.cairn c.cairn && echo the same with any number of threads
for path in a.cairn b.cairn; do
	quiet cairn verify $path
	cairn diff m.safetensors $path
	cairn cat $path h.10.weight --slice 7,90:3,4 | cmp - <(cairn cat m.safetensors h.10.weight --slice 7,90:3,4)
done
quiet cairn convert b.cairn m2.safetensors
cairn diff m.safetensors m2.safetensors
quiet cairn convert --to cairn --max-shard-size 300KiB --compress lz4 m.safetensors shards
quiet cairn verify shards
cairn diff m.safetensors shards
status cairn convert --compress zip m.safetensors x.cairn 2>&1
status cairn convert --compress lz4 m.safetensors x.safetensors 2>&1
status cairn convert --shuffle m.safetensors x.cairn 2>&1
status cairn convert --compress lz4 --alignment 64KiB m.safetensors x.cairn 2>&1
ls
