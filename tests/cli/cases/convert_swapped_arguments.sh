# SPDX-License-Identifier: Apache-2.0
model m.safetensors
status cairn convert missing.cairn m.safetensors 2>stderr
grep -c "the source comes first" stderr
ls -A
