# SPDX-License-Identifier: Apache-2.0
# What is compressed is what it was, whatever is asked. Sizes are liblz4's to say.
make m.safetensors h.1.weight F32 300,400 h.2.weight BF16 400,500 h.2.bias I16 5
make n.safetensors x F64 200,200
quiet cairn convert m.safetensors raw.cairn
quiet cairn convert --compress lz4 --shuffle m.safetensors m.cairn
quiet cairn convert --compress lz4 n.safetensors n.cairn
cairn info m.cairn | grep -E '^types|^ ' | sed -E 's/ in [0-9.]+ [KM]?i?B \(0\.[0-9]{3}\)/ in SIZE (RATIO)/'
cairn info --json m.cairn >info.json
check info.json 'all(0 < t["stored_bytes"] < t["bytes"] for d, t in d["dtypes"].items() if d != "i16")'
check info.json '"stored_bytes" not in d["dtypes"]["i16"]'
cairn info --json raw.cairn >info.json
check info.json 'not any("stored_bytes" in t for t in d["dtypes"].values())'
cairn ls --json m.cairn >ls.json
check ls.json '[t["offset"] is None for t in d] == [True, False, True]'
diff <(cairn stats --json m.cairn) <(cairn stats --json raw.cairn) && echo the same statistics
diff <(cairn show m.cairn h.1.weight) <(cairn show raw.cairn h.1.weight) && echo the same values
# Digests are those of raw bytes: nothing is read.
cairn diff raw.cairn m.cairn
# TensorFlow, and back.
quiet cairn convert --to tf m.cairn tf
cairn diff m.safetensors tf
quiet cairn convert --compress lz4 tf t.cairn
cairn diff m.safetensors t.cairn
# A merge links what is compressed; into one file it is written raw.
quiet cairn merge both m.cairn n.cairn
cmp m.cairn both/shard-00000-of-00002.cairn && cairn verify both
cairn cat both x --slice 7,90:3,4 | cmp - <(cairn cat n.safetensors x --slice 7,90:3,4)
quiet cairn merge one.cairn both
cairn verify one.cairn
cairn diff both one.cairn
# Damage of stored bytes.
flip n.cairn 5000
says "tensor 'x': the stored bytes of chunk 0 at offset 4096 have digest" cairn cat n.cairn x
cairn verify n.cairn | sed -E 's/digest [0-9a-f]{16} instead of [0-9a-f]{16}/digest A instead of B/'
cairn verify --json n.cairn >verify.json
check verify.json '[(p["code"], p["tensor"], p["chunk"], p["offset"]) for p in d["problems"]] == [("CHECKSUM", "x", 0, 4096)]'
says "tensor 'x': the stored bytes of chunk 0" cairn convert n.cairn back.safetensors
ls
