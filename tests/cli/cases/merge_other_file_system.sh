# SPDX-License-Identifier: Apache-2.0
make a.safetensors x F32 300
quiet cairn convert a.safetensors a.cairn
there=$(mktemp -d /dev/shm/cairn-cli-XXXXXX) || skip "no second file system to write to"
trap 'rm -rf "$there"' EXIT
[ "$(stat -c %d "$there")" != "$(stat -c %d .)" ] || skip "no second file system to write to"
cairn merge "$there/out" a.cairn | sed -E "s/[0-9.]+ s$/N s/; s,$there,THERE,"
cairn verify "$there/out"
cairn merge --json "$there/two" a.cairn "$there/out" >a
check a '[(s["action"], s["reason"]) for s in d["sources"]] == [("copied", "other-file-system"), ("linked", None)]'
