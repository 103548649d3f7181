# SPDX-License-Identifier: Apache-2.0
"""Checkpoints as TensorFlow's users make them: random tensors in shards, graphs with a Saver, objects."""
import os

from tensorflow.core.protobuf import trackable_object_graph_pb2

import tensorflow_side as side
from cairn_tool import Tensor, raw
from tensorflow_side import numpy, tf

v1 = tf.compat.v1

# Names that are legal everywhere in TensorFlow; two begin like the key of a slice.
NAMES = ["a", "a/b", "a/b/.ATTRIBUTES/VARIABLE_VALUE", "with blank", "new\nline", "tab\t", "quote\"'", "back\\slash", "-dash",
         "--json", "*", "[1]", "größe", "重み", "🜁", "nul\0inside", "nul\0", "\x01", "\x7f", "é" * 3000, "x" * 100_000,
         "x" * 100_000 + "y", ".", "..", "/", "//", "%s%n", "a:0", "a" + "\0" * 20]

# Where an object-based checkpoint keeps its graph.
GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"

DTYPES = [*side.TYPES, "string"]


def random_model(rng, count):
    """{name: Tensor}; some in slices."""
    model = {}
    for number in range(count):
        dtype = DTYPES[int(rng.integers(0, len(DTYPES)))]
        tensor = side.random_tensor(rng, dtype, side.random_shape(rng))
        if rng.random() < 0.4:
            tensor.cuts = side.random_cuts(rng, tensor.shape)
        model["/".join(f"n{int(n)}" for n in rng.integers(0, 20, 2)) + f"/{number}"] = tensor
    return model


def many(rng, count=100_000):
    numbers = rng.integers(0, 256, 4 * 64 * 1000, numpy.uint8).tobytes()
    tensors = {}
    for i in range(count):
        size = 4 * (i % 7) * (1 + i % 5)
        start = i % 60_000
        tensors[f"model/layer_{i // 40:05}/block_{i % 40:02}/weight"] = Tensor(
            "f32", raw(numbers[start:start + size], 4, (i % 7, 1 + i % 5)))
    return tensors


def deal(rng, model, count):
    """The pieces of a model over so many shards: [{name: Tensor with some of its cuts}], none of them empty."""
    shards = [{} for _ in range(count)]
    for number, (name, tensor) in enumerate(model.items()):
        pieces = tensor.cuts or [None]
        places = rng.integers(0, count, len(pieces)).tolist()
        if number < count:
            places[0] = number
        for piece, place in zip(pieces, places):
            cuts = shards[place].setdefault(name, Tensor(tensor.dtype, tensor.array)).cuts
            if piece is not None:
                cuts.append(piece)
    return [shard for shard in shards if shard]


def save_parts(judge, prefix, model, count):
    """Saves each shard under a prefix of its own and returns these."""
    parts = []
    for number, shard in enumerate(deal(judge.rng, model, count)):
        parts.append(f"{prefix}_temp/part-{number:05}-of-{count:05}")
        side.save(parts[-1], shard)
    return parts


def save_in_shards(judge, prefix, model, count):
    if count == 1:
        side.save(prefix, model)
    else:
        side.merge(prefix, save_parts(judge, prefix, model, count), remove=True)


# ---------------------------------------------------------------------------------------------------------- Saver

def _variables(rng, cuts):
    """Plain and partitioned variables of a graph, with values: {name: numpy array}."""
    values = {}
    for number, (dtype, shape) in enumerate([(tf.float32, (6, 4)), (tf.int64, (5,)), (tf.float64, ()), (tf.bool, (3, 3)),
                                             (tf.string, (4,)), (tf.float32, (9, 5)), (tf.int32, (8,))]):
        name = f"scope/v{number}"
        if dtype == tf.string:
            values[name] = side.random_strings(rng, shape)
        else:
            values[name] = rng.integers(0, 2 if dtype == tf.bool else 1000, shape).astype(dtype.as_numpy_dtype)
        partitioner = v1.fixed_size_partitioner(cuts[number]) if number in cuts else None
        with tf.device(f"/cpu:{number % 2}"):
            v1.get_variable(name, shape, dtype, initializer=v1.constant_initializer(values[name])
                            if partitioner is None else _slicing_initializer(values[name]), partitioner=partitioner,
                            use_resource=number % 2 == 0)
    return values


