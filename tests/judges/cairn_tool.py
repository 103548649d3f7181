# SPDX-License-Identifier: Apache-2.0
"""The command `cairn` and the program judge_calls, as a judge uses them; tensors as both sides have them."""
import json
import struct
import subprocess

import numpy

COMMAND_SIZE_MAX = 1_000_000  # bytes of names on one command line; the system takes twice as many


class Tensor:
    """Elements as they are, without a meaning: an array of void items, or of bytes objects."""

    def __init__(self, dtype, array, cuts=()):
        self.dtype = dtype  # Cairn's name
        self.array = array
        # [(starts, lengths)] as it is stored, a length of None is a whole dimension; []: whole; None: not known
        self.cuts = None if cuts is None else list(cuts)

    @property
    def shape(self):
        return list(self.array.shape)

    @property
    def data(self):
        """As `cairn cat` writes it."""
        return elements(self.array)

    def part(self, starts, lengths):
        return self.array[tuple(slice(None) if n is None else slice(s, s + n) for s, n in zip(starts, lengths))]


def elements(array):
    if array.dtype != object:
        return array.tobytes()
    return b"".join(struct.pack("<Q", len(item)) + item for item in array.reshape(-1))


def raw(data, item_size, shape):
    """An array of items that are only bytes."""
    return numpy.frombuffer(data, numpy.dtype(f"V{item_size}")).reshape(shape)


def text_of(starts, lengths):
    """A slice as Cairn and TensorFlow write it."""
    return ":".join("-" if length is None else f"{start},{length}" for start, length in zip(starts, lengths))


class Refused(Exception):
    """The command did not end with 0."""


class Cairn:
    def __init__(self, tool, calls, trainer):
        self.tool = tool
        self.program = calls
        self.trainer = trainer

    def _run(self, command):
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            message = done.stderr.decode(errors="replace").strip()
            words = " ".join(str(word)[:60] for word in command[1:6])
            raise Refused(f"{words}: exit {done.returncode}: {message[:300]}")
        return done.stdout

    def run(self, *arguments):
        return self._run([self.tool, *arguments])

    def calls(self, *arguments):
        return self._run([self.program, *arguments])

    def train(self, *arguments):
        return self._run([self.trainer, *arguments]).decode()

    def ls(self, path):
        return {tensor["name"]: tensor for tensor in json.loads(self.run("ls", "--json", path))}

    def cat(self, path, names):
        """The bytes of all of them, one behind the other."""
        return b"".join(self.run("cat", path, "--", *batch) for batch in _batches(names))

    def cat_slice(self, path, name, starts, lengths):
        return self.run("cat", "--slice", text_of(starts, lengths), path, "--", name)

    def convert(self, source, target, *options):
        self.run("convert", *options, source, target)

    def through(self, source, target, *options):
        """From any format to a container and on to TensorFlow's."""
        container = target + ".cairn"
        self.convert(source, container)
        self.run("verify", container)
        self.convert(container, target, "--to", "tf", *options)
        self.run("verify", target)

    def check(self, path, expected):
        """Differences between what `cairn` sees and what is there."""
        found = self.ls(path)
        if list(found) != sorted(expected, key=lambda name: name.encode()):
            lost = set(expected) ^ set(found)
            return [f"{len(found)} names instead of {len(expected)}, e.g. {sorted(lost)[:3]!r}"]
        wrong = []
        for name, tensor in expected.items():
            wrong += _compare_listing(name, found[name], tensor)
        return wrong + self._check_bytes(path, expected, list(found))

    def _check_bytes(self, path, expected, order):
        plain = [name for name in expected if "\0" not in name]
        whole = self.cat(path, plain)
        wrong = []
        if whole != b"".join(expected[name].data for name in plain):
            wrong += [f"{name!r}: other bytes" for name in plain
                      if self.cat(path, [name]) != expected[name].data] or ["bytes differ only together"]
        for name in expected:
            if "\0" in name:
                number = str(order.index(name))
                if self.run("cat", path, "--nth", number) != expected[name].data:
                    wrong.append(f"{name!r}: other bytes")
        return wrong


def _batches(names):
    batch, size = [], 0
    for name in names:
        if batch and size + len(name.encode()) + 9 > COMMAND_SIZE_MAX:
            yield batch
            batch, size = [], 0
        batch.append(name)
        size += len(name.encode()) + 9
    if batch:
        yield batch


def _compare_listing(name, found, tensor):
    wrong = []
    if found["dtype"] != tensor.dtype:
        wrong.append(f"{name!r}: type {found['dtype']} instead of {tensor.dtype}")
    if found["shape"] != tensor.shape:
        wrong.append(f"{name!r}: shape {found['shape']} instead of {tensor.shape}")
    size = len(tensor.data) - (8 * tensor.array.size if tensor.array.dtype == object else 0)
    if found["nbytes"] != size:
        wrong.append(f"{name!r}: {found['nbytes']} bytes instead of {size}")
    if found["incomplete"] or tensor.cuts is not None and len(found["slices"]) != len(tensor.cuts):
        wrong.append(f"{name!r}: {len(found['slices'])} slices instead of {len(tensor.cuts)}")
    return wrong
