# SPDX-License-Identifier: Apache-2.0
exec 2>&1
status cairn ls m --match
status cairn cat m w --slice
