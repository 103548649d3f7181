# SPDX-License-Identifier: Apache-2.0
model m.safetensors
cairn convert m.safetensors m.cairn >convert.out
for file in m.safetensors m.cairn; do
	cairn bench --json --runs 2 $file >a 2>stderr
	echo "exit $?"
	python3 -m json.tool a >/dev/null
	check a 'd["tensors"] == 5 and d["bytes"] == 122 and d["cold"] is False and 0 <= d["resident_before"] <= 1'
	check a 'all(set(d[k]) == {"min", "median", "n"} and 0 < d[k]["min"] <= d[k]["median"] and d[k]["n"] >= 2 for k in d if k.endswith(("_ns", "_per_s")) and k != "direct_read_bytes_per_s")'
	check a 'set(d) >= {"open_ns", "find_ns", "find_first_ns", "view_ns", "view_first_bytes_per_s", "touch_bytes_per_s", "sum_bytes_per_s", "copy_bytes_per_s", "memcpy_bytes_per_s", "read_bytes_per_s", "anonymous_bytes_peak"}'
done
