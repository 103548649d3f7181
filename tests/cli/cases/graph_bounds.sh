# SPDX-License-Identifier: Apache-2.0
container c.cairn --graph "$CAIRN_CLI_TESTS/../data/object_graphs/object_slots-ckpt-1.graph"
cairn graph --depth 0 c.cairn
cairn graph --depth 1 --breadth 2 c.cairn
cairn graph --breadth 0 c.cairn
