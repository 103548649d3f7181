# SPDX-License-Identifier: Apache-2.0
# Names that are too many to choose from are cut at the next dot, and the last one is always there.
make m.safetensors --repeat 1500 model.layer.{}.weight F32 1 other.{}.w F32 1
cairn __complete cat m.safetensors ''
cairn __complete cat m.safetensors model.layer. >all
wc -l <all
sed -n '2p;$p' all
cairn __complete cat m.safetensors model.layer.14 | wc -l
cairn __complete cat m.safetensors other.150
cairn __complete cat m.safetensors p
