# SPDX-License-Identifier: Apache-2.0
# What somebody holds, what is no file or folder, and what holds something else stay, and gc says why.
id=0123456789abcdef0123456789abcdef
touch .cairn-tmp-$id
mkdir .cairn-tmp-${id/0/a}
touch .cairn-tmp-${id/0/a}/precious
mkfifo .cairn-tmp-${id/0/b}
echo text >target
ln -s target .cairn-tmp-${id/0/c}
exec 9<.cairn-tmp-$id
flock -s 9
cairn gc . 9<&-
cairn gc --json . 9<&- >a
check a 'd["removed"] == 0 and d["kept"] == 4 and d["removed_names"] == [] and len(d["kept_names"]) == 4'
exec 9<&-
cairn gc . | grep -v ^kept
ls -A
cat target
ls .cairn-tmp-${id/0/a}
