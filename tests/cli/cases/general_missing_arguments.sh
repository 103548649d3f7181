# SPDX-License-Identifier: Apache-2.0
exec 2>&1
for command in info ls cat verify convert bench; do
	status cairn $command
done
status cairn convert a
