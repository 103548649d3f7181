# SPDX-License-Identifier: Apache-2.0
# `help CMD` and `CMD --help` say the same, on stdout, and name the command's arguments.
for command in info ls cat show stats verify diff graph convert merge latest list gc explain bench completion; do
	cairn help $command >a
	cairn $command --help >b
	cmp a b && head -n 1 a
done
