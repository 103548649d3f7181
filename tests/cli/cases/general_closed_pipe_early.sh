# SPDX-License-Identifier: Apache-2.0
# Who has seen enough ends the command, whatever it prints: nothing on stderr.
make m.safetensors --repeat 40000 tensor.{} F32 1
make w.safetensors w F32 1000,1000
for command in 'ls m.safetensors' 'ls --long m.safetensors' 'ls --json m.safetensors' 'ls --json-lines m.safetensors' 'stats m.safetensors' \
	'stats --json m.safetensors' 'show --json w.safetensors w' 'cat w.safetensors w' 'info --json m.safetensors' 'verify m.safetensors'; do
	# shellcheck disable=SC2086
	cairn $command 2>stderr | head -c 1 >/dev/null
	echo "$command: $(wc -c <stderr) bytes on stderr"
done
