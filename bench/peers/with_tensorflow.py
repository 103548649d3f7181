# SPDX-License-Identifier: Apache-2.0
"""Cairn and TensorFlow at the same work, in turn: the tensors of bench_cairn (GPT-2 small, 148 tensors, 0.5 GB), and many
small ones.

usage: with_tensorflow.py PEER_CALLS SCRATCH [--rounds N] [CASE...]      cases: open restore merge save

Each round does each thing once, in another order each time; one that is not counted comes first. A line for each:
minimum and median of the time that passed and of the processor's (all threads), and how many times faster Cairn is: the
median over the rounds. Another program that is busy costs both sides; the processor's time bears it better.
Files are in the page cache.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import numpy
import tensorflow as tf

from shapes import shapes


class Times:
    """Of one way: seconds that passed, of the processor, and within fsync."""

    def __init__(self):
        self.wall, self.processor, self.sync = [], [], []

    def add(self, wall, processor, sync=0.0):
        self.wall.append(wall)
        self.processor.append(processor)
        self.sync.append(sync)


class Cairn:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def call(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"with_tensorflow.py: {words[0]} failed")
        return [int(number) / 1e9 for number in answer.split()]


class Bench:
    def __init__(self, arguments):
        self.cairn = Cairn(arguments.program)
        self.folder = arguments.scratch
        self.rounds = arguments.rounds

    def path(self, name):
        return os.path.join(self.folder, name)

    def compare(self, title, ways, prepare=None):
        """`ways`: {name: function}, the first is what the others are compared with. A function returns times of its own,
        or nothing and is timed."""
        print(title, flush=True)
        times = {name: Times() for name in ways}
        for number in range(self.rounds + 1):
            order = list(ways)[number % len(ways):] + list(ways)[:number % len(ways)]
            for name in order:
                if prepare:
                    prepare(name)
                measured = timed(ways[name])
                if number > 0:
                    times[name].add(*measured)
        first = next(iter(times.values()))
        for name, each in times.items():
            report(name, each, None if each is first else first)
        return times


def timed(way):
    processor, start = time.process_time(), time.perf_counter()
    measured = way()
    wall = time.perf_counter() - start
    return measured if isinstance(measured, list) else (wall, time.process_time() - processor)


def ratio(others, ours):
    return statistics.median(other / our for other, our in zip(others, ours))


def report(name, times, first):
    def spread(values):
        return f"{min(values) * 1e3:9.1f} {statistics.median(values) * 1e3:9.1f}"

    compared = ""
    if first is not None:
        compared = f"{ratio(times.wall, first.wall):8.1f}x {ratio(times.processor, first.processor):8.1f}x"
    print(f"  {name:<44} {spread(times.wall)}   {spread(times.processor)} {compared}", flush=True)


# ------------------------------------------------------------------------------------------------------- open, restore

def save(prefix, tensors):
    tf.raw_ops.SaveV2(prefix=prefix, tensor_names=list(tensors), shape_and_slices=[""] * len(tensors),
                      tensors=list(tensors.values()))


def small_tensors(count):
    return {f"model.layers.{i // 40:05}.block.{i % 40:02}.weight": numpy.full((8, 1 + i * 7 % 32), i, numpy.float32)
            for i in range(count)}


def case_open(bench):
    prefix = bench.path("many")
    tensors = small_tensors(100_000)
    if not os.path.exists(prefix + ".index"):
        save(prefix, tensors)
    last = max(tensors)
    bench.compare("open 100,000 tensors and read the last one (target for Cairn: 60 ms)", {
        "Cairn": lambda: bench.cairn.call("open", prefix),
        "TensorFlow, load_checkpoint": lambda: tf.train.load_checkpoint(prefix).get_tensor(last) is None or None,
    })


def model():
    random = numpy.random.default_rng(1)
    return {name: tf.constant(random.standard_normal(shape, dtype=numpy.float32)) for name, shape in shapes()}


def read_by_reader(prefix, names):
    reader = tf.train.load_checkpoint(prefix)
    for name in names:
        reader.get_tensor(name)


def case_restore(bench):
    prefix = bench.path("model")
    tensors = model()
    save(prefix, tensors)
    names = list(tensors)
    bench.compare("restore all of 0.5 GB (target: 5 times faster)", {
        "Cairn, verified views": lambda: bench.cairn.call("views", prefix),
        "TensorFlow, get_tensor": lambda: read_by_reader(prefix, names),
        "TensorFlow, RestoreV2": lambda: tf.raw_ops.RestoreV2(
            prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names),
            dtypes=[tf.float32] * len(names)) and None,
    })


# --------------------------------------------------------------------------------------------------------------- merge

SHARDS = 64
SHARD_TENSORS = 1000


def make_sources(bench):
    for shard in range(SHARDS):
        save(bench.path(f"source/part-{shard:05}-of-{SHARDS:05}"),
             {f"layer_{i:04}/expert_{shard:02}/weight": numpy.full((8, 128), i, numpy.float32) for i in range(SHARD_TENSORS)})


def case_merge(bench):
    if not os.path.exists(bench.path(f"source/part-{SHARDS - 1:05}-of-{SHARDS:05}.index")):
        make_sources(bench)
    names = sorted(os.listdir(bench.path("source")))
    prefixes = [bench.path(f"parts/part-{shard:05}-of-{SHARDS:05}") for shard in range(SHARDS)]

    def prepare(_):
        """Second names of the same files: TensorFlow takes its sources away."""
        for folder in ("parts", "merged"):
            shutil.rmtree(bench.path(folder), ignore_errors=True)
            os.mkdir(bench.path(folder))
        for name in names:
            os.link(bench.path(f"source/{name}"), bench.path(f"parts/{name}"))
        os.sync()

    times = bench.compare(f"merge {SHARDS} x {SHARD_TENSORS} tensors (target: beyond fsync no slower)", {
        "Cairn, durable": lambda: bench.cairn.call("merge", bench.path("merged/m"), *prefixes),
        "TensorFlow, MergeV2Checkpoints": lambda: tf.raw_ops.MergeV2Checkpoints(
            checkpoint_prefixes=prefixes, destination_prefix=bench.path("merged/m"), delete_old_dirs=False) and None,
    }, prepare)
    ours, theirs = times.values()
    beyond = Times()
    for wall, processor, sync in zip(ours.wall, ours.processor, ours.sync):
        beyond.add(wall - sync, processor)
    report("Cairn, beyond fsync", beyond, None)
    print(f"  TensorFlow takes {ratio(theirs.wall, beyond.wall):.1f} times as long as Cairn beyond fsync")


# ---------------------------------------------------------------------------------------------------------------- save

def sync(path, flags=os.O_RDONLY):
    fd = os.open(path, flags)
    os.fsync(fd)
    os.close(fd)


def case_save(bench):
    tensors = model()
    folder = bench.path("saved")

    def prepare(_):
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        sync(folder, os.O_RDONLY | os.O_DIRECTORY)

    def save_durably():
        save(f"{folder}/m", tensors)
        for name in (f"{folder}/m.data-00000-of-00001", f"{folder}/m.index", folder):
            sync(name)

    times = bench.compare("save 0.5 GB (target: 0.9 of the speed of raw writes)", {
        "Cairn, durable": lambda: bench.cairn.call("save", f"{folder}/m"),
        "TensorFlow, SaveV2": lambda: save(f"{folder}/m", tensors),
        "TensorFlow, SaveV2 and fsync": save_durably,
        **{f"raw O_DIRECT and fsync, {count} threads": lambda count=count: bench.cairn.call(
            "raw", f"{folder}/raw", str(count)) for count in (1, 2, 3)},
    }, prepare)
    ours, *_, one, two, three = times.values()
    raw = min((one, two, three), key=lambda each: statistics.median(each.wall))
    best = min(min(each.wall) for each in (one, two, three)) / min(ours.wall)
    print(f"  Cairn writes at {ratio(raw.wall, ours.wall):.2f} of the speed of raw writes, at their best {best:.2f}")
    synced = list(times.values())[2]
    print(f"  TensorFlow with fsync at {ratio(raw.wall, synced.wall):.2f}, at its best "
          f"{best * min(ours.wall) / min(synced.wall):.2f}")


# ---------------------------------------------------------------------------------------------------------------- main

CASES = {"open": case_open, "restore": case_restore, "merge": case_merge, "save": case_save}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("scratch")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("cases", nargs="*", metavar="CASE")
    arguments = parser.parse_intermixed_args()
    if not set(arguments.cases) <= set(CASES):
        parser.error(f"cases: {' '.join(CASES)}")
    os.makedirs(arguments.scratch, exist_ok=True)
    bench = Bench(arguments)
    print(f"TensorFlow {tf.__version__}; {arguments.rounds} rounds; load average {os.getloadavg()[0]:.1f}")
    print(f"  {'milliseconds':<44} {'passed: min':>9} {'median':>7}   {'processor':>9} {'median':>9}   Cairn is faster by")
    for name in arguments.cases or CASES:
        CASES[name](bench)


if __name__ == "__main__":
    main()
