# SPDX-License-Identifier: Apache-2.0
status cairn 2>stderr
head -n 1 stderr
