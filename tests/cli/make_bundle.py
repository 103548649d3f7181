#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a TensorFlow checkpoint of whole uint8 vectors, as TensorFlow does; shares no code with Cairn.

make_bundle.py PREFIX SHARDS [NAME:SHARD:TEXT]...    the bytes of TEXT are the values
"""
import os
import struct
import sys


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(value):
    out = b''
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value) if value else b''


def message(field, body):
    return varint(field << 3 | 2) + varint(len(body)) + body


def entry(shard, offset, data):
    shape = message(2, number(1, len(data)))
    return (number(1, 4) + message(2, shape) + number(3, shard) + number(4, offset) + number(5, len(data)) +
            b'\x35' + struct.pack('<I', masked(data)))


def block(items, interval):
    out, restarts, last = b'', [], b''
    for i, (key, value) in enumerate(items):
        shared = 0
        if i % interval == 0:
            restarts.append(len(out))
        else:
            shared = len(os.path.commonprefix([last, key]))
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    restarts = restarts or [0]
    return out + b''.join(struct.pack('<I', r) for r in restarts) + struct.pack('<I', len(restarts))


def table(items):
    out = b''
    handles = []
    last = items[-1][0]
    successor = last[:0] if not last else bytes([last[0] + 1])
    for body in (block(items, 16), block([], 16)):
        handles.append(varint(len(out)) + varint(len(body)))
        out += body + b'\0' + struct.pack('<I', masked(body + b'\0'))
    body = block([(successor, handles[0])], 1)
    handles.append(varint(len(out)) + varint(len(body)))
    out += body + b'\0' + struct.pack('<I', masked(body + b'\0'))
    return out + (handles[1] + handles[2]).ljust(40, b'\0') + bytes.fromhex('57fb808b247547db')


def main():
    prefix, shards = sys.argv[1], int(sys.argv[2])
    data = [b''] * shards
    items = [(b'', number(1, shards) + message(3, number(1, 1)))]
    for tensor in sys.argv[3:]:
        name, shard, text = tensor.split(':')
        values = text.encode()
        items.append((name.encode(), entry(int(shard), len(data[int(shard)]), values)))
        data[int(shard)] += values
    for i, values in enumerate(data):
        with open(f'{prefix}.data-{i:05d}-of-{shards:05d}', 'wb') as file:
            file.write(values)
    with open(f'{prefix}.index', 'wb') as file:
        file.write(table(sorted(items)))


if __name__ == '__main__':
    main()
