# SPDX-License-Identifier: Apache-2.0
# Goes back over what is damaged, not there or no checkpoint, and says so.
mkdir run
container run/ckpt-1.cairn
container run/ckpt-2.cairn
container run/ckpt-3.cairn
echo text >run/ckpt-4.cairn
flip run/ckpt-3.cairn 70000
for n in 1 2 3 4 5; do echo "all_model_checkpoint_paths: \"ckpt-$n\""; done >run/checkpoint
echo 'model_checkpoint_path: "ckpt-5"' >>run/checkpoint
cairn latest --verified run 2>&1
cairn latest --verified --json run 2>/dev/null >a
check a 'd == {"path": "run", "latest": "run/ckpt-2", "verified": True}'
flip run/ckpt-1.cairn 70000
flip run/ckpt-2.cairn 70000
says "no checkpoint in it is there and undamaged" cairn latest --verified run
