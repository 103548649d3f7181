# SPDX-License-Identifier: Apache-2.0
: >empty.safetensors
: >empty.cairn
for file in empty.safetensors empty.cairn; do
	says "$file" cairn info $file
	says "$file" cairn ls --json $file
done
