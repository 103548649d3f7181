# SPDX-License-Identifier: Apache-2.0
"""TensorFlow writing and reading checkpoints by each of its interfaces; random tensors of every type."""
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy
import tensorflow as tf

from cairn_tool import Tensor, elements, raw, text_of

# Cairn's name: TensorFlow's, and the bits of an element where they are fewer than a byte.
TYPES = {
    "bool": ("bool", 1), "u8": ("uint8", 8), "u16": ("uint16", 8), "u32": ("uint32", 8), "u64": ("uint64", 8),
    "i8": ("int8", 8), "i16": ("int16", 8), "i32": ("int32", 8), "i64": ("int64", 8), "f16": ("float16", 8),
    "bf16": ("bfloat16", 8), "f32": ("float32", 8), "f64": ("float64", 8), "c64": ("complex64", 8),
    "c128": ("complex128", 8), "f8_e4m3fn": ("float8_e4m3fn", 8), "f8_e5m2": ("float8_e5m2", 8),
    "f8_e4m3fnuz": ("float8_e4m3fnuz", 8), "f8_e5m2fnuz": ("float8_e5m2fnuz", 8),
    "f8_e4m3b11fnuz": ("float8_e4m3b11fnuz", 8), "f4_e2m1_byte": ("float4_e2m1fn", 4), "i4_byte": ("int4", 4),
    "u4_byte": ("uint4", 4), "i2_byte": ("int2", 2), "u2_byte": ("uint2", 2), "qint8": ("qint8", 8),
    "quint8": ("quint8", 8), "qint16": ("qint16", 8), "quint16": ("quint16", 8), "qint32": ("qint32", 8),
}

# Those of which TensorFlow can copy a part of what is stored.
DIVISIBLE = ("f32", "f64", "i32", "u8", "i16", "i8", "c64", "c128", "i64", "bool", "qint32", "quint8", "qint8",
             "bf16", "i4_byte", "u4_byte")

NAMES = {tf_name: name for name, (tf_name, _) in TYPES.items()}
NAMES["string"] = "string"


def tf_type(dtype):
    return tf.dtypes.as_dtype("string" if dtype == "string" else TYPES[dtype][0])


def numpy_type(dtype):
    return numpy.dtype(tf_type(dtype).as_numpy_dtype)


# ------------------------------------------------------------------------------------------------ random tensors

def random_strings(rng, shape):
    array = numpy.empty(shape, object)
    for place in numpy.ndindex(*shape):
        size = int(rng.choice([0, 1, 5, 127, 128, 300, 16383, 16384]))
        array[place] = rng.bytes(size)
    return array


def random_tensor(rng, dtype, shape):
    if dtype == "string":
        return Tensor(dtype, random_strings(rng, shape))
    item = numpy_type(dtype).itemsize
    data = rng.integers(0, 256, int(numpy.prod(shape, dtype=numpy.int64)) * item, numpy.uint8)
    if TYPES[dtype][1] < 8:
        data &= (1 << TYPES[dtype][1]) - 1
    return Tensor(dtype, raw(data.tobytes(), item, shape))


def random_shape(rng, rank_max=4, size_max=9):
    return tuple(int(n) for n in rng.integers(1, size_max, int(rng.integers(0, rank_max + 1))))


def random_cuts(rng, shape):
    """A grid of boxes that covers the shape, in any order; none when there is nothing to cut."""
    axes = []
    for size in shape:
        count = min(int(rng.integers(1, 4)), size)
        places = sorted(int(n) for n in rng.choice(numpy.arange(1, size), count - 1, replace=False)) if count > 1 else []
        ends = [0, *places, size]
        axes.append(list(zip(ends, numpy.diff(ends).tolist())))
    boxes = [[]]
    for axis in axes:
        boxes = [box + [piece] for box in boxes for piece in axis]
    if len(boxes) == 1:
        return []
    return [tuple(zip(*boxes[i])) for i in rng.permutation(len(boxes))]


def random_box(rng, shape):
    starts = [int(rng.integers(0, size)) for size in shape]
    return starts, [int(rng.integers(1, size - start + 1)) for size, start in zip(shape, starts)]


# ---------------------------------------------------------------------------------------------------- converting

