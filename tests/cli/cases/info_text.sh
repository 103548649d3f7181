# SPDX-License-Identifier: Apache-2.0
model m.safetensors
cairn info m.safetensors
