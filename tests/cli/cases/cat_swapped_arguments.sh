# SPDX-License-Identifier: Apache-2.0
model m.safetensors
status cairn cat h.2.bias m.safetensors 2>stderr
grep -c "the checkpoint comes first" stderr
