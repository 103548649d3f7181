#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""XXH3 with 64 and with 128 bits, seed 0, default secret, in plain Python, for inputs of every length.

Written from the xxHash specification, not from libxxhash: the tests compare the two.
usage: reference_xxh3.py          checks the test vectors
       reference_xxh3.py FILE     prints what `xxhsum -H2 FILE` prints
"""
import operator
import struct
import sys

SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e")

M32 = 0xFFFFFFFF
M64 = 0xFFFFFFFFFFFFFFFF
P32_1, P32_2, P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
P64_1, P64_2, P64_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P64_4, P64_5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
MX1, MX2 = 0x165667919E3779F9, 0x9FB21C651E98DF25

STRIPE = 64
BLOCK = 1024   # 16 stripes: the secret moves on by 8 bytes from stripe to stripe and must not run out
LANES = struct.Struct("<8Q")
BLOCK_LANES = struct.Struct("<128Q")
BLOCK_HALVES = struct.Struct("<256I")
# What the stripes of a block are xored with, as one number: the secret from byte 0, from byte 8, ...
BLOCK_KEY = int.from_bytes(b"".join(SECRET[8 * i:8 * i + STRIPE] for i in range(16)), "little")
SCRAMBLE_KEY = LANES.unpack_from(SECRET, 128)
LAST_KEY = LANES.unpack_from(SECRET, 121)


def read32(data, at):
    return int.from_bytes(data[at:at + 4], "little")


def read64(data, at):
    return int.from_bytes(data[at:at + 8], "little")


def swap32(x):
    return int.from_bytes(x.to_bytes(4, "little"), "big")


def swap64(x):
    return int.from_bytes(x.to_bytes(8, "little"), "big")


def rotate64(x, by):
    return (x << by | x >> (64 - by)) & M64


def fold(a, b):
    """The 128-bit product of two 64-bit numbers, its halves xored."""
    product = a * b
    return product & M64 ^ product >> 64


def avalanche(h):
    h ^= h >> 37
    h = h * MX1 & M64
    return h ^ h >> 32


def avalanche_xxh64(h):
    h ^= h >> 33
    h = h * P64_2 & M64
    h ^= h >> 29
    h = h * P64_3 & M64
    return h ^ h >> 32


def key64(at):
    return read64(SECRET, at) ^ read64(SECRET, at + 8)


def mix16(data, at, secret):
    return fold(read64(data, at) ^ read64(SECRET, secret), read64(data, at + 8) ^ read64(SECRET, secret + 8))


# ---- up to 16 bytes -------------------------------------------------------------------------------------


def combined(data):
    """1 to 3 bytes and the length as one 32-bit number."""
    size = len(data)
    return data[0] << 16 | data[size >> 1] << 24 | data[-1] | size << 8


def short64(data):
    size = len(data)
    if size > 8:
        low = read64(data, 0) ^ key64(24)
        high = read64(data, size - 8) ^ key64(40)
        return avalanche(size + swap64(low) + high + fold(low, high) & M64)
    if size >= 4:
        h = read32(data, size - 4) + (read32(data, 0) << 32) ^ key64(8)
        h ^= rotate64(h, 49) ^ rotate64(h, 24)
        h = h * MX2 & M64
        h ^= (h >> 35) + size
        h = h * MX2 & M64
        return h ^ h >> 28
    if size:
        return avalanche_xxh64(combined(data) ^ read32(SECRET, 0) ^ read32(SECRET, 4))
    return avalanche_xxh64(key64(56))


def short128(data):
    size = len(data)
    if size > 8:
        high = read64(data, size - 8)
        product = (read64(data, 0) ^ high ^ key64(32)) * P64_1
        low = (product & M64) + (size - 1 << 54) & M64
        high ^= key64(48)
        high = (product >> 64) + high + (high & M32) * (P32_2 - 1) & M64
        low ^= swap64(high)
        product = low * P64_2
        return avalanche((product >> 64) + high * P64_2 & M64), avalanche(product & M64)
    if size >= 4:
        keyed = read32(data, 0) + (read32(data, size - 4) << 32) ^ key64(16)
        product = keyed * (P64_1 + (size << 2) & M64)
        low = product & M64
        high = (product >> 64) + (low << 1) & M64
        low ^= high >> 3
        low ^= low >> 35
        low = low * MX2 & M64
        low ^= low >> 28
        return avalanche(high), low
    if size:
        low = combined(data)
        high = swap32(low)
        high = (high << 13 | high >> 19) & M32
        return (avalanche_xxh64(high ^ read32(SECRET, 8) ^ read32(SECRET, 12)),
                avalanche_xxh64(low ^ read32(SECRET, 0) ^ read32(SECRET, 4)))
    return avalanche_xxh64(key64(80)), avalanche_xxh64(key64(64))


# ---- 17 to 240 bytes ------------------------------------------------------------------------------------


def middle64(data):
    size = len(data)
    acc = size * P64_1
    if size <= 128:
        for i in range((size - 1) // 32, -1, -1):
            acc += mix16(data, 16 * i, 32 * i) + mix16(data, size - 16 * (i + 1), 32 * i + 16)
        return avalanche(acc & M64)
    for i in range(8):
        acc += mix16(data, 16 * i, 16 * i)
    acc = avalanche(acc & M64)
    for i in range(8, size // 16):
        acc += mix16(data, 16 * i, 16 * (i - 8) + 3)
    return avalanche(acc + mix16(data, size - 16, 136 - 17) & M64)


def middle128(data):
    size = len(data)
    low, high = size * P64_1 & M64, 0

    def mix32(one, two, secret):
        nonlocal low, high
        low = low + mix16(data, one, secret) & M64
        low ^= read64(data, two) + read64(data, two + 8) & M64
        high = high + mix16(data, two, secret + 16) & M64
        high ^= read64(data, one) + read64(data, one + 8) & M64

    if size <= 128:
        for i in range((size - 1) // 32, -1, -1):
            mix32(16 * i, size - 16 * (i + 1), 32 * i)
    else:
        for at in range(0, 128, 32):
            mix32(at, at + 16, at)
        low, high = avalanche(low), avalanche(high)
        for at in range(128, size - 31, 32):
            mix32(at, at + 16, 3 + at - 128)
        mix32(size - 16, size - 32, 136 - 17 - 16)
    return (-avalanche(low * P64_1 + high * P64_4 + size * P64_2 & M64) & M64), avalanche(low + high & M64)


# ---- above 240 bytes ------------------------------------------------------------------------------------


def accumulate(data):
    """The 8 accumulators after all of data. Sums are cut to 64 bits only where that changes something."""
    acc = [P32_3, P64_1, P64_2, P64_3, P64_4, P32_2, P64_5, P32_1]
    size = len(data)
    multiply = operator.mul
    from_bytes = int.from_bytes
    whole_blocks = (size - 1) // BLOCK
    for at in range(0, whole_blocks * BLOCK, BLOCK):
        lanes = BLOCK_LANES.unpack_from(data, at)
        keyed = BLOCK_HALVES.unpack((from_bytes(data[at:at + BLOCK], "little") ^ BLOCK_KEY).to_bytes(BLOCK, "little"))
        products = list(map(multiply, keyed[::2], keyed[1::2]))
        for i in range(8):
            a = acc[i] + sum(products[i::8]) + sum(lanes[i ^ 1::8]) & M64
            acc[i] = (a ^ a >> 47 ^ SCRAMBLE_KEY[i]) * P32_1 & M64
    at = whole_blocks * BLOCK
    for stripe in range((size - 1 - at) // STRIPE):
        add_stripe(acc, LANES.unpack_from(data, at + STRIPE * stripe), LANES.unpack_from(SECRET, 8 * stripe))
    add_stripe(acc, LANES.unpack_from(data, size - STRIPE), LAST_KEY)
    return [a & M64 for a in acc]


def add_stripe(acc, lanes, key):
    for i in range(8):
        keyed = lanes[i] ^ key[i]
        acc[i] += lanes[i ^ 1] + (keyed & M32) * (keyed >> 32)


def merge(acc, secret, start):
    key = LANES.unpack_from(SECRET, secret)
    for i in range(0, 8, 2):
        start += fold(acc[i] ^ key[i], acc[i + 1] ^ key[i + 1])
    return avalanche(start & M64)


# ---- what others use ------------------------------------------------------------------------------------


def xxh3_64(data):
    """XXH3 with 64 bits, as a number."""
    size = len(data)
    if size <= 16:
        return short64(data)
    if size <= 240:
        return middle64(data)
    return merge(accumulate(data), 11, size * P64_1)


def xxh3_128(data):
    """XXH3 with 128 bits, as 16 bytes in canonical form: high half, then low half, both big-endian."""
    size = len(data)
    if size <= 16:
        high, low = short128(data)
    elif size <= 240:
        high, low = middle128(data)
    else:
        acc = accumulate(data)
        high, low = merge(acc, 117, ~(size * P64_2) & M64), merge(acc, 11, size * P64_1)
    return high.to_bytes(8, "big") + low.to_bytes(8, "big")


# (length, 64 bits, 128 bits) of the bytes i * 167 + i / 256 (rounded down), i from 0, as libxxhash 0.8 computes them.
VECTORS = [
    (0, "2d06800538d394c2", "99aa06d3014798d86001c324468d497f"),
    (1, "c44bdff4074eecdb", "a6cd5e9392000f6ac44bdff4074eecdb"),
    (2, "82e837cabaca9897", "15461dc77895de2a82e837cabaca9897"),
    (3, "f3ea324084d6587c", "82271a7b5276669ef3ea324084d6587c"),
    (4, "93bff9036cff6c84", "f8709611b1f6cd87c89763cbddb18240"),
    (8, "f9c04d813da5eae2", "be8bed0ebb2d546425cf7cc25927ea82"),
    (9, "3ae7cccffd37339c", "239d32cacb62ab808bac796201949ed1"),
    (16, "34e9beada9992231", "58bef3e094ad742562e9dbe370805b66"),
    (17, "99e05057a4d42653", "5cdf78197d6c5ed0eadaf7c446a821d3"),
    (32, "fde5055dbb10cc4a", "cc885fc9c1f089dad282c6edec0cc33d"),
    (33, "0ef442ebd1c92301", "ffd0aaa400ef151ee3f37c015164c7c3"),
    (64, "25be06e38ab4ffc9", "2a743826c299c972ade41872dad6c752"),
    (65, "5181ff92d751b06f", "5845d0765c14c337f85be40c7b918a46"),
    (96, "387322b263fab18c", "f04ffbfe5363be3d7ec6a762fb0a25ee"),
    (97, "333110c4c15d6d86", "fa8a2544230e8caca366b5380bcb4153"),
    (128, "23d85ce687b3eb7f", "6364ba4eb5e0d68d49f1baeb9259b91f"),
    (129, "f80a7353a5a78ce7", "b34dcc37d8cb38328f901ead07b18018"),
    (160, "18c0d4ed46e4e7ff", "6c629749275ec19c2ab3d0b27a954648"),
    (161, "9cdf9a5b288ee726", "a65c470745f4d380df170b441afd49b2"),
    (192, "e987c6c6ccdfca76", "a0af9bb9dbb71a38612660f6037556e1"),
    (239, "674adafa1ece614d", "50985ab8899cee68334e823e75054dd5"),
    (240, "e77e31c41b3aab1e", "7f9dc0c69e5d78ad6ca2539364b765e5"),
    (241, "9dc4f9091538415e", "30fafd9e3931dbd19dc4f9091538415e"),
    (256, "f10740cc92f50822", "a3dc440db2c5f7f0f10740cc92f50822"),
    (512, "352c722938d4e7a2", "0d318785db37f4b5352c722938d4e7a2"),
    (1024, "538a456f0d08c251", "71e9a75c3ffe22df538a456f0d08c251"),
    (1025, "66637a3581e4fd54", "862f850f38b6508d66637a3581e4fd54"),
    (1088, "4eacbd686468c2ad", "a2401c531adfdb7a4eacbd686468c2ad"),
    (2048, "0dc0c08d9925bede", "826b940ff4f698290dc0c08d9925bede"),
    (4096, "f3df34840238d3b8", "b67cd589ff58bcc6f3df34840238d3b8"),
    (5000, "fd82be95886e0ca9", "fc7edfaa2f697891fd82be95886e0ca9"),
]


def check():
    """Lengths that differ from libxxhash's values above, or from FORMAT.md's own."""
    wrong = []
    for size, short, long in VECTORS:
        data = bytes(i * 167 + (i >> 8) & 255 for i in range(size))
        if f"{xxh3_64(data):016x}" != short or xxh3_128(data).hex() != long:
            wrong.append(f"{size} bytes")
    header = bytes.fromhex("89434149524e0d0a0100000000100000").ljust(4096, b"\0")
    if xxh3_128(header).hex() != "4d0cb5f38347048ef5bea7c087599bf5":
        wrong.append("FORMAT.md's smallest header page")
    return wrong


def main():
    if len(sys.argv) > 1:
        with open(sys.argv[1], "rb") as file:
            print(xxh3_128(file.read()).hex())
        return 0
    wrong = check()
    print(f"differ: {', '.join(wrong)}" if wrong else f"{len(VECTORS) + 1} vectors agree")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
