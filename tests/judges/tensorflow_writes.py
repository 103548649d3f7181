# SPDX-License-Identifier: Apache-2.0
"""Cairn writes, TensorFlow reads."""
import filecmp
import glob
import json
import os
import struct

import tensorflow_models as models
import tensorflow_reads as reads
import tensorflow_side as side
from cairn_tool import Tensor
from tensorflow_side import numpy, tf

DATA = ".data-?????-of-?????"


def files_of(prefix):
    found = glob.glob(glob.escape(prefix) + DATA) + glob.glob(glob.escape(prefix) + ".index")
    return {path[len(prefix):]: path for path in found}


def check_identity(judge, where, one, other):
    """The same files with the same bytes; without data files that an earlier save with another number of them left."""
    ours, theirs = files_of(one), files_of(other)
    total = "-of-%05d" % (len(ours) - 1)
    theirs = {name: path for name, path in theirs.items() if name == ".index" or name.endswith(total)}
    wrong = [] if set(ours) == set(theirs) else [f"files {sorted(ours)} instead of {sorted(theirs)}"]
    wrong += [f"{name} has other bytes" for name in set(ours) & set(theirs)
              if not filecmp.cmp(ours[name], theirs[name], shallow=False)]
    judge.note(where, wrong, len(theirs))


def in_container(tensor):
    """A container joins the slices of strings."""
    return Tensor(tensor.dtype, tensor.array, [] if tensor.dtype == "string" else tensor.cuts)


def check_all_ways(judge, where, source, expected):
    """TensorFlow's checkpoint, to itself and through a container, read by TensorFlow."""
    direct, again = source + "-direct", source + "-again"
    judge.cairn.convert(source, direct, "--to", "tf")
    check_identity(judge, where, direct, source)
    judge.cairn.through(source, again)
    kept = {name: in_container(tensor) for name, tensor in expected.items()}
    judge.note(where, side.check(again, kept, judge.rng), 3 * len(expected))


def every_type_written(judge):
    for dtype in [*side.TYPES, "string"]:
        expected = {f"{dtype}/{shape}": side.random_tensor(judge.rng, dtype, shape) for shape in reads.SHAPES}
        side.save(judge.path(dtype), expected)
        check_all_ways(judge, dtype, judge.path(dtype), expected)


def random_models_written(judge):
    for number in range(8):
        expected = models.random_model(judge.rng, int(judge.rng.integers(1, 40)))
        prefix = judge.path(f"model-{number}")
        models.save_in_shards(judge, prefix, expected, int(judge.rng.integers(1, 5)))
        check_all_ways(judge, f"model {number}", prefix, expected)


def names_written(judge):
    expected = {name: side.random_tensor(judge.rng, "i16", (2, 2)) for name in models.NAMES}
    side.save(judge.path("names"), expected)
    check_all_ways(judge, "names", judge.path("names"), expected)


def many_written(judge):
    """100,000 tensors, in one file and in some."""
    expected = models.many(judge.rng)
    side.save(judge.path("many"), expected)
    check_all_ways(judge, "many", judge.path("many"), expected)
    judge.cairn.convert(judge.path("many-again.cairn"), judge.path("some"), "--to", "tf", "--max-shard-size", "1MB")
    judge.note("in shards", side.check_by_restore(judge.path("some"), expected), len(expected))


def nothing_written(judge):
    """A bundle without tensors."""
    with open(judge.path("none.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", 8) + b"{}      ")
    judge.cairn.through(judge.path("none.safetensors"), judge.path("none"))
    judge.equal("shapes", tf.train.load_checkpoint(judge.path("none")).get_variable_to_shape_map(), {})
    judge.equal("list_variables", tf.train.list_variables(judge.path("none")), [])


# -------------------------------------------------------------------------------------------------- from safetensors

SAFETENSORS = {"bool": "BOOL", "u8": "U8", "i8": "I8", "i16": "I16", "u16": "U16", "f16": "F16", "bf16": "BF16",
               "i32": "I32", "u32": "U32", "f32": "F32", "f64": "F64", "i64": "I64", "u64": "U64", "c64": "C64",
               "f8_e4m3fn": "F8_E4M3", "f8_e5m2": "F8_E5M2"}


