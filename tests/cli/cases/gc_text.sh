# SPDX-License-Identifier: Apache-2.0
# Names of exactly the grammar go, when nobody holds them; all others stay.
id=0123456789abcdef0123456789abcdef
cairn gc .
make m.safetensors a U8 600000 b U8 600000
cairn convert --to cairn --max-shard-size 700000 m.safetensors sharded >convert.out
touch .cairn-tmp-$id .cairn-trash-$id
mkdir .cairn-tmp-f$id .cairn-trash-${id/0/f} plain
touch .cairn-trash-${id/0/f}/shard-00000-of-00001.cairn .cairn-trash-${id/0/f}/index.cairn
# Not quite: too long, too short, upper case, another word, no point, something behind it.
touch .cairn-tmp-${id}0 .cairn-tmp-${id%f} .cairn-tmp-${id^^} .cairn-temp-$id cairn-tmp-$id .cairn-tmp-$id.cairn .cairn-tmp-
# In a sharded checkpoint also shards that its index does not name.
cp sharded/shard-00000-of-00002.cairn sharded/shard-00007-of-00009-abcdef01.cairn
cp sharded/shard-00000-of-00002.cairn sharded/shard-00002-of-00003.cairn
touch sharded/.cairn-tmp-$id sharded/shard-7-of-9.cairn sharded/shard-00007-of-00009-ABCDEF01.cairn sharded/notes
# In any other folder nothing.
touch plain/.cairn-tmp-$id plain/shard-00000-of-00001.cairn
cairn gc .
cairn gc .
ls -A . sharded plain
cairn verify sharded
cairn gc plain
cairn gc sharded/
ls -A plain
