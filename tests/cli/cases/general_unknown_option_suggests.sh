# SPDX-License-Identifier: Apache-2.0
exec 2>&1
model m.safetensors
status cairn ls --jsno m.safetensors
status cairn convert --forse a b.cairn
status cairn info --colour m.safetensors
