# SPDX-License-Identifier: Apache-2.0
# A million would do as well: nothing is held for each tensor but its name.
make m.safetensors --repeat 3000 layer.{}.weight F32 2
cairn ls --json m.safetensors >a
check a 'len(d) == 3000 and [t["name"] for t in d] == sorted("layer.%d.weight" % i for i in range(1, 3001))'
cairn ls m.safetensors | sed -n '1,3p;$p'
