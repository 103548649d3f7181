# SPDX-License-Identifier: Apache-2.0
# Subject and verb the wrong way round.
exec 2>&1
model m.safetensors
status cairn m.safetensors ls
