# SPDX-License-Identifier: Apache-2.0
# To TensorFlow and back: a prefix; what is there is not replaced unasked; a checkpoint of TensorFlow's keeps its bytes.
make m.safetensors --metadata format=pt h.10.weight F32 2,3 h.2.weight F32 4,5 h.2.bias I16 5 scale F64 '' empty F32 0,4
quiet cairn convert --to tf m.safetensors ckpt-1
ls
cairn info --json ckpt-1 >a.json
check a.json 'd["format"] == "tensorflow-v2" and d["tensors"] == 5'
cairn diff m.safetensors ckpt-1
quiet cairn verify ckpt-1
says "ckpt-1.*--force replaces it" cairn convert --to tf m.safetensors ckpt-1
quiet cairn convert --to tf ckpt-1 ckpt-2
cmp ckpt-1.index ckpt-2.index && cmp ckpt-1.data-00000-of-00001 ckpt-2.data-00000-of-00001 && echo equal
quiet cairn convert --to tf --force ckpt-1 ckpt-1
cmp ckpt-1.index ckpt-2.index && echo equal
quiet cairn convert ckpt-1 back.safetensors
cairn diff m.safetensors back.safetensors
ls -A
