# SPDX-License-Identifier: Apache-2.0
# None, not there, damaged: the answer is no, and why.
mkdir run
says "'run/checkpoint'.*No such file" cairn latest run
printf 'model_checkpoint_path: "ckpt-7"' >run/checkpoint
says "names the checkpoint 'run/ckpt-7', which is not there" cairn latest --json run
printf 'model_checkpoint_path: "ckpt-7' >run/checkpoint
says "'run/checkpoint': line 1: a string without an end" cairn latest --json run
: >run/checkpoint
says "'run/checkpoint': no state file: it names no model_checkpoint_path" cairn latest run
rm run/checkpoint
mkdir run/checkpoint
says "'run/checkpoint'" cairn latest run
truncate -s 5M run/large
says "5242880 bytes, more than 4194304" cairn latest --latest-filename large run
