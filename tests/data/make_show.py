#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/show.json: arrays, and how NumPy prints them (pip install numpy ml_dtypes; made with 2.4.6 and 0.6.0).

The file is committed: this is how it came to be, and running it again gives the same bytes. Each case has a name, a type as
safetensors calls it, a shape, the bytes (base64 of zlib), perhaps a slice as `cairn show` takes it, and the text. Types that NumPy
does not have are printed as the single precision that they convert to.

usage: tests/data/make_show.py [FILE]
"""
import base64
import json
import pathlib
import sys
import zlib

import ml_dtypes
import numpy as np

TYPES = {"bool": "BOOL", "int8": "I8", "uint8": "U8", "int16": "I16", "uint16": "U16", "int32": "I32", "uint32": "U32",
         "int64": "I64", "uint64": "U64", "float16": "F16", "float32": "F32", "float64": "F64", "complex64": "C64",
         "bfloat16": "BF16", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e4m3fnuz": "F8_E4M3FNUZ",
         "float8_e5m2fnuz": "F8_E5M2FNUZ", "float8_e8m0fnu": "F8_E8M0"}
INTS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
FLOATS = ["float16", "float32", "float64"]
SMALL = ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]

nan, inf = np.nan, np.inf
LISTS = {
    "plain": [1, 2.5, -3.25, 0, 100.125],
    "whole": [1, 2, 3, -4, 50],
    "tenths": [0.1, 0.2, 0.3, -0.7, 1 / 3],
    "zeros": [0.0, -0.0, 0.0],
    "specials": [nan, inf, -inf, 1.5],
    "only nan": [nan, nan],
    "only inf": [inf, -inf],
    "nan and wide": [nan, 12345.678, -1],
    "small": [1e-5, 2e-5],
    "edge of small": [0.0001, 0.0002],
    "large": [1e8, 2e8],
    "below large": [99999999, 0.5e8],
    "ratio": [0.001, 1.0, 1.001],
    "ratio over": [0.001, 1.5],
    "powers": [2.0**k for k in range(-14, 15, 4)],
    "ties": [0.5, 1.5, 2.5, 0.125, 0.0625, 1.0000000050000000],
    "nines": [0.99999999, 0.999999999, 9.9999999e-5],
    "tiny": [5e-324, 1e-300, 2.2250738585072014e-308],
    "huge": [1.7976931348623157e308, 1e300],
    "subnormal singles": [1e-45, 1e-40, 1.1754944e-38],
    "exponents": [1e100, 1e-100, 1e5],
    "long": list(np.linspace(-1, 1, 37)),
    "integers and a fraction": list(range(30)) + [0.5],
}
# What scalars are printed as.
SCALARS = [0.0, -0.0, 1.0, 0.1, 1 / 3, 1000.0, 999.5, 65504.0, 1e6, 999999.0, 123456789.0, 1e16, 1e15, 1e-4, 9.9e-5, 1e-7, 1e22,
           nan, inf, -inf, 2.0**-44, 5e-324, 1.7976931348623157e308]


def cases():
    random = np.random.default_rng(20)
    with np.errstate(all="ignore"):
        for dtype in FLOATS:
            for name, values in LISTS.items():
                yield f"{dtype} {name}", np.array(values).astype(dtype)
            for value in SCALARS:
                yield f"{dtype} scalar {value}", np.array(value).astype(dtype)
            for shape in [(4, 5), (2, 3, 4), (1001,), (40, 50), (7, 8, 30), (1, 1, 1, 1100), (3, 7, 1, 7, 8)]:
                count = int(np.prod(shape))
                yield f"{dtype} random {shape}", (random.integers(-500, 500, count) / 64).astype(dtype).reshape(shape)
            yield f"{dtype} bits", np.frombuffer(random.bytes(64 * np.dtype(dtype).itemsize), dtype)
        for dtype in SMALL:
            codes = np.arange(0, 256, 5, dtype="u1") if dtype != "bfloat16" else np.arange(15000, 17000, 61, dtype="u2")
            yield f"{dtype} codes", codes.view(getattr(ml_dtypes, dtype))
            yield f"{dtype} scalar", np.array(0.5).astype(getattr(ml_dtypes, dtype))
    for dtype in INTS:
        info = np.iinfo(dtype)
        yield f"{dtype} limits", np.array([[info.min, info.max], [0, 7]], dtype=dtype)
        yield f"{dtype} small", np.arange(30, dtype=dtype)
        yield f"{dtype} scalar", np.array(info.max, dtype=dtype)
    yield "int64 many", np.arange(3000, dtype="int64").reshape(30, 100) - 1500
    yield "uint8 at the limit", (np.arange(1000) % 7).astype("uint8")
    yield "uint8 over the limit", (np.arange(1001) % 7).astype("uint8")
    yield "bool", np.array([[True, False, True], [False, False, True]])
    yield "bool one", np.array(True)
    for shape in [(0,), (0, 3), (3, 0, 2), (5, 1001, 1001, 0)]:
        yield f"empty {shape}", np.zeros(shape, dtype="float32")
    for name, values in {"plain": [1 + 2j, -3.5j, 0.25], "specials": [complex(nan, inf), complex(-inf, nan), 1j],
                         "wide": [1e10 + 1e-10j, 1], "long": list(np.arange(40) * (0.5 - 0.25j))}.items():
        yield f"complex {name}", np.array(values).astype("complex64")
    for value in [0, 1 + 2j, -0.0 + 1j, complex(nan, inf), complex(1, -inf), 2.5j, 1e20 + 1e-9j]:
        yield f"complex scalar {value}", np.array(value).astype("complex64")


def sliced():
    array = np.arange(5000, dtype="float32").reshape(50, 10, 10) / 8
    yield "-:-:-", array, array
    yield "3,2:0,4:-", array, array[3:5, 0:4]
    yield "0,50:9,1:9,1", array, array[:, 9:, 9:]
    yield "1,49:-:2,3", array, array[1:, :, 2:5]


def case(name, array, shown=None, spec=None):
    kind = array.dtype.name
    shown = array if shown is None else shown
    text = str(shown.astype("float32") if kind in SMALL else shown)
    result = {"name": name, "dtype": TYPES[kind], "shape": list(array.shape),
              "data": base64.b64encode(zlib.compress(array.tobytes(), 9)).decode(), "text": text}
    if spec is not None:
        result["slice"] = spec
    return result


def main():
    path = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "show.json")
    table = [case(*row) for row in cases()]
    table += [case(f"slice {spec}", array, shown, spec) for spec, array, shown in sliced()]
    path.write_text("[\n" + ",\n".join(json.dumps(row) for row in table) + "\n]\n")


main()
