# SPDX-License-Identifier: Apache-2.0
# TensorFlow checkpoints: the index that TensorFlow would write, and data that are links.
mkdir temp
bundle temp/part-0 1 b:0:hello d:0:world
bundle temp/part-1 1 a:0:tensor c:0:flow
bundle wanted 2 b:0:hello d:0:world a:1:tensor c:1:flow
cairn merge --to tf ckpt-1 temp/part-0 temp/part-1 | sed 's/, [0-9.]* s$//'
for i in index data-00000-of-00002 data-00001-of-00002; do cmp wanted.$i ckpt-1.$i; done
cairn ls ckpt-1
status cairn verify ckpt-1 | tail -1
stat -c %h ckpt-1.data-00000-of-00002 temp/part-1.data-00000-of-00001
says "'ckpt-1': it is there already.*--force replaces it" cairn merge --to tf ckpt-1 temp/part-0
quiet cairn merge --to tf --force ckpt-1 temp/part-1
ls -A
# Sources, and their folder, when all is done.
cairn merge --to tf --remove-sources ckpt-2 temp/part-0 temp/part-1 | sed 's/, [0-9.]* s$//'
ls -A
