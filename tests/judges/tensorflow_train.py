#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TensorFlow takes over from the training loop of examples/train.c, and gives back: what a run that was killed has saved
is restored by tf.train.Checkpoint, a tf.train.CheckpointManager saves the next one, and the loop goes on from that.

usage: tensorflow_train.py TRAIN        the program examples/train

A line for each thing that is compared; the last line is `N passed, N failed`. Exit status 77 without TensorFlow.
"""
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
try:
    import tensorflow as tf
except ImportError:
    print("skipped: TensorFlow is not installed")
    sys.exit(77)

FEATURES = 24
STEPS = 300

counts = {True: 0, False: 0}


def check(what, is_so):
    counts[bool(is_so)] += 1
    print(f"{'passed' if is_so else 'FAILED'}: {what}")


def train(program, *arguments):
    done = subprocess.run([program, "--tensorflow", *map(str, arguments)], capture_output=True, text=True, check=True)
    return done.stdout


def layer():
    module = tf.Module()
    module.weights = tf.Variable(tf.zeros([FEATURES]))
    module.bias = tf.Variable(0.0)
    return module


def make_checkpoint():
    loop = tf.Module()
    loop.step = tf.Variable(0, dtype=tf.int64)
    loop.sampler = tf.Variable(0, dtype=tf.int64)
    return tf.train.Checkpoint(model=layer(), optimizer=layer(), loop=loop)


def values(checkpoint):
    objects = (checkpoint.model, checkpoint.optimizer)
    parts = [variable.numpy().tobytes() for item in objects for variable in (item.weights, item.bias)]
    return parts + [int(checkpoint.loop.step), int(checkpoint.loop.sampler), int(checkpoint.save_counter)]


def restore(folder):
    checkpoint = make_checkpoint()
    path = tf.train.latest_checkpoint(folder)
    status = checkpoint.restore(path)
    status.assert_consumed()
    return checkpoint, path


def judge(program, folder):
    train(program, "--steps", STEPS, "--kill", 1, folder)
    undisturbed, _ = restore(os.path.join(folder, "undisturbed"))
    run = os.path.join(folder, "killed")
    killed, path = restore(run)
    check("everything in the checkpoint was restored, and nothing else was there", True)
    check("the last step was saved", int(killed.loop.step) == STEPS)
    check("a run that was killed has the values of one that was not", values(killed) == values(undisturbed))
    best = tf.train.latest_checkpoint(run, latest_filename="checkpoint-best")
    check("the best checkpoint is there", best is not None and tf.train.load_checkpoint(best) is not None)

    oldest = tf.train.get_checkpoint_state(run).all_model_checkpoint_paths[0]
    manager = tf.train.CheckpointManager(killed, run, max_to_keep=2)
    check("the manager of TensorFlow has the list", len(manager.checkpoints) == 3 and manager.checkpoints[-1] == path)
    killed.loop.step.assign(STEPS + 100)
    killed.model.bias.assign(7.0)
    saved = manager.save()
    check("it counts on", int(killed.save_counter) == int(undisturbed.save_counter) + 1)
    check("it removes what is too old", len(manager.checkpoints) == 2 and not os.path.exists(oldest + ".index"))

    said = train(program, "--steps", STEPS + 101, run)
    check("the loop goes on from there", f"going on from {saved}, step {STEPS + 100}\n" in said)
    after, _ = restore(run)
    check("and one step further it saves", int(after.loop.step) == STEPS + 101)
    check("with the values of TensorFlow", abs(float(after.model.bias) - 7) < 0.2)


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="cairn-train-") as folder:
        judge(sys.argv[1], folder)
    print(f"{counts[True]} passed, {counts[False]} failed")
    return counts[False] != 0


if __name__ == "__main__":
    sys.exit(main())
