# SPDX-License-Identifier: Apache-2.0
# Every slice against an independent one.
make m.safetensors t I32 6,5,4
cairn cat m.safetensors t >whole
for spec in -:-:- 0,6:0,5:0,4 2,1:-:- -:1,3:- -:-:3,1 1,4:2,2:1,3 5,1:4,1:3,1 '6 5 4 0,2:-:1,2' ''; do
	cairn cat m.safetensors t --slice "$spec" >part
	python3 - "$spec" <<'END'
import itertools, struct, sys
dims = [6, 5, 4]
extents = (sys.argv[1].split(" ")[-1] or "-:-:-").split(":")
ranges = []
for dim, extent in zip(dims, extents):
    start, length = (0, dim) if extent == "-" else map(int, extent.split(","))
    ranges.append(range(start, start + length))
want = b"".join(struct.pack("<i", (i * 5 + j) * 4 + k) for i, j, k in itertools.product(*ranges))
got = open("part", "rb").read()
print(sys.argv[1], len(got), "same" if got == want else "different")
END
done
