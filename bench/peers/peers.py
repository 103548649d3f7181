# SPDX-License-Identifier: Apache-2.0
"""safetensors for Python on the tensors of bench_cairn: GPT-2 small, 148 tensors, 0.5 GB, and 100,000 small ones.

Files are in the page cache. Its NumPy binding has no views: touching a tensor copies it first.
"""
import json
import os
import statistics
import struct
import sys
import tempfile
import time

import numpy
import safetensors
import safetensors.numpy

from shapes import shapes

ROUNDS = 7


def make_model():
    random = numpy.random.default_rng(1)
    return {name: random.standard_normal(shape, dtype=numpy.float32) for name, shape in shapes()}


def make_small(path, count):
    """A file of `count` tensors, written by hand: the library takes seconds for it."""
    header = {}
    offset = 0
    for number in range(count):
        columns = 1 + number * 7 % 32
        name = f"model.layers.{number // 40:05}.block.{number % 40:02}.weight"
        header[name] = {"dtype": "F32", "shape": [8, columns], "data_offsets": [offset, offset + 32 * columns]}
        offset += 32 * columns
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + bytes(offset))


def measure(name, run, size=0, rounds=ROUNDS):
    run()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    best, median = min(times), statistics.median(times)
    if size:
        values = f"{size / best / 1e9:7.2f} GB/s  {size / median / 1e9:7.2f} GB/s"
    else:
        values = f"{best * 1e6:9.0f} us  {median * 1e6:9.0f} us"
    print(f"  {name:<48} {rounds:>5} {values:>26}", flush=True)


def open_file(path):
    with safetensors.safe_open(path, framework="np"):
        pass


def touch_all(path):
    total = 0
    with safetensors.safe_open(path, framework="np") as file:
        for name in file.keys():
            total += int(file.get_tensor(name).view(numpy.uint32).sum(dtype=numpy.uint64))
    return total


def save(model, path):
    safetensors.numpy.save_file(model, path)
    for place in (path, os.path.dirname(path)):
        descriptor = os.open(place, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def main():
    print(f"\n{'safetensors ' + safetensors.__version__ + ', numpy ' + numpy.__version__:<50} {'n':>5} "
          f"{'best':>12} {'median':>13}")
    with tempfile.TemporaryDirectory(dir=sys.argv[1], prefix="cairn-peers-") as folder:
        path = os.path.join(folder, "model.safetensors")
        small = os.path.join(folder, "small.safetensors")
        model = make_model()
        size = sum(tensor.nbytes for tensor in model.values())
        measure("save, then fsync of file and folder", lambda: save(model, path), size)
        measure("open, 148 tensors", lambda: open_file(path), rounds=50)
        measure("open and touch all (copies, see above)", lambda: touch_all(path), size)
        measure("copy: load_file into own memory", lambda: safetensors.numpy.load_file(path), size)
        make_small(small, 100000)
        measure("open, 100,000 tensors", lambda: open_file(small))


main()
