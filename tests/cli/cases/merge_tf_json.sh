# SPDX-License-Identifier: Apache-2.0
bundle part-0 1 a:0:hello
bundle part-1 1 b:0:world
mv part-1.data-00000-of-00001 blob
ln -s blob part-1.data-00000-of-00001
cairn merge --to tf --json --remove-sources out part-0 part-1 >a
check a 'set(d) == {"path", "format", "shards", "copied", "copied_bytes", "sources"}'
check a 'd["path"] == "out" and d["format"] == "tensorflow-v2" and d["shards"] == 2 and d["copied"] == 1 and d["copied_bytes"] == 5'
check a '[(s["path"], s["format"], s["bytes"], s["action"], s["reason"], s["removed"]) for s in d["sources"]] == [("part-0", "tensorflow-v2", 5, "linked", None, True), ("part-1", "tensorflow-v2", 5, "copied", "symbolic-link", True)]'
cat blob
