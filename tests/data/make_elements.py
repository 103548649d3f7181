#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/elements.f32: what each code of the small types stands for, by NumPy and ml_dtypes
(pip install numpy ml_dtypes; made with 2.4.6 and 0.6.0).

The file is committed: this is how it came to be, and running it again gives the same bytes. For each row of the table below, in
its order, and each code from 0 on: the value as a little-endian float, NaN as 0x7fc00000. tests/unit/check_element.c has the rows
too.

usage: tests/data/make_elements.py [FILE]
"""
import pathlib
import sys

import ml_dtypes
import numpy

# The type there, and the bits of its codes.
TYPES = [(numpy.float16, 16), (ml_dtypes.bfloat16, 16), (ml_dtypes.float8_e4m3fn, 8), (ml_dtypes.float8_e5m2, 8), (ml_dtypes.float8_e4m3fnuz, 8),
         (ml_dtypes.float8_e5m2fnuz, 8), (ml_dtypes.float8_e4m3b11fnuz, 8), (ml_dtypes.float8_e8m0fnu, 8),
         (numpy.int8, 8), (numpy.uint8, 8), (ml_dtypes.float6_e2m3fn, 6), (ml_dtypes.float6_e3m2fn, 6),
         (ml_dtypes.float4_e2m1fn, 4), (ml_dtypes.int4, 4), (ml_dtypes.uint4, 4), (ml_dtypes.int2, 2),
         (ml_dtypes.uint2, 2)]


def values(dtype, bits):
    codes = numpy.arange(1 << bits, dtype="<u2" if bits == 16 else "u1")
    floats = codes.view(dtype).astype("<f4")
    words = floats.view("<u4").copy()
    words[numpy.isnan(floats)] = 0x7FC00000
    return words


def main():
    path = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "elements.f32")
    path.write_bytes(b"".join(values(*row).tobytes() for row in TYPES))


main()
