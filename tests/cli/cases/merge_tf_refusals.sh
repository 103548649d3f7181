# SPDX-License-Identifier: Apache-2.0
# What cannot be merged: the source is named, and nothing is left.
bundle a 1 x:0:hello
bundle b 1 y:0:world
bundle twice 1 x:0:hello
bundle short 1 z:0:hello
bundle gone 1 w:0:hello
bundle damaged 1 v:0:hello
truncate -s 3 short.data-00000-of-00001
rm gone.data-00000-of-00001
flip damaged.index 20
says "'twice': tensor 'x': an earlier source has a tensor of this name$" cairn merge --to tf out a b twice
says "'short.data-00000-of-00001': it has 3 bytes, and its index names 5$" cairn merge --to tf out a short
says "'gone.data-00000-of-00001': this data file is missing$" cairn merge --to tf out a gone
says "damaged.index" cairn merge --to tf out a damaged
says "'c': no such checkpoint$" cairn merge --to tf out a c
quiet cairn merge --to tf --allow-missing out a c b
says "none of the sources is there$" cairn merge --to tf --allow-missing out-2 c d
says "'a.index': a file of a checkpoint: pass its prefix 'a'$" cairn merge --to tf out-2 a.index
says "pass its prefix 'a'$" cairn merge --to tf out-2 a.data-00000-of-00001
says "no --max-shard-size" cairn merge --to tf --max-shard-size 1MB out-2 a
says "is for prefixes: --to tf" cairn merge --allow-missing out-2 a
says "'gguf': cairn or tf" cairn merge --to gguf out-2 a
ls -A | grep out
