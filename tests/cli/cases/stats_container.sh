# SPDX-License-Identifier: Apache-2.0
# Packed elements, strings, an incomplete tensor, an alias; GGUF's blocks would be named as without numbers.
container c.cairn
cairn stats c.cairn
cairn stats --json c.cairn >json
check json '[t["name"] for t in d["tensors"]] == ["packed", "sliced", "tied", "whole"]'
check json 'd["strings"] == {"tensors": 3, "elements": 5} and d["incomplete"] == ["holes"] and d["all_zero"] == []'
check json 'd["tensors"][0] == {"name": "packed", "dtype": "f4_e2m1", "count": 8, "min": 0, "max": 6, "mean": 2.25, "nan": 0, "inf": 0, "zeros": 1}'
check json 'd["model"]["count"] == 48 and d["model"]["max"] == 23'
