# SPDX-License-Identifier: Apache-2.0
# What TensorFlow says about its checkpoints, and paths that keys begin with.
graphs=$CAIRN_CLI_TESTS/../data/object_graphs
for graph in "$graphs"/*.graph; do
	name=$(basename "$graph" .graph)
	mapfile -t keys < <(python3 -c 'import json, sys; [print(k) for k in json.load(open(sys.argv[1]))["keys"] if k[0] != "_"]' "${graph%.graph}.json")
	container c.cairn --graph "$graph" "${keys[@]}"
	cairn graph --json c.cairn >a
	rm -f c.cairn
	python3 - "${graph%.graph}.json" "$name" <<'END'
import json, sys
expected = json.load(open(sys.argv[1]))["object_graph"]
found = json.load(open("a"))
assert found["dangling"] == 0 and found["unclaimed"] == [], sys.argv[2]
for number, node in enumerate(found["object_graph"]):
    for attribute in node["attributes"]:
        key = node["path"] + "/.ATTRIBUTES/" + attribute["name"]
        assert key == attribute["key"], (key, attribute)
        tensors = [t["name"] for t in attribute["tensors"]]
        assert len(tensors) == attribute["tensor_count"] and all(t.startswith(key) for t in tensors), attribute
    got = {k: node[k] for k in ("children", "slots", "has_values")}
    got["attributes"] = [{k: a[k] for k in ("name", "full_name", "key")} for a in node["attributes"]]
    assert got == expected[number], (sys.argv[2], number, got, expected[number])
assert len(expected) == len(found["object_graph"])
print(sys.argv[2], len(expected), "as expected")
END
done
