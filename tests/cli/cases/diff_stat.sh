# SPDX-License-Identifier: Apache-2.0
# How many elements, which is the first, by how much: of floats, integers and what is neither.
python3 - <<'END'
import json, struct
def write(path, f, i, b):
    header = {"f": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
              "i": {"dtype": "I16", "shape": [4], "data_offsets": [24, 32]},
              "t": {"dtype": "BOOL", "shape": [2], "data_offsets": [32, 34]}}
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + struct.pack("<6f4h2?", *f, *i, *b))
write("a.safetensors", [1, 2, 3, 4, 5, 6], [1, -2, 3, 4], [True, False])
write("b.safetensors", [1, 2, 3.5, 4, float("nan"), 6], [1, -2, 3, -4], [True, True])
END
status cairn diff --stat a.safetensors b.safetensors
for format in safetensors cairn; do
	[ -e a.$format ] || { cairn convert a.safetensors a.cairn; cairn convert b.safetensors b.cairn; } >convert.out
	status cairn diff --stat --json a.$format b.$format >a
	sed -i '$d' a
	check a '[c["what"] for c in d["changed"]] == ["data"] * 3'
	check a 'd["changed"][0]["data"] == {"compared": 6, "different": 2, "first": [0, 2], "max_absolute": 0.5, "max_relative": 0.5 / 3.5, "nan": [0, 1]}'
	check a 'd["changed"][1]["data"] == {"compared": 4, "different": 1, "first": [3], "max_absolute": 8, "max_relative": 2, "nan": [0, 0]}'
	check a 'd["changed"][2]["data"] == {"compared": 2, "different": 1, "first": [1]}'
done
