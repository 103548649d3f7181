#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the checkpoints of tests/data/golden/tensorflow with TensorFlow (pip install tensorflow-cpu==2.21.0).

The files are committed: this is how they came to be, and running it again gives the same bytes. Byte i of the k-th tensor of
a checkpoint, in the order in which it is saved here, is (31 * k + 7 * i) mod 256, with the bits that its type has not
cleared; slices are cut out of such a tensor. Strings and what optimizers and savers hold are as the script says. Checkpoints:

  types        every type that can be stored, as [3, 5], and a scalar, empty and odd ones
  names        40 names: restarts, shared beginnings, bytes that need care
  strings      strings of many lengths, a scalar, none
  variants     a list of tensors, an optional
  slices       tensors in slices: rows, tiles, cut by numbers and by "all of it", with holes, of strings
  shards       three shards, merged: two tensors of their own each, and one that is spread over all
  objects/     tf.train.CheckpointManager: object graph, slots of an optimizer, two checkpoints and the state file
  saver/       tf.compat.v1.train.Saver: partitioned variables, a state file and a meta graph
  v1, v1-*     the first format, in one file and in two shards

usage: tests/data/make_tensorflow.py [FOLDER]
"""
import os
import pathlib
import shutil
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy
import tensorflow as tf

v1 = tf.compat.v1

TYPES = ["float32", "float64", "int32", "uint8", "int16", "int8", "complex64", "int64", "bool", "qint8", "quint8", "qint32",
         "bfloat16", "qint16", "quint16", "uint16", "complex128", "float16", "uint32", "uint64", "float8_e5m2",
         "float8_e4m3fn", "float8_e4m3fnuz", "float8_e4m3b11fnuz", "float8_e5m2fnuz", "int4", "uint4", "int2", "uint2",
         "float4_e2m1fn"]
MASKS = {"bool": 1, "int4": 15, "uint4": 15, "int2": 3, "uint2": 3, "float4_e2m1fn": 15}
PLAIN = {"qint8": "int8", "quint8": "uint8", "qint16": "int16", "quint16": "uint16", "qint32": "int32"}


def pattern(number, size, mask=255):
    return bytes((31 * number + 7 * i) % 256 & mask for i in range(size))


def tensor(number, name, shape):
    """The tensor of a type whose bytes are the pattern."""
    plain = tf.as_dtype(PLAIN.get(name, name))
    data = pattern(number, int(numpy.prod(shape)) * plain.size, MASKS.get(name, 255))
    array = numpy.frombuffer(data, dtype=plain.as_numpy_dtype).reshape(shape)
    value = tf.constant(array, dtype=plain)
    assert value.dtype.is_bool or value.numpy().tobytes() == data, name
    return tf.bitcast(value, tf.as_dtype(name)) if name in PLAIN else value


def save(prefix, entries):
    """Entries are (name, slice, value), the slice being '' for a whole tensor."""
    tf.raw_ops.SaveV2(prefix=str(prefix), tensor_names=[e[0] for e in entries], shape_and_slices=[e[1] for e in entries],
                      tensors=[e[2] for e in entries])


def make_types(folder):
    entries = [(f"t.{name}", "", tensor(k, name, [3, 5])) for k, name in enumerate(TYPES)]
    more = [("scalar", "int64", []), ("empty", "float32", [0, 7]), ("ones", "int16", [1, 1, 1, 1]), ("odd", "uint8", [3]),
            ("after odd", "float64", [2])]
    entries += [(name, "", tensor(len(TYPES) + k, dtype, shape)) for k, (name, dtype, shape) in enumerate(more)]
    save(folder / "types", entries)


def make_names(folder):
    names = [f"layer.{k // 4}.part{k % 4}/weight" for k in range(33)]
    names += ["a", "with\0nul", "\u00fcml\u00e4ut \u2603", "quote'\"\\", "\x7f", "x" * 300, "x" * 299 + "y"]
    save(folder / "names", [(name, "", tensor(k, "uint8", [2])) for k, name in enumerate(names)])


def make_strings(folder):
    many = [pattern(k, size) for k, size in enumerate([0, 1, 5, 127, 128, 300])]
    save(folder / "strings", [("many", "", tf.constant(many, shape=[2, 3])), ("scalar", "", tf.constant("hello")),
                              ("nothing", "", tf.constant("", shape=[0, 2])), ("blank", "", tf.constant(["", ""]))])


def make_variants(folder):
    lists = tf.raw_ops.TensorListFromTensor(tensor=tensor(0, "float32", [2, 3]), element_shape=tf.constant([3]))
    optional = tf.raw_ops.OptionalFromValue(components=[tensor(1, "int32", [4])])
    save(folder / "variants", [("list", "", lists), ("optional", "", tf.stack([optional, optional]))])


def cut(name, value, slices):
    """Entries of a tensor's slices, given as text."""
    shape = " ".join(str(d) for d in value.shape)
    entries = []
    for text in slices:
        place = [slice(None) if part == "-" else slice(int(part.split(",")[0]), sum(map(int, part.split(","))))
                 for part in text.split(":")]
        entries.append((name, f"{shape} {text}", value[tuple(place)]))
    return entries


