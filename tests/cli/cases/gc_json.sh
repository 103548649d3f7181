# SPDX-License-Identifier: Apache-2.0
id=0123456789abcdef0123456789abcdef
touch .cairn-tmp-$id .cairn-tmp-x
cairn gc --json . >a
check a 'd == {"path": ".", "removed": 1, "kept": 0, "removed_names": [".cairn-tmp-" + 2 * "0123456789abcdef"], "kept_names": []}'
cairn gc --json . >a
check a 'd == {"path": ".", "removed": 0, "kept": 0, "removed_names": [], "kept_names": []}'
says "'nowhere': cannot open the folder" cairn gc --json nowhere
says "Not a directory" cairn gc a
says "expected DIR" cairn gc
says "'b' is too much" cairn gc a b
says "the path of the folder is empty" cairn gc ''
