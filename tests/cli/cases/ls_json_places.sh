# SPDX-License-Identifier: Apache-2.0
# Offsets lead to the bytes, in either format; digests are there where the format has them.
model m.safetensors
cairn convert m.safetensors m.cairn >convert.out
for file in m.safetensors m.cairn; do
	cairn ls --json $file >a
	cairn cat $file h.2.weight >bytes
	check a 'all(t["file"] == "'$file'" for t in d)'
	check a '[open(t["file"], "rb").read()[t["offset"]:t["offset"] + t["nbytes"]] for t in d if t["name"] == "h.2.weight"] == [open("bytes", "rb").read()]'
done
check a 'all(__import__("re").fullmatch("xxh3-128:[0-9a-f]{32}", t["digest"]) for t in d if t["nbytes"])'
