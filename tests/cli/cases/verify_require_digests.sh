# SPDX-License-Identifier: Apache-2.0
exec 2>&1
model m.safetensors
status cairn verify --require-digests m.safetensors
cairn verify --require-digests --json m.safetensors >a 2>stderr
check a 'd["ok"] is False and d["structure_only"] is True'
cairn convert m.safetensors m.cairn >convert.out
quiet cairn verify --require-digests m.cairn
