# SPDX-License-Identifier: Apache-2.0
# TensorFlow's own files, where they are, beside what they are converted to: slices, strings, variants, both byte orders.
golden=$CAIRN_CLI_TESTS/../../../shared/tests/golden/tensorflow
[ -d "$golden" ] || skip "the shared corpus ../shared/tests is not here"
prefix() { python3 -c 'import json, sys; print(sys.argv[1] + "/" + json.load(open(sys.argv[1] + "/expected.json"))["prefix"])' "$golden/$1"; }
cairn info "$(prefix basic)" >info.out 2>stderr || skip "this build does not open TensorFlow's files"
for name in all_dtypes big_index made_big_endian part_cols part_mixed saver_sharded strings variants; do
	cairn convert "$(prefix $name)" $name.cairn >convert.out
	cairn diff --stat --json "$(prefix $name)" $name.cairn >a
	echo "$name $?"
	check a 'd["equal"] and d["same"] > 0 and d["bytes_read"] > 0'
done
# strings in slices, a tensor that is not complete
cairn convert "$(prefix sliced_raw)" sliced.cairn >convert.out
for other in "$(prefix sliced_raw)" sliced.cairn; do
	for stat in --match=* --stat; do
		cairn diff --json $stat "$(prefix sliced_raw)" "$other" >a
		check a 'd["equal"] and d["same"] == 18'
	done
done
status cairn diff --match none "$(prefix part_rows)" "$(prefix part_cols)"