def to_tf(dtype, array):
    if dtype == "string":
        return tf.constant(array, tf.string)
    return tf.constant(numpy.frombuffer(array.tobytes(), numpy_type(dtype)).reshape(array.shape))


def to_bytes(value):
    """What TensorFlow returned, in the form of Tensor.data."""
    array = numpy.asarray(value.numpy() if tf.is_tensor(value) else value)
    if array.dtype.kind in "SO":
        array = numpy.array([bytes(item) for item in array.reshape(-1)] + [None], object)[:-1]
    return elements(array)


# -------------------------------------------------------------------------------------------------------- writing

def save(prefix, tensors):
    """SaveV2, in the order of the dictionary; slices as they are cut."""
    names, specs, values = [], [], []
    for name, tensor in tensors.items():
        shape = " ".join(str(n) for n in tensor.shape)
        for starts, lengths in tensor.cuts or [(None, None)]:
            names.append(name)
            specs.append("" if starts is None else f"{shape} {text_of(starts, lengths)}")
            part = tensor.array if starts is None else tensor.part(starts, lengths)
            values.append(to_tf(tensor.dtype, part))
    tf.raw_ops.SaveV2(prefix=prefix, tensor_names=names, shape_and_slices=specs, tensors=values)


def merge(prefix, sources, remove=False):
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=sources, destination_prefix=prefix, delete_old_dirs=remove)


# -------------------------------------------------------------------------------------------------------- reading

def restore(prefix, names, specs, dtypes):
    return tf.raw_ops.RestoreV2(prefix=prefix, tensor_names=names, shape_and_slices=specs, dtypes=dtypes)


def is_readable_whole(tensor):
    """TensorFlow can put the slices together."""
    return not tensor.cuts or tensor.dtype in DIVISIBLE


def check_by_reader(prefix, expected):
    """CheckpointReader: names, types, shapes, values."""
    reader = tf.train.load_checkpoint(prefix)
    shapes = reader.get_variable_to_shape_map()
    types = reader.get_variable_to_dtype_map()
    if set(shapes) != set(expected):
        return [f"reader: {len(shapes)} names instead of {len(expected)}, "
                f"e.g. {sorted(set(shapes) ^ set(expected))[:3]!r}"]
    wrong = []
    for name, tensor in expected.items():
        if types[name] != tf_type(tensor.dtype) or shapes[name] != tensor.shape:
            wrong.append(f"reader: {name!r} is {types[name].name} {shapes[name]}")
        if is_readable_whole(tensor) and to_bytes(reader.get_tensor(name)) != tensor.data:
            wrong.append(f"reader: {name!r}: other values")
    return wrong


def check_by_restore(prefix, expected):
    """RestoreV2 of all whole tensors at once."""
    whole = {name: tensor for name, tensor in expected.items() if is_readable_whole(tensor)}
    if not whole:
        return []
    values = restore(prefix, list(whole), [""] * len(whole), [tf_type(t.dtype) for t in whole.values()])
    return [f"RestoreV2: {name!r}: other values" for (name, tensor), value in zip(whole.items(), values)
            if to_bytes(value) != tensor.data]


def boxes_to_restore(rng, tensor, count):
    """Those that are stored; of types that can be divided any others."""
    boxes = list(tensor.cuts or [])
    if tensor.dtype in DIVISIBLE and tensor.array.size != 0 and tensor.array.ndim != 0:
        boxes += [random_box(rng, tensor.shape) for _ in range(count)]
    return boxes


def check_slices(prefix, expected, rng, count=3):
    """RestoreV2 of slices, all of them in one call."""
    names, specs, types, wanted = [], [], [], []
    for name, tensor in expected.items():
        for starts, lengths in boxes_to_restore(rng, tensor, count):
            names.append(name)
            specs.append(" ".join(str(n) for n in tensor.shape) + " " + text_of(starts, lengths))
            types.append(tf_type(tensor.dtype))
            wanted.append(elements(tensor.part(starts, lengths)))
    if not names:
        return []
    values = restore(prefix, names, specs, types)
    return [f"RestoreV2: {name!r} {spec}: other values" for name, spec, value, want in zip(names, specs, values, wanted)
            if to_bytes(value) != want]


def check(prefix, expected, rng):
    return check_by_reader(prefix, expected) + check_by_restore(prefix, expected) + check_slices(prefix, expected, rng)
