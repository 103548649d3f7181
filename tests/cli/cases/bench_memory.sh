# SPDX-License-Identifier: Apache-2.0
# Views of a file cost no private memory.
[ -z "${CAIRN_SANITIZE:-}" ] || skip "a sanitizer needs memory of its own"
make m.safetensors --sparse a F32 4,1048576 b F32 4,1048576
cairn convert m.safetensors m.cairn >convert.out
cat m.cairn >/dev/null
cairn bench --json --runs 1 m.cairn >a 2>stderr
check a 'd["anonymous_bytes_peak"] <= 8 << 20'
