# SPDX-License-Identifier: Apache-2.0
# Bytes that differ from their digest give no statistics.
make m.safetensors w F32 400,1000
cairn convert m.safetensors c.cairn >/dev/null
flip c.cairn 900000
says "tensor 'w': chunk" cairn stats c.cairn
says "tensor 'w': chunk" cairn stats --json c.cairn
