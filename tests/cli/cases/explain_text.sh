# SPDX-License-Identifier: Apache-2.0
# What does not depend on the machine: how many tensors, how many bytes, what has to be decoded, what cannot be restored.
container c.cairn
cairn explain c.cairn >text
head -1 text
grep '^not restored' text
grep -c 'every byte is verified' text
cairn explain --into views --match whole c.cairn >text
head -1 text
model m.safetensors
cairn explain m.safetensors >text
head -1 text
grep -c 'nothing is verified: there are no digests' text
says "^cairn: --into is buffers, views or pages, not 'disk'" cairn explain m.safetensors --into disk
says '^cairn: --threads is at most 64' cairn explain m.safetensors --threads 65
says 'a plan needs [0-9]+ bytes of memory' cairn explain m.safetensors --memory 1
