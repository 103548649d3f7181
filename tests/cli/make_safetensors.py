#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small safetensors files; the standard library is enough.

usage: make_safetensors.py OUT [--metadata KEY=VALUE]... [--shards N] [--shift N] [--repeat N]
                           [--sparse] [NAME DTYPE SHAPE]...

NAME may hold escapes (\\0, \\n, \\u1234); SHAPE is "2,3", or "" for a scalar. Element k of a tensor has the value k, as
far as the type can hold it. --shards N deals the tensors out to N files OUT-0000i-of-0000N.safetensors and
writes the index OUT. --shift N begins the data N bytes later than a multiple of 8. --repeat N writes each tensor N times,
with 1 to N for the {} in its name. --sparse leaves the data as a hole.
"""
import codecs
import json
import math
import os
import struct
import sys

SIZES = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32,
         "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6}
FLOATS = {"F32": "<f", "F64": "<d"}


def element(dtype, k):
    size = SIZES[dtype] // 8
    if dtype == "BOOL":
        return bytes([k % 2])
    if dtype in FLOATS:
        return struct.pack(FLOATS[dtype], k)
    return (k % (1 << (8 * size - 1))).to_bytes(size, "little")


def data_size(dtype, shape):
    return math.prod(shape) * SIZES[dtype] // 8


def data_of(dtype, shape):
    if SIZES[dtype] < 8:
        return bytes(k % 251 for k in range(data_size(dtype, shape)))
    return b"".join(element(dtype, k) for k in range(math.prod(shape)))


def parse_tensor(words):
    name, dtype, shape = words
    if "\\" in name:
        name = codecs.decode(name, "unicode_escape")
    return name, dtype, [int(dim) for dim in shape.split(",") if dim]


def write_file(path, tensors, metadata, shift=0, sparse=False):
    header = {"__metadata__": metadata} if metadata else {}
    end = 0
    for name, dtype, shape in tensors:
        begin, end = end, end + data_size(dtype, shape)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8 + shift)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        if sparse:
            os.ftruncate(file.fileno(), 8 + len(text) + end)
            return
        for name, dtype, shape in tensors:
            file.write(data_of(dtype, shape))


def write_shards(path, count, tensors, metadata):
    base = os.path.basename(path).removesuffix(".safetensors.index.json")
    weight_map = {}
    for number in range(count):
        shard = f"{base}-{number + 1:05}-of-{count:05}.safetensors"
        part = tensors[number::count]
        write_file(os.path.join(os.path.dirname(path), shard), part, metadata)
        weight_map.update({name: shard for name, _, _ in part})
    total = sum(data_size(dtype, shape) for _, dtype, shape in tensors)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"metadata": {"total_size": total}, "weight_map": weight_map}, file)


def parse_arguments(words):
    """Options, then tensors by threes; a "--" ends the options. By hand: names may look like options."""
    options = {"--metadata": [], "--shards": 0, "--shift": 0, "--repeat": 0, "--sparse": False}
    at = 0
    while at < len(words) and words[at] in options:
        if words[at] == "--metadata":
            options["--metadata"].append(words[at + 1].split("=", 1))
        elif words[at] == "--sparse":
            options["--sparse"] = True
        else:
            options[words[at]] = int(words[at + 1])
        at += 1 if words[at] == "--sparse" else 2
    at += words[at:at + 1] in (["--"], ("--",))
    return options, [parse_tensor(words[i:i + 3]) for i in range(at, len(words), 3)]


def main(path, *words):
    options, tensors = parse_arguments(words)
    if options["--repeat"]:
        tensors = [(name.replace("{}", str(i + 1)), dtype, shape)
                   for i in range(options["--repeat"]) for name, dtype, shape in tensors]
    metadata = dict(options["--metadata"])
    if options["--shards"]:
        write_shards(path, options["--shards"], tensors, metadata)
    else:
        write_file(path, tensors, metadata, options["--shift"], options["--sparse"])


main(*sys.argv[1:])
