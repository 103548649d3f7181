# SPDX-License-Identifier: Apache-2.0
# A chain of 20,000 objects, a knot of cycles, objects that nothing leads to, names that upset a terminal.
python3 - <<'END'
def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])
def field(number, data):
    return bytes([number << 3 | 2]) + varint(len(data)) + data
def child(node, name):
    return field(1, (b"\x08" + varint(node) if node else b"") + field(2, name))
def write(path, nodes):
    open(path, "wb").write(b"".join(field(1, node) for node in nodes))
write("chain", [child(i + 1, b"next") for i in range(20000)] + [field(2, field(3, b"deep"))])
write("knot", [b"".join(child(to, b"to%d" % to) for to in range(4)) for _ in range(4)])
write("loose", [b"", child(2, b"b"), child(1, b"a"), field(3, b"\x08\x03\x12\x01s\x18\x03")])
write("names", [child(1, b"a/b.c") + child(2, b"\x1b[2J\n") + child(3, b""), field(2, field(3, b"\xe2\x80\xae")), b"", b""])
write("empty", [])
END
for name in chain knot loose names empty; do
	container $name.cairn --graph $name
done
cairn graph chain.cairn >out
head -n 3 out; sed -n '40,43p' out; tail -n 2 out
wc -c <out
cairn graph --json chain.cairn >a
check a 'd["object_graph"][256]["path"].count("/") == 255 and d["object_graph"][257]["path"] is None and d["dangling"] == 1'
for name in knot loose names empty; do
	cairn graph $name.cairn
	cairn graph --json $name.cairn >a
	check a 'd["values"] == d["dangling"]'
done
