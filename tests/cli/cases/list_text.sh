# SPDX-License-Identifier: Apache-2.0
export TZ=UTC
mkdir run
container run/ckpt-2.cairn
container run/ckpt-3.cairn
container run/other.cairn
cat >run/checkpoint <<'END'
model_checkpoint_path: "ckpt-3"
all_model_checkpoint_paths: "ckpt-1"
all_model_checkpoint_paths: "ckpt-2"
all_model_checkpoint_paths: "ckpt-3"
all_model_checkpoint_timestamps: 1601614240.0
all_model_checkpoint_timestamps: inf
all_model_checkpoint_timestamps: 1601614241.2990458
END
touch -d '2020-02-03 04:05:06 UTC' run/other.cairn
cairn list run
echo --
rm run/checkpoint
touch -d '2020-02-03 04:05:07 UTC' run/*
cairn list run/
echo --
mkdir empty
cairn list empty
