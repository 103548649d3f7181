# SPDX-License-Identifier: Apache-2.0
model m.safetensors
cairn verify m.safetensors
