# SPDX-License-Identifier: Apache-2.0
exec 2>&1
status cairn bench --runs many m
status cairn bench --runs 0 m
status cairn cat m --nth -1
status cairn convert a b.cairn --max-shard-size 5XB
status cairn convert a b.cairn --max-shard-size 99999999999GiB
status cairn convert a b.cairn --threads 65
