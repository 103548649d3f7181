# SPDX-License-Identifier: Apache-2.0
exec 2>&1
status cairn ls --json=yes m
