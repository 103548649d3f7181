# SPDX-License-Identifier: Apache-2.0
# Tensors are streamed, not loaded.
[ -z "${CAIRN_SANITIZE:-}" ] || skip "a sanitizer needs memory of its own"
make a.safetensors --sparse w F32 64,1048576
cp --sparse=always a.safetensors b.safetensors
(ulimit -d 65536; status cairn diff --stat a.safetensors b.safetensors)
