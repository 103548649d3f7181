# SPDX-License-Identifier: Apache-2.0
# The same as an object; the sums agree, whatever is in memory.
container c.cairn
cairn explain --json c.cairn >json
check json 'd["path"] == "c.cairn" and d["into"] == "buffers" and d["verified"] is True'
check json 'd["file_bytes"] == sum(s["nbytes"] for s in d["steps"])'
check json 'd["file_bytes"] == d["resident_bytes"] + d["absent_bytes"] + d["unknown_bytes"]'
check json 'd["file_bytes"] == d["mapped_bytes"] + d["read_bytes"] + d["decoded_bytes"]'
check json 'all(s["transport"] in ("mapped", "read", "decode") for s in d["steps"])'
check json '[(r["name"], r["code"]) for r in d["refused"]] == [("holes", "PRECONDITION")]'
check json 'd["threads"] >= 1 and d["skipped_bytes"] == 0'
cairn explain --json --threads 1 --match whole c.cairn >json
check json 'd["tensors"] == 1 and d["threads"] == 1 and d["refused"] == []'
check json 'd["steps"][0]["file"] == "c.cairn" and d["steps"][0]["entries"] == 1'
bundle prefix 2 a:0:one b:1:other
cairn explain --json prefix >json
check json 'd["tensors"] == 2 and len(d["steps"]) == 2 and d["file_bytes"] == 8'
