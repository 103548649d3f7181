# SPDX-License-Identifier: Apache-2.0
need_nobody
id=0123456789abcdef0123456789abcdef
touch .cairn-tmp-$id
chmod 777 .
[ -n "${nobody_is_someone_else:-}" ] || skip "there is only one user here"
as_nobody "$CAIRN" gc .
ls -A