def write_safetensors(path, tensors):
    header, body = {}, b""
    for name, tensor in tensors.items():
        header[name] = {"dtype": SAFETENSORS[tensor.dtype], "shape": tensor.shape,
                        "data_offsets": [len(body), len(body) + len(tensor.data)]}
        body += tensor.data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


def safetensors_written(judge):
    expected = {f"{dtype}.{shape}": side.random_tensor(judge.rng, dtype, shape)
                for dtype in SAFETENSORS for shape in reads.SHAPES}
    write_safetensors(judge.path("m.safetensors"), expected)
    judge.cairn.convert(judge.path("m.safetensors"), judge.path("direct"), "--to", "tf")
    judge.note("direct", side.check(judge.path("direct"), expected, judge.rng), 3 * len(expected))
    judge.cairn.through(judge.path("m.safetensors"), judge.path("again"))
    judge.note("through a container", side.check(judge.path("again"), expected, judge.rng), 3 * len(expected))
    judge.cairn.convert(judge.path("m.safetensors"), judge.path("aligned"), "--to", "tf", "--alignment", "4KiB")
    judge.note("aligned", side.check(judge.path("aligned"), expected, judge.rng), 3 * len(expected))


# ------------------------------------------------------------------------------------------------------------ shards

def limits_written(judge):
    """Shards of at most some size: tensors that are too large are cut into slices."""
    expected = {f"t{i}": side.random_tensor(judge.rng, dtype, shape) for i, (dtype, shape) in enumerate(
        [("f32", (40, 50)), ("i64", (7,)), ("f32", ()), ("bf16", (3, 100, 5)), ("string", (6,)), ("u8", (5000,)),
         ("f16", (30, 40)), ("f32", (2, 0, 3)), ("c128", (20, 20)), ("i4_byte", (64, 3)), ("u64", (4, 4))])}
    side.save(judge.path("whole"), expected)
    judge.cairn.convert(judge.path("whole"), judge.path("one.cairn"))
    for limit in (1000, 4096, 20_000):
        prefix = judge.path(f"limit-{limit}")
        judge.cairn.convert(judge.path("one.cairn"), prefix, "--to", "tf", "--max-shard-size", str(limit))
        judge.cairn.run("verify", prefix)
        judge.note(f"limit {limit}", side.check(prefix, expected, judge.rng), 3 * len(expected))
        judge.equal(f"limit {limit}: more than one file", len(files_of(prefix)) > 2, True)


def sharded_written(judge):
    """From Cairn's shards, which hold each tensor whole or as its slices were, and from their merge."""
    expected = models.random_model(judge.rng, 30)
    side.save(judge.path("source"), expected)
    judge.cairn.convert(judge.path("source"), judge.path("sharded"), "--to", "cairn", "--max-shard-size", "5kB")
    judge.equal("more than one shard", len(os.listdir(judge.path("sharded"))) > 2, True)
    judge.cairn.run("merge", judge.path("merged"), judge.path("sharded"))
    kept = {name: in_container(tensor) for name, tensor in expected.items()}
    for source in ("sharded", "merged"):
        prefix = judge.path(f"{source}-again")
        judge.cairn.convert(judge.path(source), prefix, "--to", "tf")
        judge.note(source, side.check(prefix, kept, judge.rng), 3 * len(expected))


def box_of(spec):
    """What a slice's specification says."""
    pairs = [(0, None) if extent == "-" else map(int, extent.split(",")) for extent in spec.split(" ")[-1].split(":")]
    return tuple(zip(*pairs))


def cuts_written(judge):
    """The writer's own interface: slices of every kind, dealt to data files."""
    for shards in (1, 3, 7):
        expected = {f"{dtype}/{i}": side.random_tensor(judge.rng, dtype, side.random_shape(judge.rng))
                    for dtype in side.TYPES for i in range(2)}
        expected.update({f"s{i}": side.random_tensor(judge.rng, "string", (3, 2)) for i in range(3)})
        side.save(judge.path(f"whole-{shards}"), expected)
        prefix = judge.path(f"cut-{shards}")
        seed = str(int(judge.rng.integers(1, 1 << 30)))
        judge.cairn.calls("cut", judge.path(f"whole-{shards}"), prefix, str(shards), seed)
        judge.cairn.run("verify", prefix)
        found = judge.cairn.ls(prefix)
        for name, tensor in expected.items():
            tensor.cuts = [box_of(piece["spec"]) for piece in found[name]["slices"]]
        judge.equal("some are cut", any(tensor.cuts for tensor in expected.values()), True)
        judge.note(f"{shards} files, seed {seed}", side.check(prefix, expected, judge.rng), 3 * len(expected))
        judge.note(f"{shards} files, read again", judge.cairn.check(prefix, expected), len(expected))