def make_slices(folder):
    strings = tf.constant([pattern(k, 3 * k) for k in range(6)], shape=[3, 2])
    entries = cut("rows", tensor(0, "float32", [6, 4]), ["0,2:-", "2,2:-", "4,2:-"])
    entries += cut("tiles", tensor(1, "int16", [4, 6]), ["2,2:3,3", "0,2:0,3", "0,2:3,3", "2,2:0,3"])
    entries += cut("numbers", tensor(2, "int32", [4, 2]), ["0,3:0,2", "3,1:0,2"])
    entries += cut("holes", tensor(3, "float64", [5, 2]), ["0,1:-", "3,2:-"])
    entries += cut("far", tensor(4, "uint8", [9000]), ["0,64", "8192,100", "64,8128"])
    entries += cut("texts", strings, ["0,1:-", "1,2:-"])
    entries += [("whole", "3 2 -:-", tensor(6, "int32", [3, 2])), ("nul\0 \u00fc", "4 0,4", tensor(7, "int8", [4]))]
    entries += cut("nul\0 sliced \u00ff", tensor(8, "int8", [4]), ["0,2", "2,2"])
    save(folder / "slices", entries)


def make_shards(folder):
    spread = tensor(6, "int32", [6, 3])
    parts = [folder / "shards_temp" / f"part-{k:05}-of-00003" for k in range(3)]
    for k, part in enumerate(parts):
        save(part, [(f"own/{k}/a", "", tensor(2 * k, "float32", [k + 1])),
                    (f"own/{k}/b", "", tensor(2 * k + 1, "int16", [2, 2])),
                    ("spread", f"6 3 {2 * (2 - k)},2:-", spread[2 * (2 - k):2 * (2 - k) + 2])])
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=[str(part) for part in parts],
                                  destination_prefix=str(folder / "shards"))


def make_objects(folder):
    layers = [tf.Variable(tensor(k, "float32", [2, 3]), name=f"layer{k}") for k in range(2)]
    optimizer = v1.train.MomentumOptimizer(0.1, 0.9)  # has slot variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layers[0] * 0.0 + layers[1] * 0.0)
    optimizer.apply_gradients(zip(tape.gradient(loss, layers), layers))
    checkpoint = tf.train.Checkpoint(layers=layers, optimizer=optimizer, step=tf.Variable(7, dtype=tf.int64),
                                     note=tf.train.Checkpoint(table={"a/b": tf.Variable(1.5), "c": tf.Variable([2, 3])}))
    manager = tf.train.CheckpointManager(checkpoint, str(folder / "objects"), max_to_keep=2)
    for _ in range(3):
        checkpoint.step.assign_add(1)
        manager.save()


def graph_variables():
    """Variables that hold one number each: 1, 3 and 11."""
    v1.get_variable("first", shape=[4, 3], initializer=v1.constant_initializer(1.0), use_resource=False)
    v1.get_variable("parts", shape=[5, 2], dtype=tf.int32, partitioner=v1.fixed_size_partitioner(2),
                    initializer=v1.constant_initializer(3), use_resource=False)
    v1.get_variable("count", initializer=numpy.int64(11), use_resource=False)


def make_saver(folder, name, version):
    with tf.Graph().as_default(), v1.Session() as session:
        graph_variables()
        session.run(v1.global_variables_initializer())
        saver = v1.train.Saver(write_version=version, max_to_keep=2, save_relative_paths=True)
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        if version == v1.train.SaverDef.V2:
            for step in (1, 2):
                saver.save(session, str(path), global_step=step, write_meta_graph=step == 2)
        else:
            saver.save(session, str(path), write_meta_graph=False, write_state=False)


def make_v1_shards(folder):
    """Two files of the first format, by the op that the sharded saver runs on each device."""
    spread = tensor(2, "int32", [4, 3])
    for k in range(2):
        tf.raw_ops.SaveSlices(filename=str(folder / f"v1-{k:05}-of-00002"), tensor_names=[f"own/{k}", "spread"],
                              shapes_and_slices=["", f"4 3 {2 * k},2:-"],
                              data=[tensor(k, "float32", [3]), spread[2 * k:2 * k + 2]])


def main(arguments):
    here = pathlib.Path(__file__).parent
    folder = pathlib.Path(arguments[0]) if arguments else here / "golden" / "tensorflow"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    time.time = lambda: 1700000000.0  # state files hold the time
    make_types(folder)
    make_names(folder)
    make_strings(folder)
    make_variants(folder)
    make_slices(folder)
    make_shards(folder)
    make_objects(folder)
    make_saver(folder, "saver/model", v1.train.SaverDef.V2)
    make_saver(folder, "v1", v1.train.SaverDef.V1)
    make_v1_shards(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
