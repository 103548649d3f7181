# SPDX-License-Identifier: Apache-2.0
model m.safetensors
says "no-folder" cairn convert m.safetensors no-folder/out.cairn
