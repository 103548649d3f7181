# SPDX-License-Identifier: Apache-2.0
# An overwriting that was interrupted: the old checkpoint is put back, half of the new one goes.
mkdir folder folder/.cairn-trash-00112233445566778899aabbccddeeff
bundle folder/.cairn-trash-00112233445566778899aabbccddeeff/ckpt 1 x:0:old
bundle folder/ckpt 2 x:0:new y:1:new
rm folder/ckpt.index
says "'folder/ckpt': no such file; a save over it is not finished.*cairn gc of the folder" cairn ls folder/ckpt
cairn gc folder
ls -A folder
cat folder/ckpt.data-00000-of-00001
