# SPDX-License-Identifier: Apache-2.0
make a.safetensors x F32 3
quiet cairn convert a.safetensors a.cairn
says "expected DST SHARD" cairn merge
says "an argument is missing: expected DST SHARD" cairn merge a.cairn
says "the path of a source is empty" cairn merge out ''
says "the path to write to is empty" cairn merge '' a.cairn
says "unknown option '--remove-source', did you mean '--remove-sources'" cairn merge --remove-source out a.cairn
says "cannot open the folder 'nowhere'" cairn merge nowhere/out a.cairn
says "'b.cairn': no such file" cairn merge out a.cairn b.cairn
says "not a regular file" cairn merge out /dev/null
printf 'no checkpoint at all' >text
says "'text'" cairn merge out a.cairn text
ls -A
