# SPDX-License-Identifier: Apache-2.0
# What the state file names, relative to the folder; by another name; in folders with glob characters.
mkdir run 'x=[1,2]'
container run/ckpt-7.cairn
container 'x=[1,2]/m.cairn'
printf 'model_checkpoint_path: "ckpt-7"\nall_model_checkpoint_paths: "ckpt-6"\nall_model_checkpoint_paths: "ckpt-7"\n' >run/checkpoint
printf 'model_checkpoint_path: "%s/run/ckpt-7"' "$PWD" >run/other
printf "model_checkpoint_path: 'm' # text" >'x=[1,2]/checkpoint'
cairn latest run
cairn latest run/
cairn latest "$PWD/run" | sed "s|$PWD|PWD|"
cairn latest --latest-filename other run | sed "s|$PWD|PWD|"
cairn latest 'x=[1,2]'
cairn info "$(cairn latest run)" | head -n 2
cd run
cairn latest .
