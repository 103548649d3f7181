# SPDX-License-Identifier: Apache-2.0
# A result that could not be written is no result.
[ -e /dev/full ] || skip "there is no /dev/full"
model m.safetensors
for command in "info m.safetensors" "ls m.safetensors" "ls --json m.safetensors" "cat m.safetensors h.2.bias" "--help"; do
	cairn $command >/dev/full 2>stderr
	echo "exit $?"
	cat stderr
done
