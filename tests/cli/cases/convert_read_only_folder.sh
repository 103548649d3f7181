# SPDX-License-Identifier: Apache-2.0
need_nobody
model m.safetensors
mkdir folder
chmod 555 folder
says "folder" as_nobody "$CAIRN" convert m.safetensors folder/out.cairn
ls -A folder
