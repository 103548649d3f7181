# SPDX-License-Identifier: Apache-2.0
"""Judges Cairn with TensorFlow: what Cairn writes is read by TensorFlow with equal values, what TensorFlow writes is
read by Cairn, and what both can do gives the same bytes.

usage: judge_tensorflow.py --cairn TOOL --calls PROGRAM --train PROGRAM [--seed N] [--golden FOLDER] [CASE...]

A line for each case, its differences below it; the last line is `N passed, N failed`. Exit status 0 only if there was
a case and none failed. tests/judges/run calls it.
"""
import argparse
import os
import sys
import tempfile
import time
import traceback

from cairn_tool import Cairn, Refused
from tensorflow_side import numpy, tf

import tensorflow_reads
import tensorflow_states
import tensorflow_writes

CASES = tensorflow_reads.CASES + tensorflow_writes.CASES + tensorflow_states.CASES
DIFFERENCES_SHOWN = 12


class Judge:
    """What a case needs."""

    def __init__(self, arguments, folder, seed):
        self.cairn = Cairn(arguments.cairn, arguments.calls, arguments.train)
        self.golden = arguments.golden
        self.folder = folder
        self.rng = numpy.random.default_rng(seed)
        self.differences = []
        self.count = 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def note(self, where, differences, count=1):
        """`count` things were compared."""
        self.count += count
        self.differences += [f"{where}: {difference}" for difference in differences]

    def equal(self, where, found, wanted):
        self.note(where, [] if found == wanted else [f"{found!r} instead of {wanted!r}"])


def run_case(case, arguments):
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cairn-judge-") as folder:
        judge = Judge(arguments, folder, arguments.seed)
        try:
            case(judge)
        except (Refused, tf.errors.OpError, ValueError, AssertionError) as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            judge.differences.append(f"{type(error).__name__} at line {where.lineno} of "
                                     f"{os.path.basename(where.filename)}: {str(error)[:400]}")
    name = case.__name__.replace("_", "-")
    verdict = "failed" if judge.differences else "passed"
    print(f"{name} {verdict}: {judge.count} comparisons, {time.monotonic() - start:.1f} s", flush=True)
    for difference in judge.differences[:DIFFERENCES_SHOWN]:
        print(f"    {difference}")
    if len(judge.differences) > DIFFERENCES_SHOWN:
        print(f"    and {len(judge.differences) - DIFFERENCES_SHOWN} more")
    return not judge.differences


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cairn", required=True)
    parser.add_argument("--calls", required=True)
    parser.add_argument("--train", required=True, help="examples/train")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    parser.add_argument("--golden", help="folder of checkpoints that TensorFlow wrote")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    return parser.parse_intermixed_args()


def main():
    arguments = parse()
    cases = {case.__name__.replace("_", "-"): case for case in CASES}
    unknown = [name for name in arguments.cases if name not in cases]
    if unknown:
        sys.exit(f"no case {unknown[0]}; there are: {' '.join(cases)}")
    print(f"TensorFlow {tf.__version__}, NumPy {numpy.__version__}, seed {arguments.seed}", flush=True)
    passed = [run_case(cases[name], arguments) for name in arguments.cases or cases]
    print(f"{sum(passed)} passed, {len(passed) - sum(passed)} failed")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
