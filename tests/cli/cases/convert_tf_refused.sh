# SPDX-License-Identifier: Apache-2.0
# What TensorFlow has no place for is listed, and nothing is written; it can be dropped by name.
exec 2>&1
model m.safetensors
make f.safetensors a F4 4
status cairn convert --to tf m.safetensors out
status cairn convert --to tf f.safetensors out
ls -A
quiet cairn convert --to tf --drop metadata m.safetensors out
ls -A
flip out.data-00000-of-00001 3
status cairn convert --to tf out again
ls -A
