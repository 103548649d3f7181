# SPDX-License-Identifier: Apache-2.0
# A text that was edited gives what it says now; one that is wrong says where, and nothing is written.
container m.cairn
cairn dump m.cairn --output m.txt
sed -i '$a metadata "note" string []\n  "by hand"' m.txt
cairn pack m.txt n.cairn
cairn verify n.cairn >/dev/null && echo sound
cairn info --json n.cairn >a
check a 'd["metadata"]["note"] == "by hand"'
says "'m.txt': it is there already; --force" cairn dump m.cairn --output m.txt
says "it is there already; --force" cairn pack m.txt n.cairn
quiet cairn pack --force m.txt n.cairn
echo 'tensor "x" f32 [2]' >>m.txt
says "'m.txt': line [0-9]+: the values are fewer than the 8 bytes" cairn pack m.txt o.cairn
says "not the text form" cairn pack m.cairn o.cairn
says "cannot be|no regular|not a" cairn pack <(cat m.txt) o.cairn
says "needs --output" cairn dump m.cairn --data beside
says "expected auto" cairn dump m.cairn --data xml
says "." cairn dump nothing.cairn --output x.txt
ls -A
