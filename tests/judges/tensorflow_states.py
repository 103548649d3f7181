# SPDX-License-Identifier: Apache-2.0
"""The state file `checkpoint`: written by one, read by the other."""
import os

from tensorflow.python.checkpoint import checkpoint_management

import tensorflow_side as side
from tensorflow_side import tf

NAMES = ["model-1", "model-2", "a b", "quote\"'s", "back\\slash", "größe-3", "重み", "new\nline", "tab\t", "[x=1]", "#", "sub/ckpt-4"]


def random_state(rng):
    names = [NAMES[i] for i in rng.permutation(len(NAMES))[:int(rng.integers(1, 6))]]
    times = sorted(1.7e9 + rng.random() * 1e8 for _ in names)
    return names, times


def save_all(judge, folder, names):
    for name in names:
        side.save(os.path.join(folder, name), {"x": side.random_tensor(judge.rng, "f32", (2,))})


def update_by_tensorflow(folder, names, times, preserved, relative):
    paths = [os.path.join(folder, name) for name in names]
    checkpoint_management.update_checkpoint_state_internal(
        folder, paths[-1], all_model_checkpoint_paths=paths, all_model_checkpoint_timestamps=times,
        last_preserved_timestamp=preserved, save_relative_paths=relative)


def update_by_cairn(judge, folder, names, times, preserved, relative):
    arguments = []
    for name, time in zip(names, times):
        arguments += [os.path.join(folder, name), repr(time)]
    judge.cairn.calls("state", folder, "1" if relative else "0", repr(preserved), *arguments)


def states_written(judge):
    """The bytes of TensorFlow's; what it reads from them."""
    for number in range(20):
        names, times = random_state(judge.rng)
        relative = bool(judge.rng.integers(0, 2))
        texts = []
        for update in (update_by_tensorflow, lambda *a: update_by_cairn(judge, *a)):
            folder = judge.path(f"d{number}")
            os.makedirs(folder, exist_ok=True)
            save_all(judge, folder, names)
            update(folder, names, times, times[0], relative)
            with open(os.path.join(folder, "checkpoint"), "rb") as file:
                texts.append(file.read())
            check_state(judge, folder, names, times, times[0])
        judge.equal(f"bytes of {names}", texts[1], texts[0])


def check_state(judge, folder, names, times, preserved):
    """By both, of what one of them wrote."""
    paths = [os.path.join(folder, name) for name in names]
    state = tf.train.get_checkpoint_state(folder)
    judge.equal("model_checkpoint_path", state.model_checkpoint_path, paths[-1])
    judge.equal("all_model_checkpoint_paths", list(state.all_model_checkpoint_paths), paths)
    judge.equal("timestamps", list(state.all_model_checkpoint_timestamps), times)
    judge.equal("last_preserved_timestamp", state.last_preserved_timestamp, preserved)
    if not set("[\\") & set(paths[-1]):  # TensorFlow takes the path for a pattern
        judge.equal("latest_checkpoint", tf.train.latest_checkpoint(folder), paths[-1])
    judge.equal("cairn latest", judge.cairn.run("latest", folder).decode(), paths[-1] + "\n")


def managers_go_on(judge):
    """Checkpoints and state file by Cairn: a CheckpointManager restores the latest, saves, and removes the oldest."""
    folder = judge.path("run")
    os.makedirs(folder)
    names, values = ["ckpt-1", "ckpt-2"], [1.5, 2.5]
    for name, value in zip(names, values):
        tf.train.Checkpoint(value=tf.Variable(value)).write(judge.path(name))
        judge.cairn.convert(judge.path(name), os.path.join(folder, name), "--to", "tf")
    times = [1.7e9, 1.7e9 + 1]
    update_by_cairn(judge, folder, names, times, times[0] - 1, True)
    check_state(judge, folder, names, times, times[0] - 1)
    root = tf.train.Checkpoint(value=tf.Variable(0.0))
    manager = tf.train.CheckpointManager(root, folder, max_to_keep=2)
    judge.equal("manager.checkpoints", manager.checkpoints, [os.path.join(folder, name) for name in names])
    judge.equal("restored", [manager.restore_or_initialize(), float(root.value)], [os.path.join(folder, "ckpt-2"), 2.5])
    judge.equal("saved", manager.save(checkpoint_number=3), os.path.join(folder, "ckpt-3"))
    judge.equal("left", sorted({name.split(".")[0] for name in os.listdir(folder)}), ["checkpoint", "ckpt-2", "ckpt-3"])
    judge.equal("cairn latest", judge.cairn.run("latest", folder).decode(), os.path.join(folder, "ckpt-3") + "\n")


def trainer_objects():
    """What examples/train.c keeps."""
    model, optimizer, loop = tf.Module(), tf.Module(), tf.Module()
    for part in (model, optimizer):
        part.weights, part.bias = tf.Variable(tf.zeros(24)), tf.Variable(0.0)
    loop.step, loop.sampler = tf.Variable(0, dtype=tf.int64), tf.Variable(0, dtype=tf.int64)
    return tf.train.Checkpoint(model=model, optimizer=optimizer, loop=loop)


def trainers_go_on(judge):
    """examples/train.c and a CheckpointManager take turns in one folder."""
    folder = judge.path("run")
    judge.cairn.train("--tensorflow", "--steps", "100", folder)
    for turn in range(2):
        root = trainer_objects()
        latest = tf.train.latest_checkpoint(folder)
        judge.equal("cairn latest", judge.cairn.run("latest", folder).decode(), latest + "\n")
        root.restore(latest).assert_consumed()
        judge.equal("step", int(root.loop.step), 100 * (turn + 1))
        judge.equal("weights", root.model.weights.numpy().tobytes(),
                    judge.cairn.cat(latest, ["model/weights/.ATTRIBUTES/VARIABLE_VALUE"]))
        manager = tf.train.CheckpointManager(root, folder, 3)
        root.loop.step.assign_add(50)
        saved = manager.save()
        told = judge.cairn.train("--tensorflow", "--steps", str(100 * (turn + 2)), folder)
        judge.equal("it goes on", told.splitlines()[0], f"going on from {saved}, step {100 * (turn + 1) + 50}")


CASES = [states_written, managers_go_on, trainers_go_on]
