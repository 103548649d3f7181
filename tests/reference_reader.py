#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An independent reader of Cairn containers, written from FORMAT.md alone, to prove that the document suffices.

It is a full check: it opens nothing that breaks any rule of the document, whatever part was asked for.

usage: reference_reader.py FILE                checks it and says how much is in it
       reference_reader.py FILE --list         one line a tensor: type, shape, bytes, name
       reference_reader.py FILE --json         the fields of `cairn ls --json` that do not name a place in the file
       reference_reader.py FILE --cat NAME     the bytes of a tensor, as `cairn cat` writes them

exit status: 0 done, 1 refused with one line on stderr, 2 wrong command line, 3 cannot be read
"""
import argparse
import bisect
import collections
import json
import os
import struct
import sys

from reference_xxh3 import xxh3_64, xxh3_128

PAGE = 4096
BLOCK = 65536          # of the digest tree
WHOLE_DIM = 2**64 - 1  # a length that means all of the dim
MOST = 2**63           # sizes and counts of elements stay below
MOST_PAIRS = 2**28     # of slices, compared in the search for an overlap

HEADER_MAGIC = bytes.fromhex("89434149524e0d0a")
FOOTER_MAGIC = bytes.fromhex("89434149524e460a")

# Section types.
TENSORS, NAMES, DIMS, SLICES, EXTENTS, CHUNK_DIGESTS, SHARDS, REGIONS = range(1, 9)
RECORD_SIZES = {TENSORS: 96, NAMES: 1, DIMS: 8, SLICES: 64, EXTENTS: 48, CHUNK_DIGESTS: 16, SHARDS: 112, REGIONS: 48}

INCOMPLETE, ALIAS = 1, 2  # tensor flags
WHOLE = 1                 # slice flag
XXH3_128 = 1              # root_kind, digest_kind
DATA, OPAQUE = 1, 2       # kinds of regions
RAW, LZ4 = 0, 1           # codecs
SELF, SIBLING, FOREIGN, DERIVED = range(4)  # kinds of shards

Type = collections.namedtuple("Type", "name block_elements block_bytes")
TYPES = {int(code): Type(name, int(elements), int(size)) for code, name, elements, size in (row.split() for row in """
    1 bool 1 1; 2 u8 1 1; 3 u16 1 2; 4 u32 1 4; 5 u64 1 8; 6 i8 1 1; 7 i16 1 2; 8 i32 1 4; 9 i64 1 8; 10 f16 1 2;
    11 bf16 1 2; 12 f32 1 4; 13 f64 1 8; 14 c32 1 4; 15 c64 1 8; 16 c128 1 16;
    24 f8_e4m3fn 1 1; 25 f8_e5m2 1 1; 26 f8_e4m3fnuz 1 1; 27 f8_e5m2fnuz 1 1; 28 f8_e4m3b11fnuz 1 1; 29 f8_e8m0 1 1;
    32 f4_e2m1 2 1; 33 f6_e2m3 4 3; 34 f6_e3m2 4 3;
    40 f4_e2m1_byte 1 1; 41 i4_byte 1 1; 42 u4_byte 1 1; 43 i2_byte 1 1; 44 u2_byte 1 1;
    48 qint8 1 1; 49 quint8 1 1; 50 qint16 1 2; 51 quint16 1 2; 52 qint32 1 4;
    64 q4_0 32 18; 65 q4_1 32 20; 66 q5_0 32 22; 67 q5_1 32 24; 68 q8_0 32 34; 69 q8_1 32 36; 70 q2_k 256 84;
    71 q3_k 256 110; 72 q4_k 256 144; 73 q5_k 256 176; 74 q6_k 256 210; 75 q8_k 256 292; 76 iq2_xxs 256 66;
    77 iq2_xs 256 74; 78 iq3_xxs 256 98; 79 iq1_s 256 50; 80 iq4_nl 32 18; 81 iq3_s 256 110; 82 iq2_s 256 82;
    83 iq4_xs 256 136; 84 iq1_m 256 56; 85 tq1_0 256 54; 86 tq2_0 256 66; 87 mxfp4 32 17; 88 nvfp4 64 36;
    89 q1_0 128 18; 90 q2_0 64 18; 112 string 1 0; 113 variant 1 0; 114 bytes 1 0; 115 null 1 0""".split(";"))}
STRING, VARIANT, BYTES, NULL = 112, 113, 114, 115
VARIABLE = {STRING, VARIANT, BYTES}


class Refusal(Exception):
    """Why a container is not read: one of the document's names, where, and what is wrong there."""

    def __init__(self, code, where, what):
        super().__init__(f"{code}: {where}: {what}")
        self.code = code


def must(holds, where, what, code="CORRUPT"):
    if not holds:
        raise Refusal(code, where, what)


def must_be_zero(record, fields, where):
    """Fields that have no meaning in this record."""
    for field in fields.split():
        value = getattr(record, field)
        must(not (any(value) if isinstance(value, bytes) else value), where, f"{field} is not zero")


