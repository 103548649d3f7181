# SPDX-License-Identifier: Apache-2.0
# Too damaged to be opened is an answer, in the same form.
model m.safetensors
cairn convert m.safetensors m.cairn >convert.out
cp m.cairn short.cairn
chmod u+w short.cairn
truncate -s -1 short.cairn
quiet cairn verify short.cairn
cairn verify --json short.cairn >a 2>stderr
echo "exit $?"
check a 'd["ok"] is False and d["problems"][0]["file"] == "short.cairn" and d["problems"][0]["code"] in ("CORRUPT", "TRUNCATED", "CHECKSUM")'
