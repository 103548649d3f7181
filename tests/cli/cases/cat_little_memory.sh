# SPDX-License-Identifier: Apache-2.0
# A tensor is streamed, not loaded.
[ -z "${CAIRN_SANITIZE:-}" ] || skip "a sanitizer needs memory of its own"
make m.safetensors --sparse w F32 64,1048576
(ulimit -d 65536; cairn cat m.safetensors w) | wc -c
(ulimit -d 65536; cairn cat m.safetensors w --slice -:1,1048575) | wc -c
