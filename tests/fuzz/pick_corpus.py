#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds to the corpus of a target those inputs that cover the most code for their bytes, as far as it may grow.

usage: tests/fuzz/pick_corpus.py FUZZER CORPUS BYTES FOLDER...

What is in CORPUS stays; files of the FOLDERs are copied until it has BYTES.
"""
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile


def coverage(fuzzer, folders):
    """[(path, set of edges)] as libFuzzer's merge finds them: its control file has all of it."""
    with tempfile.TemporaryDirectory() as scratch:
        control = pathlib.Path(scratch) / "control"
        empty = pathlib.Path(scratch) / "empty"
        empty.mkdir()
        subprocess.run([fuzzer, "-merge=1", "-use_counters=0", f"-merge_control_file={control}", empty, *folders],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        lines = control.read_text().splitlines()
    count = int(lines[0])
    edges = {}
    for line in lines[2 + count:]:
        kind, number, *found = line.split()
        if kind in ("FT", "COV"):
            edges.setdefault(int(number), set()).update((kind, value) for value in found)
    return [(pathlib.Path(path), edges.get(i, set())) for i, path in enumerate(lines[2:2 + count])]


def main(arguments):
    if len(arguments) < 4:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    fuzzer, corpus, limit = arguments[0], pathlib.Path(arguments[1]), int(arguments[2])
    files = coverage(fuzzer, [str(corpus), *arguments[3:]])
    kept = [edges for path, edges in files if path.parent == corpus]
    left = [(path, edges) for path, edges in files if path.parent != corpus]
    covered = set().union(*kept)
    size = sum(path.stat().st_size for path in corpus.iterdir())
    added = 0

    def worth(entry):
        return len(entry[1] - covered) / (64 + entry[0].stat().st_size)

    while left:
        left = [entry for entry in left
                if entry[1] - covered and size + entry[0].stat().st_size <= limit]
        if not left:
            break
        path, edges = best = max(left, key=worth)
        left.remove(best)
        data = path.read_bytes()
        (corpus / hashlib.sha1(data).hexdigest()).write_bytes(data)
        covered |= edges
        size += len(data)
        added += 1
    print(f"{corpus.name}: {added} inputs added, {size} bytes, "
          f"{len(covered)} of {len(set().union(*(edges for _, edges in files)))} edges")
    return 0


sys.exit(main(sys.argv[1:]))
