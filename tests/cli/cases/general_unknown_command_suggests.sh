# SPDX-License-Identifier: Apache-2.0
exec 2>&1
status cairn verfy x