def merges_written(judge):
    """cairn merge --to tf: the bytes of MergeV2Checkpoints, and its values."""
    for number in range(6):
        expected = models.random_model(judge.rng, int(judge.rng.integers(4, 40)))
        parts = models.save_parts(judge, judge.path(f"m{number}"), expected, int(judge.rng.integers(1, 9)))
        judge.cairn.run("merge", "--to", "tf", judge.path(f"ours-{number}"), *parts)
        side.merge(judge.path(f"theirs-{number}"), parts)
        check_identity(judge, f"merge {number}", judge.path(f"ours-{number}"), judge.path(f"theirs-{number}"))
        judge.note(f"merge {number}", side.check(judge.path(f"ours-{number}"), expected, judge.rng), 3 * len(expected))


def merges_of_ours_written(judge):
    """What Cairn wrote is merged by TensorFlow, and by Cairn: the same bytes."""
    expected = models.random_model(judge.rng, 30)
    for tensor in expected.values():
        tensor.cuts = in_container(tensor).cuts
    parts = []
    for part in models.save_parts(judge, judge.path("m"), expected, 4):
        judge.cairn.through(part, part + "-ours")
        parts.append(part + "-ours")
    judge.cairn.run("merge", "--to", "tf", judge.path("ours"), *parts)
    side.merge(judge.path("theirs"), parts)
    check_identity(judge, "merge", judge.path("ours"), judge.path("theirs"))
    judge.note("merge", side.check(judge.path("ours"), expected, judge.rng), 3 * len(expected))


# ---------------------------------------------------------------------------------------------------------- variants

def make_variants():
    lists = [tf.raw_ops.TensorListFromTensor(tensor=tf.constant(values, tf.float32), element_shape=tf.constant([], tf.int32))
             for values in ([1.0, 2.0], [], [3.5, 4.5, 5.5])]
    return {"lists": tf.stack(lists), "one": lists[0], "optional": tf.raw_ops.OptionalFromValue(
        components=[tf.constant([7, 8]), tf.constant(b"text")]), "nothing": tf.raw_ops.OptionalNone()}


def read_variants(prefix):
    names = ["lists", "one", "optional", "nothing"]
    lists, one, optional, nothing = side.restore(prefix, names, [""] * 4, [tf.variant] * 4)

    def items(handle):
        return tf.raw_ops.TensorListStack(input_handle=handle, element_shape=tf.constant([], tf.int32),
                                          element_dtype=tf.float32).numpy().tolist()

    value = tf.raw_ops.OptionalGetValue(optional=optional, output_types=[tf.int32, tf.string],
                                        output_shapes=[[2], []])
    return [[items(handle) for handle in tf.unstack(lists)], items(one), [numpy.asarray(part).tolist() for part in value],
            bool(tf.raw_ops.OptionalHasValue(optional=nothing))]


def variants_written(judge):
    values = make_variants()
    source = judge.path("variants")
    tf.raw_ops.SaveV2(prefix=source, tensor_names=list(values), shape_and_slices=[""] * 4, tensors=list(values.values()))
    judge.cairn.convert(source, judge.path("direct"), "--to", "tf")
    check_identity(judge, "direct", judge.path("direct"), source)
    judge.cairn.through(source, judge.path("again"))
    judge.equal("through a container", read_variants(judge.path("again")), read_variants(source))
    check_identity(judge, "through a container", judge.path("again"), source)


# --------------------------------------------------------------------------------------------------- Saver, objects

