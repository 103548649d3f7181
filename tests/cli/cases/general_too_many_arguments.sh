# SPDX-License-Identifier: Apache-2.0
exec 2>&1
status cairn stats a b
status cairn convert a b.cairn c
status cairn diff a b c
