# SPDX-License-Identifier: Apache-2.0
# The old file is intact, and no temporary file is left.
mkdir -p disk
if mount -t tmpfs -o size=2m tmpfs disk 2>/dev/null; then
	trap 'umount disk' EXIT
elif [ -z "${IN_NAMESPACE:-}" ] && unshare -rm true 2>/dev/null; then
	exec env IN_NAMESPACE=1 unshare -rm bash "$0"
else
	skip "a small file system can be mounted neither here nor in a namespace"
fi
make m.safetensors --sparse w F32 2,1048576
model disk/small.safetensors
cairn convert disk/small.safetensors disk/out.cairn >convert.out
sum=$(cksum <disk/out.cairn)
says "space" cairn convert --force m.safetensors disk/out.cairn
[ "$sum" = "$(cksum <disk/out.cairn)" ] && echo intact
ls -A disk
