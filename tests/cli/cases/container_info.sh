# SPDX-License-Identifier: Apache-2.0
container m.cairn
cairn info m.cairn | sed -E '/^(bytes|file)/s/[0-9.]+ KiB/N/'
cairn info --json m.cairn >a
check a 'd["tensors"] == 8 and d["parameters"] == 72 and d["bytes"] == 273'
check a 'd["metadata"] == {"bool": True, "bytes": {"hex": "ff00"}, "f16": 1.5, "f32 list": [0.5, 1.5, -2.5], "f64": 0.1, "i64": -5, "null": None, "text": "h\u00e9", "texts": ["one", "two"], "u64": 2**64 - 1}'
check a 'd["dtypes"]["string"] == {"tensors": 2, "bytes": 10} and d["dtypes"]["variant"] == {"tensors": 1, "bytes": 3}'
cairn bench --json --runs 1 m.cairn 2>stderr >a
check a 'd["tensors"] == 8 and d["view_all_ns"]["n"] >= 1'