def savers_restore(judge):
    """A Saver restores what Cairn wrote, with variables that are cut in another way."""
    for number, version in enumerate([v for v in (models.v1.train.SaverDef.V2, models.v1.train.SaverDef.V1)]):
        prefix, expected = models.save_by_saver(judge.rng, judge.path(f"saver-{number}/model"), sharded=True,
                                                write_version=version)
        judge.cairn.through(prefix, judge.path(f"again-{number}"))
        for cuts in ({}, {0: 2, 5: 3, 6: 4}, {0: 3, 1: 2, 5: 9, 6: 1}):
            wrong = models.restore_by_saver(judge.path(f"again-{number}"), expected, cuts)
            judge.note(f"cuts {cuts}", wrong, len(expected))


# Those that TensorFlow's first format holds.
FIRST_FORMAT = ["bool", "u8", "i8", "i16", "i32", "i64", "f16", "f32", "f64", "c64", "c128", "qint8", "quint8", "qint32",
                "string"]


def savers_written(judge):
    """cairn_saver in TensorFlow's formats, whole and in shards; values, and the latest checkpoint."""
    for number, (version, devices) in enumerate([("2", 0), ("2", 3), ("1", 0), ("1", 3)]):
        dtypes = FIRST_FORMAT if version == "1" else [*side.TYPES, "string"]
        expected = {f"{dtype}/{i}": side.random_tensor(judge.rng, dtype, side.random_shape(judge.rng))
                    for dtype in dtypes for i in range(3)}
        side.save(judge.path(f"source-{number}"), expected)
        os.makedirs(judge.path(f"run-{number}"))
        path = judge.cairn.calls("saver", judge.path(f"source-{number}"), judge.path(f"run-{number}/model"), version,
                                 str(devices)).decode().rstrip("\n")
        where = f"version {version}, {devices} devices"
        if version == "2":
            judge.note(where, side.check_by_reader(path, expected), len(expected))
        else:  # of some types only RestoreV2 reads values there
            judge.equal(where, dict(tf.train.list_variables(path)), {n: t.shape for n, t in expected.items()})
        judge.note(where, side.check_by_restore(path, expected), len(expected))
        judge.note(where, side.check_slices(path, expected, judge.rng), len(expected))
        if "?" not in path:  # TensorFlow looks for a pattern then, and gives back what it was given
            judge.equal(f"{where}: latest_checkpoint", tf.train.latest_checkpoint(judge.path(f"run-{number}")), path)
        judge.cairn.run("verify", path)


def checkpoints_restore(judge):
    """tf.train.Checkpoint restores what Cairn wrote, all of it."""
    for number in range(3):
        seed = int(judge.rng.integers(0, 1 << 30))
        source = models.random_objects(numpy.random.default_rng(seed)).write(judge.path(f"objects-{number}"))
        judge.cairn.through(source, source + "-again")
        judge.cairn.convert(source, source + "-direct", "--to", "tf")
        check_identity(judge, "direct", source + "-direct", source)
        expected = models.values_of(source)
        for prefix in (source + "-again", source + "-direct"):
            root = models.random_objects(numpy.random.default_rng(seed))
            root.read(prefix).assert_consumed()
            written = models.values_of(root.write(prefix + "-restored"))
            judge.note(prefix, [f"{name!r}: other value" for name in expected if name != models.GRAPH_KEY
                                and written[name].data != expected[name].data], len(expected))


# ---------------------------------------------------------------------------------------------------------- identity

def golden_identical(judge):
    """Checkpoints that TensorFlow wrote, of any kind, keep all their bytes."""
    if judge.golden is None:
        judge.note("skipped: no folder of golden checkpoints", [], 0)
        return
    indexes = sorted(glob.glob(os.path.join(judge.golden, "**", "*.index"), recursive=True))
    for number, index in enumerate(indexes):
        source = index[:-len(".index")]
        if not glob.glob(glob.escape(source) + DATA):
            continue
        judge.cairn.convert(source, judge.path(str(number)), "--to", "tf")
        check_identity(judge, os.path.relpath(source, judge.golden), judge.path(str(number)), source)


CASES = [every_type_written, random_models_written, names_written, many_written, nothing_written, safetensors_written,
         limits_written, sharded_written, cuts_written, merges_written, merges_of_ours_written, variants_written, savers_written, savers_restore,
         checkpoints_restore, golden_identical]
