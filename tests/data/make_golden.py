#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the safetensors files of tests/data/golden with the official library (pip install safetensors==0.8.0).

The files are committed: this is how they came to be, and running it again gives the same bytes. Byte i of the k-th tensor of a
file, in the order of the tables below, is (31 * k + 7 * i) mod 256, which tests/support/safetensors_files.c knows too.

usage: tests/data/make_golden.py [FOLDER]
"""
import ctypes
import json
import pathlib
import sys

from safetensors import TensorSpec, serialize

# The types that the library's writer has a name for, with their bytes.
TYPES = [("bool", 1), ("uint8", 1), ("int8", 1), ("float8_e5m2", 1), ("float8_e4m3fn", 1), ("float8_e8m0fnu", 1),
         ("float8_e4m3fnuz", 1), ("float8_e5m2fnuz", 1), ("int16", 2), ("uint16", 2), ("float16", 2), ("bfloat16", 2),
         ("int32", 4), ("uint32", 4), ("float32", 4), ("complex64", 8), ("float64", 8), ("int64", 8), ("uint64", 8)]


def pattern(number, size):
    return bytes((31 * number + 7 * i) % 256 for i in range(size))


def write(folder, name, table, metadata=None):
    """A file of tensors given as (name, type, bytes of an element, shape); returns the bytes of all of them."""
    specs = {}
    buffers = []  # the library borrows them
    for number, (tensor, dtype, width, shape) in enumerate(table):
        size = width
        for dim in shape:
            size *= dim
        buffers.append(ctypes.create_string_buffer(pattern(number, size), max(size, 1)))
        specs[tensor] = TensorSpec(dtype=dtype, shape=shape, data_ptr=ctypes.addressof(buffers[-1]), data_len=size)
    data = serialize(specs, metadata)
    assert len(data) < 8192, name
    (folder / name).write_bytes(data)
    return sum(spec.data_len for spec in specs.values())


def main(arguments):
    folder = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).parent / "golden"
    folder.mkdir(exist_ok=True)
    write(folder, "types.safetensors", [(f"t.{dtype}", dtype, width, [3, 5]) for dtype, width in TYPES])
    write(folder, "shapes.safetensors",
          [("scalar", "float32", 4, []), ("empty", "float32", 4, [0, 7]), ("ones", "int16", 2, [1, 1, 1, 1]),
           ("odd", "uint8", 1, [3]), ("after odd", "uint8", 1, [2, 2]), ("\u00fcml\u00e4ut \u2603", "float64", 8, [2])],
          {"format": "pt"})
    write(folder, "nothing.safetensors", [], {"note": "no tensors"})
    table = [("layer.0.weight", "float32", 4, [4, 6]), ("layer.0.bias", "float32", 4, [6]),
             ("layer.1.weight", "bfloat16", 2, [6, 4]), ("layer.1.bias", "bfloat16", 2, [4]),
             ("head.weight", "float16", 2, [4, 4])]
    total = 0
    weight_map = {}
    for number, part in enumerate((table[:2], table[2:4], table[4:])):
        name = f"model-{number + 1:05}-of-00003.safetensors"
        total += write(folder, name, part, {"format": "pt"})
        weight_map.update({tensor[0]: name for tensor in part})
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")


main(sys.argv[1:])
