# SPDX-License-Identifier: Apache-2.0
# Metadata and names of a container, of a sharded checkpoint, and what is refused.
exec 2>&1
model m.safetensors
cairn convert m.safetensors m.cairn >/dev/null
cairn edit --dry-run m.cairn --set step=5 --unset note | sed 's/;.*//'
cairn edit m.cairn --set step=5 --set lr=f32:0.1 --set 'tags=["a, b","c"]' --set 'sizes=u16:[1, 2]' --set done=true \
	--set real=1e-3 --set 'no=null' --set url=http://x --unset note --rename 'h.*=layer.*' | sed 's/;.*//'
cairn verify m.cairn | sed 's/,.*//'
cairn dump m.cairn | grep -A2 '^metadata'
cairn cat m.cairn layer.2.bias | cmp - <(cairn cat m.safetensors h.2.bias) && echo same
cairn convert m.cairn s --to cairn --max-shard-size 50 >/dev/null
before=$(stat -c %i s/shard-*)
cairn edit s --rename 'layer.*=h.*' | sed 's/;.*//'
[ "$before" = "$(stat -c %i s/shard-*)" ] && echo 'the shards are the same'
cairn verify s | sed 's/,.*//'
cairn ls s | awk '{ print $1 }'
status cairn edit s/shard-00000-of-*.cairn --set a=1 | sed 's/-of-[0-9]*//'
status cairn edit m.safetensors --set a=1
status cairn edit m.cairn
status cairn edit m.cairn --unset nothing
status cairn edit m.cairn --rename 'nothing=x'
status cairn edit m.cairn --rename '*=x'
status cairn edit m.cairn --set a
status cairn edit m.cairn --set a=i8:300
status cairn edit m.cairn --set 'a=["x]'
status cairn edit nothing.cairn --set a=1
ls -A
