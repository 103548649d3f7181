# SPDX-License-Identifier: Apache-2.0
says "expected DIR" cairn latest
says "the path of the folder is empty" cairn latest ''
says "a name in the folder" cairn latest --latest-filename a/b .
says "a name in the folder" cairn latest --latest-filename '' .
says "'nowhere/checkpoint'" cairn latest nowhere
touch file
says "'file/checkpoint'.*Not a directory" cairn latest file
