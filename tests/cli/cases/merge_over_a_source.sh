# SPDX-License-Identifier: Apache-2.0
# DST may be one of the sources: it is replaced, and removing the sources does not remove the result.
make a.safetensors x F32 300
make b.safetensors y F32 300
for i in a b; do quiet cairn convert $i.safetensors $i.cairn; done
quiet cairn merge --force --remove-sources a.cairn a.cairn b.cairn
ls *.cairn
cairn ls a.cairn
cairn verify a.cairn
quiet cairn convert b.safetensors b.cairn
quiet cairn merge out a.cairn
make c.safetensors z F32 300
quiet cairn convert c.safetensors c.cairn
quiet cairn merge --force --remove-sources out out c.cairn
cairn ls out
cairn verify out
ls