def align(x, to):
    return -(-x // to) * to


def power_of_two(x, least, most):
    return least <= x <= most and x & (x - 1) == 0


# ---- records --------------------------------------------------------------------------------------------


class Layout:
    """A record as the document's tables put it; whatever is called reserved is checked to be zero."""

    CODES = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "digest": "16s"}

    def __init__(self, name, size, text):
        fields = [field.split() for field in text.split(",")]
        self.struct = struct.Struct("<" + "".join(self.CODES.get(kind, kind[5:] + "s") for kind, _ in fields))
        assert self.struct.size == size, name
        self.size = size
        self.fields = [(field, kind) for kind, field in fields]
        self.tuple = collections.namedtuple(name, [field for field, _ in self.fields])
        self.reserved = " ".join(field for field, _ in self.fields if field.startswith("reserved"))

    def read(self, data, at, where, zeros=True):
        record = self.tuple(*self.struct.unpack_from(data, at))
        if zeros:
            self.check_reserved(record, where)
        return record

    def check_reserved(self, record, where):
        must_be_zero(record, self.reserved, where)


HEADER = Layout("Header", PAGE, """bytes8 magic, u32 version, u32 size, u64 incompat_flags, u64 compat_flags,
    bytes16 save_id, bytes4048 reserved""")
FOOTER = Layout("Footer", PAGE, """bytes8 magic, u32 version, u32 size, u64 incompat_flags, u64 compat_flags,
    digest header_digest, u64 file_size, u64 index_offset, u64 index_size, u64 sections_size, u64 alignment,
    u32 block_size, u32 root_kind, digest root, bytes16 reserved_root, digest content_id, digest parent_id,
    u64 generation, u64 tensor_count, u64 metadata_count, u32 section_count, u32 reserved, bytes768 sections,
    bytes3120 reserved2, digest digest""")
SECTION = Layout("Section", 24, "u32 type, u32 record_size, u64 offset, u64 size")
TENSOR = Layout("TensorRecord", 96, """u64 name_offset, u32 name_size, u16 dtype, u8 rank, u8 name_space,
    u64 dims_index, u64 slice_index, u32 slice_count, u32 flags, u64 alias_of, u32 block_elements, u32 block_bytes,
    u8 packing, u8 digest_kind, bytes6 reserved, digest digest, u64 size, bytes8 reserved2""")
SLICE = Layout("SliceRecord", 64, """u64 ranges_index, u64 extent_index, u32 extent_count, u32 storage_rank, u64 size,
    u64 chunk_index, u32 chunk_size, u8 transform, u8 check_kind, u8 digest_kind, u8 flags, u64 check_value,
    u64 transform_value""")
EXTENT = Layout("ExtentRecord", 48, """u64 offset, u64 stored_size, u64 size, u64 stored_digest, u16 shard, u8 codec,
    u8 shuffle, bytes12 reserved""")
SHARD = Layout("ShardRecord", 112, """u64 name_offset, u32 name_size, u8 kind, u8 codec, u16 parent, u64 size,
    u64 offset, u64 stored_size, digest content_id, u64 modified_ns, u64 changed_ns, u64 inode, digest header_digest,
    u64 header_size, bytes8 reserved""")
REGION = Layout("RegionRecord", 48, """u64 offset, u64 size, u32 kind, u32 section_type, digest digest,
    bytes8 reserved""")


