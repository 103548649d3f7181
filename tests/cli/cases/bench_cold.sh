# SPDX-License-Identifier: Apache-2.0
# On a disk it proves that it was cold; in memory it refuses to pretend.
make m.safetensors --sparse w F32 1048576
cairn convert m.safetensors m.cairn >convert.out
if ! cairn bench --cold --json --runs 2 m.cairn >a 2>stderr; then
	grep -q "stayed in memory" stderr && skip "the file system keeps its files in memory"
	cat stderr
fi
check a 'd["cold"] is True and d["resident_dropped"] <= 0.01'
check a 'all(d[k]["median"] > 0 for k in ("open_ns", "view_first_bytes_per_s", "touch_bytes_per_s", "copy_bytes_per_s"))'
check a 'd["direct_read_bytes_per_s"] is None or d["direct_read_bytes_per_s"]["median"] > 0'
