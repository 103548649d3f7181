# SPDX-License-Identifier: Apache-2.0
# TensorFlow's own files, where they are: each graph as TensorFlow tells it, types and shapes beside it.
golden=$CAIRN_CLI_TESTS/../../../shared/tests/golden/tensorflow
[ -d "$golden" ] || skip "the shared corpus ../shared/tests is not here"
cairn info "$golden/basic/$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["prefix"])' "$golden/basic/expected.json")" >info.out 2>stderr ||
	skip "this build does not open TensorFlow's files"
for folder in empty_objects manager max_shard_size object_keras object_names object_nested object_root object_slots object_tables saved_model; do
	python3 - "$golden/$folder" <<'END'
import json, os, subprocess, sys
folder = sys.argv[1]
document = json.load(open(folder + "/expected.json"))
for part in [document] + document.get("more", []):
    if not part.get("object_graph"):
        continue
    run = subprocess.run([os.environ["CAIRN"], "graph", "--json", os.path.join(folder, part["prefix"])], capture_output=True)
    found = json.loads(run.stdout)
    expected = part["object_graph"]
    assert len(expected) == len(found["object_graph"]), folder
    shapes = {t["name"]: t["shape"] for t in part["tensors"]}
    for want, node in zip(expected, found["object_graph"]):
        assert all(node[k] == want[k] for k in ("children", "slots", "has_values")), (folder, want, node)
        assert [[a[k] for k in ("name", "full_name", "key")] for a in node["attributes"]] == \
            [[a[k] for k in ("name", "full_name", "key")] for a in want["attributes"]], (folder, want, node)
        assert all(shapes[t["name"]] == t["shape"] for a in node["attributes"] for t in a["tensors"]), (folder, node)
END
	echo "$folder $?"
done
