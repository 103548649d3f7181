# SPDX-License-Identifier: Apache-2.0
# `cairn ls model | head -n 1` is nothing to complain about.
make m.safetensors --repeat 20000 tensor.{} F32 1
cairn ls m.safetensors 2>stderr | head -n 1
cat stderr
cairn ls --json m.safetensors 2>stderr | head -n 1
cat stderr
