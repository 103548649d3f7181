# SPDX-License-Identifier: Apache-2.0
# One shard of many opens as what it holds, and a note says so.
make model.safetensors.index.json --shards 2 a F32 2 b F32 3 c F32 4
cairn ls model-00001-of-00002.safetensors 2>note
wc -l <note
