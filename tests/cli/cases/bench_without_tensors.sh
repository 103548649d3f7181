# SPDX-License-Identifier: Apache-2.0
make m.safetensors
cairn bench --json m.safetensors >a 2>stderr
check a 'd["tensors"] == 0 and d["touch_bytes_per_s"] is None and d["open_ns"]["n"] >= 5'
