# SPDX-License-Identifier: Apache-2.0
# Shared objects, cycles, slots and lookup tables; a value that has no tensor, and a tensor that nobody has.
graphs=$CAIRN_CLI_TESTS/../data/object_graphs
names() { python3 -c 'import json, sys; [print(k) for k in json.load(open(sys.argv[1]))["keys"] if k[0] != "_"]' "$graphs/$1.json"; }
for name in object_slots-ckpt-1 object_tables-model.ckpt object_root-ckpt-1 object_names-model.ckpt; do
	mapfile -t keys < <(names $name)
	container $name.cairn --graph "$graphs/$name.graph" "${keys[@]}"
	status cairn graph $name.cairn
done
container lost.cairn --graph "$graphs/object_root-ckpt-1.graph" w/.ATTRIBUTES/VARIABLE_VALUE stray
status cairn graph lost.cairn
