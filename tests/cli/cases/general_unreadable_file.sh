# SPDX-License-Identifier: Apache-2.0
need_nobody
model m.safetensors
chmod 000 m.safetensors
for command in info ls verify; do
	says "m.safetensors" as_nobody "$CAIRN" $command m.safetensors
done
