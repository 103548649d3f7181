# SPDX-License-Identifier: Apache-2.0
# info, ls and verify take several paths; the exit status is the worst, and what could be read is printed.
make a.safetensors a F32 2
make w.safetensors w F32 300,1000
cairn convert w.safetensors good.cairn >/dev/null
cp good.cairn damaged.cairn
flip damaged.cairn 600000
for command in info ls verify; do
	echo "-- $command"
	status cairn $command a.safetensors good.cairn 2>&1 | sed 's/offset.*//; s/chunk.*//'
done
echo "-- damaged, missing"
status cairn verify good.cairn damaged.cairn 2>&1 | sed 's/ has digest.*//'
status cairn verify good.cairn damaged.cairn nothing.cairn a.safetensors 2>&1 | sed 's/ has digest.*//'
status cairn ls nothing.cairn a.safetensors 2>&1
status cairn info --json nothing.cairn nothing-else.cairn 2>/dev/null
