# SPDX-License-Identifier: Apache-2.0
make a.safetensors x F32 300
make b.safetensors y F32 300
make c.safetensors z F32 300
quiet cairn convert a.safetensors a.cairn
quiet cairn convert b.safetensors b.cairn
cairn merge --json out a.cairn b.cairn c.safetensors >a
check a 'set(d) == {"path", "format", "shards", "copied", "copied_bytes", "sources"}'
check a 'd["path"] == "out" and d["format"] == "cairn-sharded" and d["shards"] == 3 and d["copied"] == 1 and d["copied_bytes"] > 1200'
check a 'all(set(s) == {"path", "format", "bytes", "action", "reason", "removed"} for s in d["sources"])'
check a '[(s["path"], s["action"], s["reason"], s["removed"]) for s in d["sources"]] == [("a.cairn", "linked", None, False), ("b.cairn", "linked", None, False), ("c.safetensors", "copied", "foreign-format", False)]'
cairn merge --json one.cairn out >a
check a 'd["format"] == "cairn" and d["shards"] == 1 and d["copied"] == 1 and d["sources"][0]["reason"] == "one-file" and d["sources"][0]["format"] == "cairn-sharded"'
cairn merge --json --max-shard-size 1500 two out >a
check a 'd["format"] == "cairn-sharded" and d["shards"] == 3 and d["sources"][0]["reason"] == "new-shards"'
# With an error stdout is empty.
says "is there already" cairn merge --json out a.cairn
