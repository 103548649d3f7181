# SPDX-License-Identifier: Apache-2.0
make m.safetensors --metadata k=v a U8 600000 b U8 600000 c U8 600000 d U8 10
cairn convert --to cairn --max-shard-size 1MB m.safetensors out/ | sed -E 's/[0-9.]+ s \(.*/N/'
ls -A out
cairn info --json out >a
check a 'd["format"] == "cairn-sharded" and d["tensors"] == 4 and d["digests"] and [s["file"] for s in d["shards"]] == ["index.cairn"] + ["shard-%05d-of-00003.cairn" % i for i in range(3)]'
check a 'd["file_bytes"] == sum(s["bytes"] for s in d["shards"]) and d["metadata"] == {"k": "v"}'
cairn ls --json out >a
check a '[(t["name"], t["file"]) for t in d] == [("a", "shard-00000-of-00003.cairn"), ("b", "shard-00001-of-00003.cairn"), ("c", "shard-00002-of-00003.cairn"), ("d", "shard-00002-of-00003.cairn")]'
check a 'all(t["offset"] % 64 == 0 and t["digest"].startswith("xxh3-128:") for t in d)'
cairn ls --long out | grep -o 'shard-.* at'
says "'out': it is there already; --force replaces it" cairn convert --to cairn --max-shard-size 1MB m.safetensors out
quiet cairn convert --force --to cairn --max-shard-size 2MB m.safetensors out
ls out | sed -E 's/-[0-9a-f]{8}\.cairn/-X.cairn/'
cairn verify out
quiet cairn convert out back.safetensors
for name in a b c d; do cairn cat back.safetensors $name | cmp - <(cairn cat m.safetensors $name); done
cairn bench --runs 1 out 2>stderr | head -n 1 | sed -E 's/[0-9.]+ (ns|us|ms|[KMG]iB)/N/g'
# Wrong names.
says "no format follows from the name .x.: .*--to cairn --max-shard-size SIZE" cairn convert m.safetensors x
says "no format follows" cairn convert --max-shard-size 1MB m.safetensors x
says "is the name of one file: for shards name a folder" cairn convert --max-shard-size 1MB m.safetensors x.cairn
says "is the name of one file: for shards name a folder" cairn convert --max-shard-size 1MB --to cairn m.safetensors x.cairn
ls
