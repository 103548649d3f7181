# SPDX-License-Identifier: Apache-2.0
# Could not find out: 3, whatever the command; under --json nothing on stdout.
for command in info ls verify bench; do
	says "no-such-file" cairn $command no-such-file.safetensors
	says "no-such-file" cairn $command --json no-such-file.safetensors
done
says "no-such-file" cairn cat no-such-file.safetensors w
says "no-such-file" cairn convert no-such-file.safetensors out.cairn
says "no-such-file" cairn no-such-file.safetensors
ls
