# SPDX-License-Identifier: Apache-2.0
model m.safetensors
cairn ls --json m.safetensors >a
python3 -m json.tool a >/dev/null
check a '[t["name"] for t in d] == sorted(t["name"] for t in d)'
check a 'all(list(t) == ["name", "dtype", "shape", "nbytes", "file", "offset", "digest", "slices", "incomplete"] for t in d)'
make empty.safetensors
cairn ls --json empty.safetensors >a
check a 'd == []'
