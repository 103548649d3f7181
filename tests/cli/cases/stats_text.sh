# SPDX-License-Identifier: Apache-2.0
# Natural order; what people look for is listed below the table.
cat >make.py <<'END'
import json, struct
def put(**tensors):
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name.replace("_", ".")] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    open("m.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data)
nan, inf = float("nan"), float("inf")
put(h_10_w=("F32", [2, 2], struct.pack("<4f", 1, -2.5, 3, 0.25)), h_2_w=("F32", [4], struct.pack("<4f", nan, 1, -inf, inf)),
    nothing=("F32", [0, 4], b""), only_nan=("F16", [2], struct.pack("<2e", nan, nan)), zero=("F32", [3], struct.pack("<3f", 0, -0.0, 0)),
    ones=("BF16", [5], b"\x80\x3f" * 5), scalar=("F64", [], struct.pack("<d", 0.1)), mask=("BOOL", [4], b"\1\0\1\1"),
    step=("I64", [1], struct.pack("<q", -(1 << 40))), half=("F8_E4M3", [2], b"\x30\x7f"))
END
python3 make.py
cairn stats m.safetensors
cairn stats m.safetensors --match 'h.*'
cairn stats m.safetensors --match 'no*hing else'
cairn stats --json m.safetensors --match '[hmnos][.ntaco]*'
