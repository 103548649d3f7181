# SPDX-License-Identifier: Apache-2.0
cp "$CAIRN_CLI_TESTS/../data/golden/tensorflow/saver/model-2.meta" m.meta
cairn info m.meta | sed -E '/^(nodes|bytes|format)/s/[0-9][0-9.,]*/N/g'
cairn info --json m.meta >a
check a 'list(d) == ["path", "format", "version", "tensorflow", "tensorflow_git", "tags", "nodes", "functions", "producer", "min_consumer", "saver", "collections", "signatures", "assets", "object_graph", "file_bytes"]'
check a 'd["format"] == "tensorflow-meta-graph" and d["nodes"] > 10 and d["producer"] > 2000'
check a 'd["saver"]["max_to_keep"] == 2 and d["saver"]["restore_op_name"] == "save/restore_all" and d["saver"]["keep_checkpoint_every_n_hours"] == 10000'
check a '[c["name"] for c in d["collections"]] == sorted(c["name"] for c in d["collections"])'
check a 'd["file_bytes"] == __import__("os").path.getsize("m.meta")'
# Cut off, it is damaged; and what has another name is not taken for one.
head -c 1000 m.meta >cut.meta
quiet cairn info cut.meta
cp m.meta other
quiet cairn info other
quiet cairn info none.meta
# Whatever it is called, a checkpoint is a checkpoint.
model c.safetensors
cp c.safetensors c.meta
cairn info --json c.meta >a
check a 'd["format"] == "safetensors"'
