# SPDX-License-Identifier: Apache-2.0
make m.safetensors l10 U8 1 l9 U8 1 l09 U8 1 l U8 1 l9a U8 1 l9.2 U8 1 l9.10 U8 1 18446744073709551616 U8 1 99 U8 1
cairn ls m.safetensors
