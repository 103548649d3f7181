# SPDX-License-Identifier: Apache-2.0
model m.safetensors
cairn ls --json m.safetensors
