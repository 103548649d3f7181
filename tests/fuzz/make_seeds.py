#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns golden and hostile files into inputs of the fuzz targets: something to begin with.

usage: tests/fuzz/make_seeds.py TARGET FOLDER
"""
import json
import pathlib
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "data" / "golden"
SHARED = ROOT.parent / "shared" / "tests"
SIZE_MAX = 1 << 16  # of a seed

PAGE = 4096
ZEROS = bytes(16)


def squeeze(file):
    """As tests/fuzz/squeeze.h has it."""
    units = [file[i:i + 16] for i in range(0, len(file), 16)]
    out, at = b"", 0
    while at < len(units):
        zeros = 0
        while at < len(units) and units[at] == ZEROS and zeros < 4095:
            zeros, at = zeros + 1, at + 1
        plain = b""
        while at < len(units) and units[at:at + 2] != [ZEROS, ZEROS]:
            plain, at = plain + units[at], at + 1
        out += struct.pack("<I", zeros << 20 | len(plain)) + plain
    return out


def containers():
    for path in sorted(GOLDEN.glob("*.cairn")):
        if path.stat().st_size <= 1 << 18:
            yield path.stem, path.read_bytes()


def seeds_of_container():
    for name, file in containers():
        yield name, squeeze(file)


def seeds_of_container_sealed():
    for name, file in containers():
        for mode in (0, 1, 6, 24):
            yield f"{name}-{mode}", squeeze(file[:47] + bytes([mode]) + file[48:])


def seeds_of_convert():
    for name, file in containers():
        for flags in (0, 1, 0x1e, 0x1f, 0x20, 0x40):
            yield f"{name}-{flags}", bytes([flags]) + squeeze(file)


def seeds_of_diff():
    for name, file in containers():
        for flags, changes in ((0, b""), (1, bytes([0, 0, 77, 64, 0, 78, 8, 0, 79])), (3, bytes([0, 240, 98]))):
            head = bytes([flags, len(changes) // 3]) + changes
            yield f"{name}-{flags}", head.ljust(26, b"\0") + squeeze(file)


def seeds_of_merge():
    for name, file in containers():
        for flags in (0, 5, 14):
            yield f"{name}-{flags}", bytes([flags]) + squeeze(file)


def seeds_of_sharded():
    yield "small", b""  # the mutator knows a sound one


def seeds_of_text():
    for path in sorted(GOLDEN.glob("*.dump")):
        if path.stat().st_size <= 1 << 13:
            yield path.stem, path.read_bytes()
    for path in sorted(GOLDEN.glob("v1-types.dump")):
        lines = path.read_text().splitlines(keepends=True)
        for at in range(1, len(lines), 60):
            yield f"types-{at}", "".join(lines[:1] + lines[at:at + 60]).encode()
    yield "beside", b'cairn-text 1\ndata-file "beside"\ntensor "a" u8 [2,2] at 3\nslice "q" q4_0 [2,32] [1:1,-] at 1\n'
    yield "unknown", b'cairn-text 1\ntensor "x" type-999/2/3 [4] by-row base64\n  AAECAwQF\n'


def seeds_of_index():
    for name, file in containers():
        footer = file[-PAGE:]
        offset, = struct.unpack_from("<Q", footer, 56)
        counts = struct.unpack_from("<QQ", footer, 168)
        sections = [struct.unpack_from("<IIQQ", footer, 192 + 24 * i) for i in range(8)]
        if all(size < 1 << 16 for _, _, _, size in sections):
            yield name, (struct.pack("<BHH8H", footer[16] & 1, *counts, *(size for *_, size in sections))
                         + b"".join(file[offset + at:offset + at + size] for _, _, at, size in sections))


def files(*patterns):
    for folder, pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            if path.is_file() and path.stat().st_size <= SIZE_MAX:
                name = "-".join(path.relative_to(folder).parts)
                yield name, path.read_bytes()


def seeds_of_safetensors():
    yield from files((GOLDEN, "*.safetensors"), (SHARED / "hostile" / "safetensors", "*"),
                     (SHARED / "golden" / "safetensors", "**/*.safetensors"))


def seeds_of_json():
    for name, file in seeds_of_safetensors():
        yield name, file[8:8 + int.from_bytes(file[:8], "little")][:4096]
    yield "values", rb'[0,-1.5e+3,"\ud83d\ude00\u0000\n",true,false,null,{"a":[[]]},1e308,18446744073709551615]'


def seeds_of_safetensors_index():
    yield from files((GOLDEN, "*.index.json"), (SHARED / "hostile" / "safetensors_index", "**/*.json"),
                     (SHARED / "golden" / "safetensors", "**/*.index.json"))
    yield "two", (b'{"metadata":{"total_size":8,"k":"v","n":[1,{}]},'
                  b'"weight_map":{"x":"a.safetensors","y":"b.safetensors"}}')


def seeds_of_object_graph():
    yield from files((GOLDEN.parent / "object_graphs", "*.graph"))
    yield "slots-savers", bytes.fromhex("0a0d0a04080112016b1a051201732a00" "0a0c22080a0173120374686c2a020801" "0a00")


def seeds_of_meta_graph():
    yield from files((GOLDEN / "tensorflow", "**/*.meta"), (SHARED / "golden" / "tensorflow", "**/*.meta"))
    yield "parts", bytes.fromhex("0a070a027631220174" "12180a060a0161220164" "120a0a081a060a0161220164" "22020805" "1a022003"
                                 "220b0a016312061a040a020102" "2a030a0173" "3200" "3a00")


def seeds_of_reads():
    """Each call once on the sound container, and with a change."""
    program = bytes()
    for number in range(14):
        program += bytes([0, number, number % 4, 4, number % 4, 0, 5, number % 4, 1, 1, 2, 0, 1, 6, number % 4, 3, 9])
    program += bytes([1, 5]) + b"alpha" + bytes([0, 2, 6]) + b"format" + bytes([1, 3, 0, 2, 7, 2, 1, 8, 0, 0, 9, 10, 1, 11])
    for flags in (0, 1, 2, 12):
        yield f"calls-{flags}", bytes([flags, 0]) + program
        yield f"changed-{flags}", bytes([flags, 1, 40, 0, 3]) + program


def seeds_of_plan():
    """Each tensor for each destination, whole and a slice, on the sound container and on changed ones."""
    for flags in (0, 1, 2, 4):
        for planning in (0, 1, 6, 7, 0x30):
            for kind in (0, 1, 2, 3):
                entries = b"".join(bytes([number, kind]) for number in range(11))
                slices = b"".join(bytes([number, kind | 28, 0, 1, 0, 2]) for number in range(5))
                yield f"whole-{flags}-{planning}-{kind}", bytes([flags, planning, 0, 0]) + entries
                yield f"slices-{flags}-{planning}-{kind}", bytes([flags, planning, 0, 0]) + slices
        yield f"changed-{flags}", bytes([flags, 0, 0, 2, 40, 0, 3, 0, 8, 9]) + entries
        yield f"cancelled-{flags}", bytes([flags, 0, 3, 0]) + entries


def seeds_of_values():
    yield "strings", bytes([0, 3]) + bytes.fromhex("050003c166ac1368656c6c6f783031")
    yield "strings-resealed", bytes([4, 3]) + bytes.fromhex("050003000000006" "8656c6c6f783031")
    yield "variant", bytes([5, 2]) + bytes.fromhex("03616263000000000000000000")
    yield "big-endian", bytes([6, 1]) + bytes.fromhex("020000000061" "62")
    yield "empty", bytes([0, 0])


def indexes():
    yield from files((GOLDEN / "tensorflow", "**/*.index"), (SHARED / "hostile" / "tensorflow", "*.index"),
                     (SHARED / "golden" / "tensorflow", "**/*.index"), (SHARED / "tensorflow", "*.index"))


def seeds_of_table():
    yield from indexes()


def seeds_of_bundle():
    folders = (GOLDEN / "tensorflow", SHARED / "hostile" / "tensorflow", SHARED / "golden" / "tensorflow",
               SHARED / "tensorflow")
    for folder in folders:
        for path in sorted(folder.rglob("*.index")):
            data = sorted(path.parent.glob(path.stem + ".data-00000-of-*"))
            data = data[0].read_bytes()[:16384] if data else b""
            if path.stat().st_size <= SIZE_MAX:
                name = "-".join(path.relative_to(folder).parts)
                yield name, struct.pack("<BH", 1, len(data)) + data + path.read_bytes()


def seeds_of_tensorflow_v1():
    folders = (GOLDEN / "tensorflow", SHARED / "golden" / "tensorflow", SHARED / "tensorflow")
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.suffix == ".index" or path.stat().st_size > SIZE_MAX // 2:
                continue
            table = path.read_bytes()
            if not table.endswith(bytes.fromhex("57fb808b247547db")):
                continue
            name = "-".join(path.relative_to(folder).parts)
            head, second = path.name.rsplit("-00000-of-", 1) if "-00000-of-" in path.name else ("", "")
            second = path.with_name(f"{head}-00001-of-{second}") if head else None
            rest = second.read_bytes() if second and second.exists() else b""
            yield name, struct.pack("<H", len(table)) + table + rest


def seeds_of_slice_key():
    yield "whole", b"\0\1a\0\1\1\1\x80\x7f"
    yield "numbers", bytes([1, 3, 200, 1, 0xf3, 0, 0, 0, 0, 0, 0, 0, 0x40, 7, 1]) + b"name\0\xff"
    yield "full", bytes([2, 0, 0, 0, 4, 5, 0, 240, 255, 255, 241, 3, 1]) + b"n"


def seeds_of_protobuf():
    yield "header", bytes.fromhex("08011a020801")
    yield "entry", bytes.fromhex("0801120812020803120208042080012818356a6b6c6d3a04080110023a00")
    yield "packed", bytes.fromhex("1a0501ff7f80011208000000000000f03f0dffffffff1100000000000000ff")


def seeds_of_state_text():
    for folder in (SHARED / "golden" / "tensorflow", SHARED / "hostile" / "tensorflow_state"):
        yield from ((name, seed[:4096]) for name, seed in files((folder, "**/checkpoint")))
    for path in sorted((SHARED / "behaviour").glob("state_*.json")):
        steps = json.loads(path.read_text())["steps"]
        texts = [step["args"]["text"] for step in steps if step["op"] == "fs.write"]
        texts += [step["state_file_after"] for step in steps if step["state_file_after"]]
        for number, text in enumerate(texts):
            yield f"{path.stem}-{number}", text.encode()
    yield "all", (b"# text\nmodel_checkpoint_path: \"a\\x41\\u00fc\" 'b';\nall_model_checkpoint_paths: [\"a\", 'b' \"c\"],"
                  b"all_model_checkpoint_timestamps: [1.5f, -inf, .5, 1e-05]\nlast_preserved_timestamp: 1601614241.2990458\n")


def main(arguments):
    if len(arguments) != 2:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    folder = pathlib.Path(arguments[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, seed in globals()[f"seeds_of_{arguments[0]}"]():
        (folder / name).write_bytes(seed)
    return 0


sys.exit(main(sys.argv[1:]))
