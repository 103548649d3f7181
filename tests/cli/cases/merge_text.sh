# SPDX-License-Identifier: Apache-2.0
# The shards are links to the sources; a tensor that both hold with the same bytes is there once.
make a.safetensors --metadata k=1 x F32 300,10 shared I32 10
make b.safetensors y F32 300,20 shared I32 10
for i in a b; do quiet cairn convert $i.safetensors $i.cairn; done
cairn merge out a.cairn b.cairn | sed -E 's/[0-9.]+ s$/N s/'
ls -A out
[ a.cairn -ef out/shard-00000-of-00002.cairn ] && [ b.cairn -ef out/shard-00001-of-00002.cairn ] && echo linked
cairn ls out
for path in out out/ out/index.cairn; do
	cairn verify $path
	cairn cat $path x | cmp - <(cairn cat a.safetensors x)
	cairn cat $path y | cmp - <(cairn cat b.safetensors y)
	cairn cat $path shared | cmp - <(cairn cat b.safetensors shared)
done
cairn info out | sed -n '2,4p; /^files/,/^alignment/p; /^metadata/p'
ls -A
