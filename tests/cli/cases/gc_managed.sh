# SPDX-License-Identifier: Apache-2.0
# A manager died when it was about to remove ckpt-1, and in the middle of removing ckpt-3: marks say so. The mark of
# what the state file names says nothing, and what has none is kept for ever.
mkdir run
bundle run/ckpt-1 1 x:0:one
bundle run/ckpt-2 1 x:0:two
bundle run/ckpt-3 1 x:0:three
bundle run/ckpt-4 1 x:0:four
rm run/ckpt-3.index
touch run/.cairn-trash-51576208813618b042e9f39c9fbd3ba0 run/.cairn-trash-f1038597e44116360a5a1b303202977a run/.cairn-trash-f3d00d457d405e9bc6e7bea17f07ccbf
echo 'model_checkpoint_path: "ckpt-2"' >run/checkpoint
cairn gc --json run >a
check a 'd["removed"] == 3 and d["kept"] == 0 and d["removed_names"][1:] == ["ckpt-1", "ckpt-3"]'
ls -A run
cairn gc run
