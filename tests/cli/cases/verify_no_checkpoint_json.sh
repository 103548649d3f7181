# SPDX-License-Identifier: Apache-2.0
echo hello >letter
says "letter" cairn verify --json letter
says "nothing-here" cairn verify --json nothing-here
