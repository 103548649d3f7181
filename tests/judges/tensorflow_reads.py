# SPDX-License-Identifier: Apache-2.0
"""TensorFlow writes, Cairn reads."""
import json
import os
import shutil

import tensorflow_models as models
import tensorflow_side as side
from cairn_tool import Refused, Tensor, elements
from tensorflow_side import numpy, tf

SHAPES = [(), (1,), (7,), (0,), (2, 3), (0, 3), (3, 0, 2), (4, 1, 3), (1, 1, 1, 1, 1), (2, 3, 2, 2, 3)]


def check(judge, where, path, expected, boxes=2):
    """Names, types, shapes, bytes, some slices; and that Cairn finds nothing wrong."""
    judge.note(where, judge.cairn.check(path, expected), len(expected))
    judge.cairn.run("verify", path)
    for name, tensor in expected.items():
        if "\0" in name or tensor.array.size == 0 or tensor.array.ndim == 0 or boxes == 0:
            continue
        for starts, lengths in [side.random_box(judge.rng, tensor.shape) for _ in range(boxes)]:
            found = judge.cairn.cat_slice(path, name, starts, lengths)
            same = found == elements(tensor.part(starts, lengths))
            judge.note(where, [] if same else [f"{name!r} {starts},{lengths}: other bytes"])


def every_type_read(judge):
    """All types in ten shapes, with two slices each."""
    for dtype in [*side.TYPES, "string"]:
        expected = {f"{dtype}/{shape}": side.random_tensor(judge.rng, dtype, shape) for shape in SHAPES}
        side.save(judge.path(dtype), expected)
        check(judge, dtype, judge.path(dtype), expected, 1)


def random_models_read(judge):
    """Random names, types, shapes, cuts, in shards that are merged or not."""
    for number in range(8):
        expected = models.random_model(judge.rng, int(judge.rng.integers(1, 40)))
        prefix = judge.path(f"model-{number}")
        models.save_in_shards(judge, prefix, expected, int(judge.rng.integers(1, 5)))
        check(judge, f"model {number}", prefix, expected, 1)


def names_read(judge):
    expected = {name: side.random_tensor(judge.rng, "f32", (3,)) for name in models.NAMES}
    side.save(judge.path("names"), expected)
    check(judge, "names", judge.path("names"), expected, 0)


def many_read(judge):
    """100,000 tensors."""
    expected = models.many(judge.rng)
    side.save(judge.path("many"), expected)
    check(judge, "many", judge.path("many"), expected, 0)


def checkpoint_read(judge):
    """tf.train.Checkpoint of nested objects with an optimizer: values and object graph."""
    for number in range(3):
        root = models.random_objects(judge.rng)
        prefix = root.write(judge.path(f"objects-{number}"))
        judge.note(prefix, check_graph(judge, prefix))
        check(judge, f"objects {number}", prefix, models.values_of(prefix), 0)


def check_graph(judge, prefix):
    found = json.loads(judge.cairn.run("graph", "--json", prefix))
    nodes = models.object_graph(prefix).nodes
    wrong = [] if len(found["object_graph"]) == len(nodes) else ["number of nodes"]
    for number, (node, have) in enumerate(zip(nodes, found["object_graph"])):
        children = sorted([child.local_name, child.node_id] for child in node.children)
        attributes = sorted([a.name, a.full_name, a.checkpoint_key] for a in node.attributes)
        slots = sorted([s.original_variable_node_id, s.slot_name, s.slot_variable_node_id] for s in node.slot_variables)
        if sorted(have["children"]) != children:
            wrong.append(f"node {number}: children")
        if sorted([a["name"], a["full_name"], a["key"]] for a in have["attributes"]) != attributes:
            wrong.append(f"node {number}: attributes")
        if sorted(have["slots"]) != slots:
            wrong.append(f"node {number}: slots")
        if any(a["dangles"] for a in have["attributes"]):
            wrong.append(f"node {number}: an attribute dangles")
    return wrong