def tree_runs(sections_size):
    """(begin, size) of each run of the digest tree, in the index image: the sections, then the levels."""
    runs = [(0, sections_size)]
    while runs[-1][1] > BLOCK:
        begin, size = runs[-1]
        runs.append((align(begin + size, 64), -(-size // BLOCK) * 16))
    return runs


def block_digests(run):
    """The digests of the blocks of a run, one after the other: the level above it."""
    return b"".join(xxh3_128(run[at:at + BLOCK]) for at in range(0, len(run), BLOCK))


def lz4_block(stored, size, where):
    """The bytes of an LZ4 block, which must be `size`."""
    out, at = bytearray(), 0

    def take(count):
        nonlocal at
        must(at + count <= len(stored) and len(out) <= size, where, "the LZ4 block ends early")
        at += count
        return stored[at - count:at]

    def length(nibble):
        total, more = nibble, nibble == 15
        while more:
            byte = take(1)[0]
            total, more = total + byte, byte == 255
        return total

    while True:
        token = take(1)[0]
        out += take(length(token >> 4))
        if at == len(stored):
            break
        distance = int.from_bytes(take(2), "little")
        count = 4 + length(token & 15)
        must(0 < distance <= len(out) <= size - 12 and len(out) + count <= size - 5, where,
             "an LZ4 copy from or to nowhere")
        for _ in range(count):
            out.append(out[-distance])
    must(len(out) == size, where, f"the LZ4 block has {len(out)} bytes instead of {size}")
    return bytes(out)


def unshuffle(stored, width):
    count = len(stored) // width
    planes = [stored[count * b:count * (b + 1)] for b in range(width)]
    return bytes(byte for element in zip(*planes) for byte in element) + stored[count * width:]


# ---- what a container holds -----------------------------------------------------------------------------


class Slice:
    """A rectangular part of a tensor; ranges is None when it is whole, else the pairs as they were written."""

    def __init__(self, record, ranges, shape):
        self.record = record
        self.ranges = ranges
        if ranges is None:
            self.begins, self.lengths = [0] * len(shape), list(shape)
        else:
            self.begins = [start for start, _ in ranges]
            self.lengths = [dim if pair == (0, WHOLE_DIM) else pair[1] for pair, dim in zip(ranges, shape)]
        self.extents = []
        self.digests = []  # of its chunks

    def overlaps(self, other):
        return all(max(a, b) < min(a + n, b + m)
                   for a, n, b, m in zip(self.begins, self.lengths, other.begins, other.lengths))

    def spec(self, shape):
        """As TensorFlow writes it: the tensor's dims, then the ranges literally."""
        ranges = ("-" if pair == (0, WHOLE_DIM) else f"{pair[0]},{pair[1]}" for pair in self.ranges)
        return " ".join([*map(str, shape), ":".join(ranges)])


class Tensor:
    """A tensor or a metadata value."""

    def __init__(self, container, record, name, shape):
        self.container = container
        self.record = record
        self.name = name
        self.shape = shape
        self.slices = []
        self.type = TYPES.get(record.dtype)
        self.elements = 1
        for dim in shape:
            self.elements *= dim

    @property
    def dtype(self):
        return self.type.name if self.type else f"type-{self.record.dtype}"

    @property
    def incomplete(self):
        return bool(self.record.flags & INCOMPLETE)

    @property
    def nbytes(self):
        """Raw bytes; of strings the sum of their lengths."""
        return self.record.size - (8 * self.elements if self.record.dtype in VARIABLE else 0)

    @property
    def digest(self):
        return f"xxh3-128:{self.record.digest.hex()}" if self.record.digest_kind else None

    def size_of(self, lengths):
        """Bytes of a part of these lengths, or None when it does not consist of blocks. Not for variable sizes."""
        record = self.record
        elements = 1
        for length in lengths:
            elements *= length
        row = elements if record.packing == 0 or not lengths else lengths[-1]
        return None if row % record.block_elements else elements // record.block_elements * record.block_bytes

    def stored(self):
        """The bytes as they are stored, row-major over the whole tensor."""
        if self.incomplete:
            raise Refusal("PRECONDITION", repr(self.name), "the stored slices do not cover the tensor")
        if len(self.slices) == 1 and self.slices[0].ranges is None:
            return self.container.raw(self.slices[0])
        whole = bytearray(self.record.size)
        for part in self.slices:
            self.place(part, self.container.raw(part), whole)
        return bytes(whole)

    def place(self, part, raw, whole):
        """Copies a slice to where it belongs. The last dim counts blocks, so that every step is in bytes."""
        if not raw:
            return
        blocks = lambda lengths: [*lengths[:-1], lengths[-1] // self.record.block_elements]
        shape, begins, lengths = blocks(self.shape), blocks(part.begins), blocks(part.lengths)
        steps = [self.record.block_bytes]
        for dim in reversed(shape[1:]):
            steps.insert(0, steps[0] * dim)
        row = lengths[-1] * steps[-1]
        place = [0] * len(shape)
        for at in range(0, len(raw), row):
            to = sum((begin + p) * step for begin, p, step in zip(begins, place, steps))
            whole[to:to + row] = raw[at:at + row]
            for dim in range(len(shape) - 2, -1, -1):
                place[dim] += 1
                if place[dim] < lengths[dim]:
                    break
                place[dim] = 0

    def items(self):
        """The elements of a type of variable size."""
        stored = self.stored()
        ends = struct.unpack_from(f"<{self.elements}Q", stored)
        base = 8 * self.elements
        return [stored[base + begin:base + end] for begin, end in zip((0, *ends), ends)]

    def cat(self):
        """What `cairn cat` writes."""
        if self.record.dtype not in VARIABLE:
            return self.stored()
        return b"".join(struct.pack("<Q", len(item)) + item for item in self.items())

    def listing(self):
        """The object of `cairn ls --json`, without what names a place in the file."""
        # One that covers everything counts as whole there, however its ranges are written.
        whole = len(self.slices) == 1 and self.slices[0].lengths == self.shape
        slices = [] if whole else [
            {"spec": part.spec(self.shape), "nbytes": part.record.size,
             "digest": f"xxh3-128:{summary(part.digests).hex()}" if part.record.digest_kind else None}
            for part in self.slices]
        return {"name": self.name, "dtype": self.dtype, "shape": self.shape, "nbytes": self.nbytes,
                "digest": self.digest, "slices": slices}


def summary(digests):
    """The digest of a tensor from those of its chunks."""
    return digests[0] if len(digests) == 1 else xxh3_128(b"".join(digests))


# ---- the reader -----------------------------------------------------------------------------------------


class Container:
    """The bytes of a container, checked in full. Siblings are looked for in folder."""

    def __init__(self, data, folder=None):
        self.data = data
        self.unsupported = []  # refusals that wait until nothing worse was found
        self.read_header()
        self.read_footer()
        self.read_section_table()
        self.check_tree()
        self.walk()
        self.check_places()
        self.check_padding()
        self.files = [data] + [self.open_shard(number, folder) for number in range(1, len(self.shards))]
        for tensor in self.tensors + self.metadata:
            self.check_content(tensor)
        for refusal in self.unsupported:
            raise refusal

    def postpone(self, where, what):
        self.unsupported.append(Refusal("UNSUPPORTED", where, what))

    # -- pages --

    def read_header(self):
        data, where = self.data, "header"
        if data[:8] != HEADER_MAGIC:
            footed = len(data) >= PAGE and data[-PAGE:][:8] == FOOTER_MAGIC
            raise Refusal("CORRUPT" if footed else "NOT_A_CHECKPOINT", where, "no magic")
        must(len(data) >= PAGE, where, f"the file ends after {len(data)} bytes", "TRUNCATED")
        header = self.header = HEADER.read(data, 0, where, zeros=False)
        must(header.version == 1, where, f"version {header.version}", "UNSUPPORTED")
        # FOREIGN too is a feature that this reader does not know.
        must(header.incompat_flags == 0, where, f"incompat flags {header.incompat_flags:#x}", "UNSUPPORTED")
        must(header.size == PAGE, where, f"size {header.size}")
        HEADER.check_reserved(header, where)

    def read_footer(self):
        data, where = self.data, "footer"
        self.end = len(data) - PAGE
        footer = self.footer = FOOTER.read(data, self.end, where, zeros=False)
        must(footer.magic == FOOTER_MAGIC, where, "no magic in the last 4096 bytes", "TRUNCATED")
        must(xxh3_128(data[self.end:self.end + 4080]) == footer.digest, where, "differs from its digest", "CHECKSUM")
        must(footer.version == 1, where, f"version {footer.version}", "UNSUPPORTED")
        must(footer.incompat_flags == 0, where, f"incompat flags {footer.incompat_flags:#x}", "UNSUPPORTED")
        must(footer.size == PAGE, where, f"size {footer.size}")
        must(footer.file_size <= len(data), where, f"{len(data)} bytes of {footer.file_size}", "TRUNCATED")
        must(footer.file_size == len(data), where, f"{len(data)} bytes instead of {footer.file_size}")
        must(footer.index_offset >= BLOCK and footer.index_offset % BLOCK == 0, where,
             f"index_offset {footer.index_offset}")
        must(align(footer.index_offset + footer.index_size, PAGE) + PAGE == footer.file_size, where,
             f"index_size {footer.index_size} does not fit the file's size")
        must(footer.sections_size <= footer.index_size, where, f"sections_size {footer.sections_size}")
        must(power_of_two(footer.alignment, PAGE, 2**21), where, f"alignment {footer.alignment}")
        must(footer.block_size == BLOCK, where, f"block_size {footer.block_size}")
        must(footer.root_kind == XXH3_128, where, f"root_kind {footer.root_kind}", "UNSUPPORTED")
        must(footer.tensor_count < 2**32, where, f"tensor_count {footer.tensor_count}")
        must(footer.metadata_count < 2**32, where, f"metadata_count {footer.metadata_count}")
        must(8 <= footer.section_count <= 32, where, f"section_count {footer.section_count}")
        FOOTER.check_reserved(footer, where)
        must(xxh3_128(data[:PAGE]) == footer.header_digest, "header", "differs from its digest", "CHECKSUM")
        must(footer.compat_flags == self.header.compat_flags, where, "compat_flags differ from the header's")
        page = data[self.end:]
        must(xxh3_128(page[96:128] + page[32:48] + page[168:960]) == footer.content_id, where, "content_id differs")
        copy = footer.index_offset - PAGE
        must(data[copy:copy + PAGE] == page, "footer copy", "differs from the footer")

    # -- index image --

    def read_section_table(self):
        footer, where = self.footer, "section table"
        self.sections = {}
        end = previous = 0
        for number in range(32):
            entry = SECTION.read(footer.sections, SECTION.size * number, where)
            if number >= footer.section_count:
                must(not any(entry), where, f"entry {number} is not in use and not zero")
                continue
            must(entry.type > previous, where, f"type {entry.type} after {previous}")
            must(entry.offset == align(end, 64), where, f"type {entry.type} at {entry.offset}")
            if entry.type in RECORD_SIZES:
                must(entry.record_size == RECORD_SIZES[entry.type], where,
                     f"record_size {entry.record_size} of type {entry.type}")
                must(entry.size % entry.record_size == 0, where, f"size {entry.size} of type {entry.type}")
            self.sections[entry.type] = entry
            end, previous = entry.offset + entry.size, entry.type
            must(end <= footer.sections_size, where, f"type {entry.type} ends at {end}")
        for kind in RECORD_SIZES:
            must(kind in self.sections, where, f"no type {kind}")
        must(end == footer.sections_size, where, f"the last section ends at {end}")
        must(self.count(TENSORS) == footer.tensor_count + footer.metadata_count, where,
             f"{self.count(TENSORS)} tensor records")
        must(1 <= self.count(SHARDS) <= 65535, where, f"{self.count(SHARDS)} shards")

    def count(self, kind):
        return self.sections[kind].size // RECORD_SIZES[kind]

    def section(self, kind):
        begin = self.footer.index_offset + self.sections[kind].offset
        return self.data[begin:begin + self.sections[kind].size]

    def check_tree(self):
        footer, where = self.footer, "digest tree"
        runs = tree_runs(footer.sections_size)
        must(len(runs) <= 5, where, f"{len(runs) - 1} levels")
        must(sum(runs[-1]) == footer.index_size, where, f"index_size {footer.index_size}")
        image = self.data[footer.index_offset:footer.index_offset + footer.index_size]
        expected = footer.root
        for level, (begin, size) in zip(range(len(runs) - 2, -2, -1), reversed(runs)):
            name = f"level {level}" if level >= 0 else "sections"
            run = image[begin:begin + size]
            for number in range(len(expected) // 16):
                must(xxh3_128(run[BLOCK * number:BLOCK * (number + 1)]) == expected[16 * number:16 * (number + 1)],
                     where, f"block {number} of the {name} differs from its digest", "CHECKSUM")
            expected = run
        places = [(entry.offset, entry.offset + entry.size) for entry in self.sections.values()]
        places += [(begin, begin + size) for begin, size in runs[1:]]
        self.check_zeros(0, footer.index_size, places, footer.index_offset, "index image")

    def check_zeros(self, begin, end, places, base, where):
        """That all bytes from begin to end are zero but those in places, an ascending list."""
        for left, right in [*places, (end, end)]:
            if left > begin and self.data.count(0, base + begin, base + left) != left - begin:
                at = next(at for at in range(base + begin, base + left) if self.data[at])
                raise Refusal("CORRUPT", where, f"padding at {at} is not zero")
            begin = max(begin, right)

    def walk(self):
        """All records, in canonical order."""
        self.names = self.section(NAMES)
        dims = self.section(DIMS)
        self.dims = struct.unpack(f"<{len(dims) // 8}Q", dims)
        self.at = {kind: 0 for kind in (NAMES, DIMS, SLICES, EXTENTS, CHUNK_DIGESTS)}
        self.slice_records, self.extent_records = self.section(SLICES), self.section(EXTENTS)
        self.chunk_digests, self.tensor_records = self.section(CHUNK_DIGESTS), self.section(TENSORS)
        shard_records = self.section(SHARDS)
        self.shards = [SHARD.read(shard_records, at, f"shard {at // SHARD.size}")
                       for at in range(0, len(shard_records), SHARD.size)]
        self.places = []  # (shard, begin, end, what) of all extents
        self.tensors, self.metadata = [], []
        for number in range(self.footer.tensor_count):
            self.tensors.append(self.read_tensor(number, 0, self.tensors))
        for number in range(self.footer.tensor_count, self.count(TENSORS)):
            self.metadata.append(self.read_tensor(number, 1, self.metadata))
        for number, shard in enumerate(self.shards):
            self.check_shard(number, shard)
        for kind, at in self.at.items():
            must(at == self.count(kind), "canonical order", f"{self.count(kind) - at} records of type {kind} are left")

    def take(self, kind, index, count, where, field):
        """The range that a record refers to must be the next one of its section."""
        at = self.at[kind]
        must(index == at, where, f"{field} is {index} instead of {at}")
        must(count <= self.count(kind) - at, where, f"{field} {index} + {count} is past the end of its section")
        self.at[kind] = at + count
        return at

    def take_name(self, record, where):
        must(record.name_size <= 2**20, where, f"name_size {record.name_size}")
        at = self.take(NAMES, record.name_offset, record.name_size, where, "name_offset")
        try:
            return self.names[at:at + record.name_size].decode("utf-8")
        except UnicodeDecodeError:
            raise Refusal("CORRUPT", where, "the name is not UTF-8") from None

    def read_tensor(self, number, name_space, before):
        where = f"{'metadata' if name_space else 'tensor'} {number}"
        record = TENSOR.read(self.tensor_records, TENSOR.size * number, where)
        name = self.take_name(record, where)
        where += f" {name!r}"
        must(record.name_space == name_space, where, f"name_space {record.name_space}")
        if before:
            must(before[-1].name.encode() < name.encode(), where, f"follows {before[-1].name!r}")
        must(record.rank <= (1 if name_space else 254), where, f"rank {record.rank}")
        at = self.take(DIMS, record.dims_index, record.rank, where, "dims_index")
        shape = list(self.dims[at:at + record.rank])
        elements = 1
        for dim in shape:
            elements *= dim
            must(elements < MOST, where, "too many elements")
        tensor = Tensor(self, record, name, shape)
        self.check_tensor(tensor, where)
        self.take(SLICES, record.slice_index, record.slice_count, where, "slice_index")
        if record.flags & ALIAS:
            self.follow_alias(tensor, number, before, where)
            return tensor
        must(record.alias_of == 0, where, f"alias_of {record.alias_of} without ALIAS")
        for index in range(record.slice_index, record.slice_index + record.slice_count):
            tensor.slices.append(self.read_slice(tensor, index, f"{where}, slice {index - record.slice_index}"))
        self.check_slices(tensor, where)
        if record.digest_kind == XXH3_128:
            must(summary([digest for part in tensor.slices for digest in part.digests]) == record.digest, where,
                 "the digest does not follow from those of the chunks")
        return tensor

    def check_tensor(self, tensor, where):
        record, kind = tensor.record, tensor.type
        must(record.dtype != 0, where, "dtype 0")
        must(record.slice_count <= 65536, where, f"slice_count {record.slice_count}")
        must(record.flags in ((0, ALIAS) if record.name_space else range(4)), where, f"flags {record.flags:#x}")
        must(record.packing <= 1, where, f"packing {record.packing}")
        if record.digest_kind == 0:
            must_be_zero(record, "digest", where)
        elif record.digest_kind != XXH3_128:
            self.postpone(where, f"digest_kind {record.digest_kind}")
        must(record.name_space or record.dtype not in (BYTES, NULL), where, f"dtype {record.dtype} outside metadata")
        blocks = record.block_elements, record.block_bytes
        must(blocks == kind[1:] if kind else all(blocks), where,
             f"blocks of {blocks[0]} elements and {blocks[1]} bytes with dtype {record.dtype}")
        must(record.size < MOST, where, f"size {record.size}")
        if record.dtype in VARIABLE:
            must(record.size >= 8 * tensor.elements and (tensor.elements or not record.size), where,
                 f"size {record.size} of {tensor.elements} elements")
        else:
            must(record.size == tensor.size_of(tensor.shape), where, f"size {record.size} does not fit the shape")

    def follow_alias(self, tensor, number, before, where):
        record = tensor.record
        must(record.slice_count == 0, where, "an alias with slices")
        must(record.alias_of < number, where, f"alias_of {record.alias_of}")
        place = record.alias_of - (number - len(before))  # in its namespace
        must(place >= 0, where, f"alias_of {record.alias_of} is in the other namespace")
        other = before[place]
        must(not other.record.flags & ALIAS, where, f"alias_of {record.alias_of} is an alias itself")
        for field in ("dtype", "rank", "block_elements", "block_bytes", "packing", "size", "digest_kind", "digest"):
            must(getattr(record, field) == getattr(other.record, field), where, f"{field} differs from {other.name!r}")
        must(tensor.shape == other.shape, where, f"shape differs from {other.name!r}")
        must(tensor.incomplete == other.incomplete, where, f"INCOMPLETE differs from {other.name!r}")
        tensor.slices = other.slices

    # -- slices and extents --

    def read_slice(self, tensor, index, where):
        record = SLICE.read(self.slice_records, SLICE.size * index, where)
        must(record.flags <= WHOLE, where, f"flags {record.flags:#x}")
        # Transforms to 7 and check kinds from 2 to 5 go only with FOREIGN, which this reader does not know.
        must(record.transform == 0 or record.transform > 8, where, f"transform {record.transform}")
        must(record.digest_kind == tensor.record.digest_kind, where, f"digest_kind {record.digest_kind}")
        must(record.check_kind == (record.digest_kind > 0) or record.check_kind > 6, where,
             f"check_kind {record.check_kind}")
        if record.transform:
            self.postpone(where, f"transform {record.transform}")
        else:
            must_be_zero(record, "transform_value", where)
        if record.check_kind > 6:
            self.postpone(where, f"check_kind {record.check_kind}")
        else:
            must_be_zero(record, "check_value", where)
        must(power_of_two(record.chunk_size, 2**16, 2**26), where, f"chunk_size {record.chunk_size}")
        rank = 0 if record.flags & WHOLE else tensor.record.rank
        at = self.take(DIMS, record.ranges_index, 2 * rank, where, "ranges_index")
        pairs = None if record.flags & WHOLE else [tuple(self.dims[i:i + 2]) for i in range(at, at + 2 * rank, 2)]
        part = Slice(record, pairs, tensor.shape)
        self.check_ranges(tensor, part, where)
        self.take(EXTENTS, record.extent_index, record.extent_count, where, "extent_index")
        total = 0
        by_chunk = 1 < record.extent_count == -(-record.size // record.chunk_size)
        for number in range(record.extent_index, record.extent_index + record.extent_count):
            extent = self.read_extent(number, by_chunk, f"{where}, extent {number - record.extent_index}")
            part.extents.append(extent)
            self.check_by_chunk(record, extent, total, f"{where}, extent {number - record.extent_index}")
            total += extent.size
        must(record.extent_count == 0 or record.size > 0, where, "extents of an empty slice")
        must(total == record.size or record.transform, where, f"extents of {total} bytes for {record.size}")
        chunks = -(-record.size // record.chunk_size) if record.digest_kind else 0
        at = self.take(CHUNK_DIGESTS, record.chunk_index, chunks, where, "chunk_index")
        part.digests = [self.chunk_digests[16 * i:16 * i + 16] for i in range(at, at + chunks)]
        return part

    def check_by_chunk(self, record, extent, begin, where):
        """As many extents as chunks: each is one."""
        if record.extent_count != -(-record.size // record.chunk_size):
            must(extent.codec != LZ4, where, "compressed, and the slice is not stored by chunk")
        else:
            must(extent.size == min(record.chunk_size, record.size - begin), where, f"size {extent.size} of a chunk")

    def check_ranges(self, tensor, part, where):
        record, block = part.record, tensor.record.block_elements
        if part.ranges is None:
            must(record.size == tensor.record.size, where, f"size {record.size} of a whole slice")
            return
        must(tensor.shape and tensor.record.dtype not in VARIABLE and not tensor.record.name_space, where,
             "must be whole")
        for begin, length, dim in zip(part.begins, part.lengths, tensor.shape):
            must(begin + length <= dim, where, f"range {begin},{length} in a dim of {dim}")
        if block > 1:
            must(tensor.shape[-1] % block == part.begins[-1] % block == part.lengths[-1] % block == 0, where,
                 "not at the boundaries of blocks")
        must(record.size == tensor.size_of(part.lengths), where, f"size {record.size} does not fit the lengths")

    def read_extent(self, number, by_chunk, where):
        extent = EXTENT.read(self.extent_records, EXTENT.size * number, where)
        must(0 < extent.size < MOST, where, f"size {extent.size}")
        must(extent.stored_size < MOST, where, f"stored_size {extent.stored_size}")
        if extent.codec == LZ4:
            must(extent.stored_size < extent.size and extent.size // 255 <= extent.stored_size, where,
                 f"stored_size {extent.stored_size} of {extent.size} bytes")
            must(extent.shuffle == 0 or 2 <= extent.shuffle <= 16, where, f"shuffle {extent.shuffle}")
        elif extent.codec != RAW:
            self.postpone(where, f"codec {extent.codec}")
        else:
            must(extent.stored_size == extent.size, where, f"stored_size {extent.stored_size} of a raw extent")
            must_be_zero(extent, "stored_digest shuffle", where)
        must(extent.shard < len(self.shards), where, f"shard {extent.shard}")
        end = extent.offset + extent.stored_size
        if extent.shard:
            size = self.shards[extent.shard].size
            must(end <= size, where, f"ends at {end} in a shard of {size} bytes")
        else:
            must(extent.offset >= PAGE and end <= self.footer.index_offset - PAGE, where,
                 f"bytes {extent.offset} to {end} are not between header page and footer copy")
            large = extent.codec == RAW and extent.stored_size >= 65536 and not by_chunk
            step = self.footer.alignment if large else 64
            must(extent.offset % step == 0, where, f"offset {extent.offset} is not a multiple of {step}")
        self.places.append((extent.shard, extent.offset, end, where))
        return extent

    def check_slices(self, tensor, where):
        record, slices = tensor.record, tensor.slices
        whole = [part for part in slices if part.ranges is None]
        must(not whole or len(slices) == 1, where, "a whole slice among others")
        must(not (whole and tensor.incomplete), where, "INCOMPLETE with a whole slice")
        if not tensor.shape or record.dtype in VARIABLE or record.name_space:
            must(whole, where, "must be stored whole")
        if whole:
            return
        held = 0
        for part in slices:
            elements = 1
            for length in part.lengths:
                elements *= length
            held += elements
        self.check_overlap(tensor, where)
        must(held < tensor.elements if tensor.incomplete else held == tensor.elements, where,
             f"slices of {held} elements for {tensor.elements}{', INCOMPLETE' if tensor.incomplete else ''}")

    def check_overlap(self, tensor, where):
        """Sweeps along the dim in which the slices begin at the most places."""
        slices = tensor.slices
        dim = max(range(len(tensor.shape)), key=lambda d: len({part.begins[d] for part in slices}))
        pairs = 0
        active = []
        for part in sorted((part for part in slices if all(part.lengths)), key=lambda part: part.begins[dim]):
            active = [other for other in active if other.begins[dim] + other.lengths[dim] > part.begins[dim]]
            pairs += len(active)
            must(pairs <= MOST_PAIRS, where, "too many pairs of slices to compare", "LIMIT")
            for other in active:
                must(not part.overlaps(other), where, f"slices {other.ranges} and {part.ranges} overlap")
            active.append(part)

    # -- shards and regions --

    def check_shard(self, number, shard):
        where = f"shard {number}"
        # Kinds 2 and 3 go only with FOREIGN.
        must(shard.kind == (SIBLING if number else SELF), where, f"kind {shard.kind}")
        name = self.take_name(shard, where)
        must_be_zero(shard, "codec parent offset stored_size modified_ns changed_ns inode", where)
        must_be_zero(shard, "header_digest header_size", where)
        if shard.kind == SELF:
            must(name == "", where, "has a name")
            must_be_zero(shard, "size content_id", where)
        else:
            must(name not in ("", ".") and not any(part in name for part in ("/", "\0", "..")), where, f"name {name!r}")

    def open_shard(self, number, folder):
        """The bytes of a sibling, which is a complete container too."""
        shard, where = self.shards[number], f"shard {number}"
        name = self.names[shard.name_offset:shard.name_offset + shard.name_size]
        must(folder is not None, where, "no folder to look for siblings in", "UNSUPPORTED")
        try:
            with open(os.open(os.path.join(os.fsencode(folder), name), os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                data = file.read(shard.size + 1)
        except OSError as error:
            raise Refusal("CORRUPT", where, f"{name.decode()!r}: {error.strerror}") from None
        must(len(data) == shard.size, where, f"{name.decode()!r} has not {shard.size} bytes")
        try:
            sibling = Container(data)
        except Refusal as refusal:
            raise Refusal(refusal.code, where, str(refusal)) from None
        must(sibling.footer.content_id == shard.content_id, where, f"{name.decode()!r} has another content_id")
        return data

    def check_places(self):
        """Where regions and extents lie."""
        records = self.section(REGIONS)
        self.regions = []
        end = PAGE
        for at in range(0, len(records), REGION.size):
            where = f"region {at // REGION.size}"
            region = REGION.read(records, at, where)
            must(region.kind in (DATA, OPAQUE), where, f"kind {region.kind}")
            must(region.offset >= end, where, f"offset {region.offset} is before {end}")
            end = region.offset + region.size
            must(end <= self.footer.index_offset - PAGE, where, f"ends at {end}, in the footer copy")
            if region.kind == OPAQUE:
                must(xxh3_128(self.data[region.offset:end]) == region.digest, where, "differs from its digest",
                     "CHECKSUM")
            else:
                must_be_zero(region, "section_type digest", where)
            self.regions.append(region)
        self.places.sort()
        begins = [region.offset for region in self.regions]
        before = (0, 0)
        for shard, left, right, where in self.places:
            must((shard, left) >= before, where, f"shares bytes from {left} with another extent")
            before = shard, right
            if shard:
                continue
            # Several regions may begin at one place, when all but the last are empty.
            region = self.regions[bisect.bisect_right(begins, left) - 1] if begins and begins[0] <= left else None
            must(region and region.kind == DATA and right <= region.offset + region.size, where,
                 f"bytes {left} to {right} are not in a data region")

    def check_padding(self):
        footer = self.footer
        places = [(left, right) for shard, left, right, _ in self.places if shard == 0]
        places += [(region.offset, region.offset + region.size) for region in self.regions if region.kind == OPAQUE]
        places = [(0, PAGE), *sorted(places), (footer.index_offset - PAGE, footer.index_offset + footer.index_size)]
        self.check_zeros(0, self.end, places, 0, "file")

    # -- content --

    def raw(self, part):
        return b"".join(map(self.raw_extent, part.extents))

    def raw_extent(self, extent):
        stored, where = self.files[extent.shard][extent.offset:extent.offset + extent.stored_size], "a chunk"
        if extent.codec == RAW:
            return stored
        must(xxh3_64(stored) == extent.stored_digest, where, "the stored bytes differ from their digest", "CHECKSUM")
        block = lz4_block(stored, extent.size, where)
        return unshuffle(block, extent.shuffle) if extent.shuffle else block

    def check_content(self, tensor):
        where = f"{'metadata' if tensor.record.name_space else 'tensor'} {tensor.name!r}"
        unknown = any(part.record.transform or any(extent.codec > LZ4 for extent in part.extents) for part in tensor.slices)
        if tensor.record.flags & ALIAS or unknown:
            return
        for number, part in enumerate(tensor.slices):
            raw, size = self.raw(part), part.record.chunk_size
            for chunk, digest in enumerate(part.digests):
                must(xxh3_128(raw[size * chunk:size * (chunk + 1)]) == digest, where,
                     f"chunk {chunk} of slice {number} differs from its digest", "CHECKSUM")
        if tensor.record.dtype in VARIABLE and tensor.elements:
            ends = struct.unpack_from(f"<{tensor.elements}Q", tensor.stored())
            must(all(a <= b for a, b in zip(ends, ends[1:])), where, "end offsets descend")
            must(ends[-1] == tensor.nbytes, where, f"the last end offset is {ends[-1]} instead of {tensor.nbytes}")


def read(path):
    """The container at path, or a Refusal."""
    with open(path, "rb") as file:
        return Container(file.read(), os.path.dirname(os.path.abspath(path)))


# ---- the command ----------------------------------------------------------------------------------------


def main(arguments):
    parser = argparse.ArgumentParser(description="Reads a Cairn container by the book.")
    parser.add_argument("file")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--cat", metavar="NAME")
    what.add_argument("--list", action="store_true")
    what.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    try:
        container = read(options.file)
        if options.cat is not None:
            name = os.fsencode(options.cat)
            found = [tensor for tensor in container.tensors if tensor.name.encode() == name]
            if not found:
                raise Refusal("NOT_FOUND", repr(options.cat), "no such tensor")
            sys.stdout.buffer.write(found[0].cat())
        elif options.list:
            for tensor in container.tensors:
                print(f"{tensor.dtype} {tensor.shape} {tensor.nbytes} {json.dumps(tensor.name)}")
        elif options.json:
            print(json.dumps([tensor.listing() for tensor in container.tensors], indent=1))
        else:
            print(f"{options.file}: {len(container.tensors)} tensors, {len(container.metadata)} metadata values, "
                  f"{sum(tensor.nbytes for tensor in container.tensors)} bytes, every rule kept")
    except Refusal as refusal:
        print(f"{options.file}: {refusal}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{options.file}: {error.strerror}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
