# SPDX-License-Identifier: Apache-2.0
make model.safetensors.index.json --shards 2 a F32 2 b F32 3 c F32 4
cairn ls --json . >a
check a '[(t["name"], t["file"]) for t in d] == [("a", "model-00001-of-00002.safetensors"), ("b", "model-00002-of-00002.safetensors"), ("c", "model-00001-of-00002.safetensors")]'