def savers_read(judge):
    """tf.compat.v1.train.Saver, unsharded, sharded and in its first format, with partitioned variables."""
    for number, options in enumerate([{}, {"sharded": True}, {"write_version": tf.compat.v1.train.SaverDef.V1},
                                      {"sharded": True, "write_version": tf.compat.v1.train.SaverDef.V1}]):
        prefix, expected = models.save_by_saver(judge.rng, judge.path(f"saver-{number}/model"), **options)
        check(judge, f"saver {options}", prefix, expected)


def sharding_policy_read(judge):
    """MaxShardSizePolicy cuts variables into slices and files."""
    for size in (500, 3000):
        root = models.random_objects(judge.rng)
        policy = tf.train.experimental.MaxShardSizePolicy(max_shard_size=size)
        options = tf.train.CheckpointOptions(experimental_sharding_callback=policy)
        prefix = root.write(judge.path(f"policy-{size}"), options)
        judge.note(prefix, check_graph(judge, prefix))
        check(judge, f"policy {size}", prefix, models.values_of(prefix), 1)


def folders_read(judge):
    """SavedModel, a manager's folder, list_variables."""
    module = models.random_module(judge.rng)
    tf.saved_model.save(module, judge.path("saved"))
    inner = judge.path("saved/variables/variables")
    check(judge, "SavedModel", judge.path("saved"), models.values_of(inner), 0)
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(m=module), judge.path("managed"), 2)
    for _ in range(3):
        manager.save()
    latest = judge.cairn.run("latest", judge.path("managed")).decode().strip()
    judge.equal("latest", latest, manager.latest_checkpoint)
    check(judge, "manager's folder", judge.path("managed"), models.values_of(manager.latest_checkpoint), 0)
    found = [[name, tensor["shape"]] for name, tensor in judge.cairn.ls(latest).items()]
    judge.equal("list_variables", found, [list(pair) for pair in tf.train.list_variables(latest)])


# ---------------------------------------------------------------------------------------------------------- damage

TRIALS = 60


def read_by_tensorflow(prefix, names):
    """{name: bytes}, without those that are refused."""
    found = {}
    try:
        reader = tf.train.load_checkpoint(prefix)
    except (tf.errors.OpError, IndexError, ValueError, RuntimeError):
        return found
    for name in names:
        try:
            found[name] = side.to_bytes(reader.get_tensor(name))
        except (tf.errors.OpError, IndexError, ValueError, RuntimeError):
            pass
    return found


def read_by_cairn(judge, prefix, names):
    found = {}
    for name in names:
        try:
            found[name] = judge.cairn.cat(prefix, [name])
        except Refused:
            pass
    return found


def flip(path, rng):
    """A bit of one of the files; says which."""
    size = os.path.getsize(path)
    place = int(rng.integers(0, size))
    with open(path, "r+b") as file:
        file.seek(place)
        byte = file.read(1)[0] ^ 1 << int(rng.integers(0, 8))
        file.seek(place)
        file.write(bytes([byte]))
    return f"{os.path.basename(path)} byte {place} of {size}"


def damage_is_noticed(judge):
    """A flipped bit: Cairn never gives other bytes, and refuses what TensorFlow refuses."""
    expected = {f"t{i}": side.random_tensor(judge.rng, dtype, (4, 5)) for i, dtype in
                enumerate(["f32", "string", "bool", "bf16", "i64"])}
    expected["cut"] = Tensor("f32", side.random_tensor(judge.rng, "f32", (6, 4)).array,
                             [((0, 0), (6, 1)), ((0, 1), (6, 3))])
    side.save(judge.path("good"), expected)
    for trial in range(TRIALS):
        names = ["bad.index", "bad.data-00000-of-00001"]
        for name in names:
            shutil.copy(judge.path(name.replace("bad", "good")), judge.path(name))
        where = flip(judge.path(names[trial % 2]), judge.rng)
        theirs = read_by_tensorflow(judge.path("bad"), expected)
        ours = read_by_cairn(judge, judge.path("bad"), expected)
        wrong = [f"{name}: other bytes" for name, data in ours.items() if data != expected[name].data]
        wrong += [f"{name}: only TensorFlow refuses it" for name in ours if name not in theirs]
        judge.note(where, wrong, len(expected))


CASES = [every_type_read, random_models_read, names_read, many_read, checkpoint_read, savers_read, sharding_policy_read,
         folders_read, damage_is_noticed]
