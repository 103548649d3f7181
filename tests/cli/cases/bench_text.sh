# SPDX-License-Identifier: Apache-2.0
# The lines before the table say what a restore costs, at a glance.
make m.safetensors w F32 1000,100
cairn convert m.safetensors m.cairn >convert.out
cairn bench --runs 1 m.cairn 2>stderr | sed -E 's/[0-9.]+ (ns|us|ms|B|[KMGT]iB)(\/s)?/N/g; s/[0-9]+ %/N %/g; s/ +/ /g'
