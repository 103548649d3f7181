# SPDX-License-Identifier: Apache-2.0
make m.safetensors --sparse w F32 1048576
cairn bench --cold --runs 1 m.safetensors >a 2>stderr || skip "the file system keeps its files in memory"
sed -n '/^cold/p' a | sed -E 's/[0-9.]+ %/N %/'
grep -c "^open " a
grep -c "^plain read .*from the disk" a
