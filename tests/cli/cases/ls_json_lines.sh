# SPDX-License-Identifier: Apache-2.0
# The same objects as --json, one a line.
container c.cairn
cairn ls --json c.cairn >array
cairn ls --json-lines c.cairn >lines
python3 - <<'END'
import json
lines = open("lines", encoding="utf-8").read().split("\n")
print(lines.pop() == "", [json.loads(line) for line in lines] == json.load(open("array", encoding="utf-8")), len(lines))
END
cairn ls --json-lines c.cairn --match 'no*' 
cairn ls --json-lines c.cairn --match 'nothing like it'
