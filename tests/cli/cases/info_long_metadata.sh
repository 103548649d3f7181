# SPDX-License-Identifier: Apache-2.0
# For people a long value is cut to a line; JSON has all of it.
make m.safetensors --metadata "long=$(printf 'x%.0s' $(seq 5000))" --metadata $'lines=a\nb\x1b[31m' w F32 1
cairn info m.safetensors | grep -A 9 metadata
cairn info --json m.safetensors >a
check a 'd["metadata"] == {"long": "x" * 5000, "lines": "a\nb\x1b[31m"}'
