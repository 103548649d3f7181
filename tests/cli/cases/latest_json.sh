# SPDX-License-Identifier: Apache-2.0
mkdir run
container run/ckpt-7.cairn
printf 'model_checkpoint_path: "ckpt-7"' >run/checkpoint
cairn latest --json run >a
check a 'd == {"path": "run", "latest": "run/ckpt-7", "verified": False}'
make run/m.safetensors a U8 3
printf 'model_checkpoint_path: "m.safetensors"' >run/checkpoint
cairn latest --json --verified run >a
check a 'd == {"path": "run", "latest": "run/m.safetensors", "verified": False}'
