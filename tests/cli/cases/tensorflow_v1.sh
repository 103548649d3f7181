# SPDX-License-Identifier: Apache-2.0
# Checkpoints that TensorFlow wrote in its first format: one file, and two shards under their pattern.
golden=$CAIRN_CLI_TESTS/../data/golden/tensorflow
shards='v1-?????-of-00002'
cp "$golden"/v1 "$golden"/v1-0* .
cairn info v1 >info.out 2>stderr || skip "this build does not open TensorFlow's files"
cairn ls v1
cairn show v1 count | tail -n 1
cairn cat v1 parts --slice 1,2:0,1 | od -An -td4
cairn ls --json "$shards" >a
check a '[(t["name"], t["file"], t["offset"], t["digest"]) for t in d[:2]] == [("own/0", "v1-00000-of-00002", None, None), ("own/1", "v1-00001-of-00002", None, None)]'
check a '[(s["spec"], s["file"], s["offset"]) for s in d[2]["slices"]] == [("4 3 0,2:-", "v1-00000-of-00002", None), ("4 3 2,2:-", "v1-00001-of-00002", None)]'
cairn info --json "$shards" >a
check a '(d["format"], d["tensors"], d["digests"], len(d["shards"])) == ("tensorflow-v1", 3, True, 2)'
cairn verify "$shards"
cairn convert "$shards" native.cairn >convert.out
cairn verify native.cairn | grep -c ok
cairn diff "$shards" native.cairn
cairn ls v1-00001-of-00002 2>stderr
cat stderr
rm v1-00000-of-00002
status cairn ls "$shards" 2>stderr
cat stderr
status cairn ls 'v2-?????-of-00002' 2>stderr
cat stderr
head -c 100 v1 >short
status cairn ls short 2>stderr
cat stderr
