# SPDX-License-Identifier: Apache-2.0
# Some tensors, under other names; and what a dry run says.
exec 2>&1
model m.safetensors
cairn convert --dry-run m.safetensors x.cairn
cairn convert --dry-run --match 'h.*' --drop metadata m.safetensors --to tf x
cairn convert --dry-run --match 'h.*' m.safetensors --to tf x | sed 's/(.*/.../'
quiet cairn convert --match 'h.*' --match scale --rename 'h.*.*=layer/{2}/{1}' --rename 'scale=a\=b' m.safetensors x.cairn
cairn ls x.cairn
cairn cat x.cairn layer/bias/2 | cmp - <(cairn cat m.safetensors h.2.bias) && echo same
status cairn convert --dry-run m.safetensors x.cairn
status cairn convert --match 'k*' m.safetensors y.cairn
status cairn convert --rename '*=w' m.safetensors y.cairn
status cairn convert --rename 'h.*' m.safetensors y.cairn
status cairn convert --rename 'h.*={2}' m.safetensors y.cairn
status cairn convert --match '[' m.safetensors y.cairn
ls -A
