# SPDX-License-Identifier: Apache-2.0
mkdir folder
touch folder/notes.txt
for command in info ls verify; do
	says "folder" cairn $command folder
done
