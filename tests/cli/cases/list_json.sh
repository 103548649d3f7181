# SPDX-License-Identifier: Apache-2.0
mkdir run
container run/ckpt-2.cairn
container run/other.cairn
touch -d '2020-02-03 04:05:06.5 UTC' run/*
cat >run/names <<'END'
model_checkpoint_path: "ckpt-2"
all_model_checkpoint_paths: ["ckpt-1", "ckpt-2"]
all_model_checkpoint_timestamps: [1.5, 2]
END
size=$(stat -c %s run/ckpt-2.cairn)
cairn list --json --latest-filename names run >a
check a "d['path'] == 'run' and d['checkpoints'][0] == {'path': 'run/ckpt-1', 'exists': False, 'format': None, 'bytes': 0, 'latest': False, 'listed': True, 'timestamp': 1.5, 'modified': None}"
check a "d['checkpoints'][1] == {'path': 'run/ckpt-2', 'exists': True, 'format': 'cairn', 'bytes': $size, 'latest': True, 'listed': True, 'timestamp': 2.0, 'modified': 1580702706.5}"
check a "d['checkpoints'][2]['path'] == 'run/other' and d['checkpoints'][2]['listed'] is False and d['checkpoints'][2]['timestamp'] is None and len(d['checkpoints']) == 3"
echo garbage >run/checkpoint
says "'run/checkpoint': line 1: no field of a state file: 'garbage'" cairn list --json run
says "'nowhere': cannot open the folder" cairn list --json nowhere
says "a name in the folder" cairn list --latest-filename / run
