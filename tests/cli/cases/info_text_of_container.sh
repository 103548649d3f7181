# SPDX-License-Identifier: Apache-2.0
model m.safetensors
cairn convert m.safetensors m.cairn >convert.out
cairn info m.cairn | sed -E 's/^(file +m.cairn,|bytes +.* of tensors,) .*/\1 SIZE/'
