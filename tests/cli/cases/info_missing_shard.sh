# SPDX-License-Identifier: Apache-2.0
# The path is there, a part is missing: the answer is no.
make model.safetensors.index.json --shards 2 a F32 2 b F32 3
rm model-00002-of-00002.safetensors
says "model-00002-of-00002" cairn info model.safetensors.index.json
quiet cairn verify --json model.safetensors.index.json
cairn verify model.safetensors.index.json 2>stderr | grep -c "model-00002-of-00002"
