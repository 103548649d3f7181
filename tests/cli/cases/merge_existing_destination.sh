# SPDX-License-Identifier: Apache-2.0
make a.safetensors x F32 300
make b.safetensors y F32 300
for i in a b; do quiet cairn convert $i.safetensors $i.cairn; done
quiet cairn merge out a.cairn
says "'out': it is there already.*--force replaces it" cairn merge out b.cairn
cairn ls out
# Over it: new shards have names of their own, and the old ones are gone.
quiet cairn merge --force out a.cairn b.cairn
cairn ls out
ls out | sed -E 's/-[0-9a-f]{8}\.cairn/-X.cairn/'
cairn verify out
# One file.
says "'a.cairn': it is there already, and the first argument is what is written" cairn merge a.cairn b.cairn
cairn ls a.cairn
quiet cairn merge --force out.cairn out
says "is there already" cairn merge out.cairn b.cairn
quiet cairn merge --force out.cairn b.cairn
cairn ls out.cairn
# Nothing but a sharded checkpoint is replaced by one.
mkdir folder
echo precious >folder/file
says "no sharded checkpoint is there already$" cairn merge --force folder a.cairn
says "no folder is there already$" cairn merge --force folder/file a.cairn
cat folder/file
ls -A folder
