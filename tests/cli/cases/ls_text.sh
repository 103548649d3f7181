# SPDX-License-Identifier: Apache-2.0
# Layer 2 before layer 10.
model m.safetensors
cairn ls m.safetensors