def _slicing_initializer(value):
    def initialize(shape, dtype=None, partition_info=None):
        start = partition_info.var_offset if partition_info else [0] * value.ndim
        place = tuple(slice(s, s + n) for s, n in zip(start, shape))
        return tf.constant(value[place], dtype)

    return initialize


def _session():
    return v1.Session(config=v1.ConfigProto(device_count={"CPU": 2}))


def save_by_saver(rng, prefix, **options):
    """(what save returned, {name: Tensor})"""
    os.makedirs(os.path.dirname(prefix), exist_ok=True)
    if options.get("write_version") == v1.train.SaverDef.V1:
        cuts = {5: 3}
    else:
        cuts = {0: 2, 5: 3, 6: 4}
    with tf.Graph().as_default(), _session() as session:
        values = _variables(rng, cuts)
        session.run(v1.global_variables_initializer())
        path = v1.train.Saver(**options).save(session, prefix, write_meta_graph=False)
    return path, {name: _tensor(value, cuts.get(number)) for number, (name, value) in enumerate(values.items())}


def _tensor(value, cut_count):
    dtype = side.NAMES[tf.as_dtype(value.dtype).name] if value.dtype != object else "string"
    array = value if dtype == "string" else raw(value.tobytes(), value.dtype.itemsize, value.shape)
    cuts = []
    if cut_count:
        start = 0
        for piece in range(cut_count):
            size = value.shape[0] // cut_count + (piece < value.shape[0] % cut_count)
            cuts.append(((start,) + (0,) * (value.ndim - 1), (size,) + value.shape[1:]))
            start += size
    return Tensor(dtype, array, cuts)


def restore_by_saver(prefix, expected, cuts):
    """Differences of the variables of a graph that a Saver restored, cut anew."""
    rng = numpy.random.default_rng(0)
    with tf.Graph().as_default(), _session() as session:
        _variables(rng, cuts)
        v1.train.Saver().restore(session, prefix)
        wrong = []
        for name, tensor in expected.items():
            parts = [v for v in v1.global_variables() if v.op.name == name or v.op.name.startswith(name + "/part_")]
            arrays = [numpy.asarray(session.run(part)) for part in parts]
            value = numpy.concatenate(arrays) if len(arrays) > 1 else arrays[0]
            if side.to_bytes(value) != tensor.data:
                wrong.append(f"Saver: {name!r}: other values")
    return wrong


# -------------------------------------------------------------------------------------------------------- objects

class Node(tf.Module):
    """Anything can be assigned."""


def random_module(rng, depth=3):
    node = Node()
    node.value = tf.Variable(rng.standard_normal(side.random_shape(rng, 3)).astype(numpy.float32))
    node.count = tf.Variable(int(rng.integers(0, 1 << 40)), dtype=tf.int64)
    if depth > 0:
        node.children = [random_module(rng, depth - 1) for _ in range(int(rng.integers(1, 4)))]
        node.by_name = {f"k{i}": random_module(rng, 0) for i in range(int(rng.integers(1, 3)))}
        node.pair = (random_module(rng, 0), node.value)
    return node


def random_objects(rng):
    """A Checkpoint of a module and an optimizer with slots, after a step. The generator decides its structure."""
    module = random_module(rng)
    optimizer = v1.train.AdamOptimizer(0.1)
    floats = [variable for variable in module.trainable_variables if variable.dtype == tf.float32]
    optimizer.apply_gradients([(tf.ones_like(variable), variable) for variable in floats])
    return tf.train.Checkpoint(module=module, optimizer=optimizer, step=tf.Variable(7, dtype=tf.int64))


def object_graph(prefix):
    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    graph.ParseFromString(tf.train.load_checkpoint(prefix).get_tensor(GRAPH_KEY))
    return graph


def values_of(prefix):
    """{name: Tensor} as TensorFlow reads it."""
    reader = tf.train.load_checkpoint(prefix)
    types = reader.get_variable_to_dtype_map()
    tensors = {}
    for name, shape in reader.get_variable_to_shape_map().items():
        value = reader.get_tensor(name)
        dtype = side.NAMES[types[name].name]
        if dtype == "string":
            items = numpy.empty(shape, object)
            items[...] = value
            tensors[name] = Tensor(dtype, items, None)
        else:
            array = numpy.asarray(value)
            tensors[name] = Tensor(dtype, raw(array.tobytes(), array.dtype.itemsize, shape), None)
    return tensors
