# SPDX-License-Identifier: Apache-2.0
# Tensors of one name that differ: each error names the tensor and both sources, and nothing is left.
make a.safetensors w F32 300
make bytes.safetensors w F32 300
flip bytes.safetensors 500 # in its data
make type.safetensors w I32 300
make shape.safetensors w F32 150,2
for i in a bytes type shape; do quiet cairn convert $i.safetensors $i.cairn; done
says "tensor 'w': it has different bytes in 'a.cairn' and in 'bytes.cairn'$" cairn merge out a.cairn bytes.cairn
says "tensor 'w': it has different types in 'a.cairn' and in 'type.cairn'$" cairn merge out a.cairn type.cairn
says "tensor 'w': it has different shapes in 'a.cairn' and in 'shape.cairn'$" cairn merge out a.cairn shape.cairn
says "tensor 'w': it has different bytes" cairn merge --force out.cairn a.cairn bytes.safetensors
ls -A
