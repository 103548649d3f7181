# SPDX-License-Identifier: Apache-2.0
mkfifo pipe.safetensors
says "pipe.safetensors" timeout 10 "$CAIRN" info pipe.safetensors
says "null" cairn info /dev/null
