/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The object graph of a checkpoint that tf.train.Checkpoint wrote: which objects there are, how
 * they hang together, and which tensor is whose value.
 *
 *     struct cairn_graph *graph;
 *     struct cairn_graph_node node;
 *     struct cairn_graph_child child;
 *
 *     if (cairn_graph_open(reader, &graph, &error) != CAIRN_OK) ...
 *     if (cairn_graph_node(graph, 0, &node, &error) != CAIRN_OK) ...       the root
 *     for (uint64_t i = 0; i < node.child_count; i++)
 *         if (cairn_graph_child(graph, 0, i, &child, &error) != CAIRN_OK) ...
 *     cairn_graph_close(graph);
 *
 * Works on every checkpoint that has the tensor _CHECKPOINTABLE_OBJECT_GRAPH, also after it was
 * converted to another format.
 *
 * A graph is no tree: objects refer to each other in cycles, and one object may be reached on
 * several ways. Whoever walks through it remembers where he was. Every node that is named is there.
 *
 * Everything borrowed from a graph lives until it is closed. A graph is immutable: any number of
 * threads may use it at once.
 */
#ifndef CAIRN_GRAPH_H
#define CAIRN_GRAPH_H

#include <cairn/base.h>
#include <cairn/error.h>
#include <cairn/reader.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The name of the tensor that holds the graph. */
#define CAIRN_GRAPH_TENSOR "_CHECKPOINTABLE_OBJECT_GRAPH"

/* An object graph. Opaque. */
struct cairn_graph;

/*
 * Reads and checks the graph of a checkpoint. The graph holds a reference to the reader. Returns
 * NOT_FOUND (there is none: the checkpoint is name-based, as tf.compat.v1.train.Saver writes them,
 * or of another kind), CORRUPT (the tensor is no graph), LIMIT (over 2 GiB), NO_MEMORY, what
 * cairn_reader_find and cairn_tensor_view return.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_graph_open(const struct cairn_reader *reader,
							    struct cairn_graph **graph,
							    struct cairn_error *error);

/* Drops the graph and its reference. NULL is allowed. */
CAIRN_API void cairn_graph_close(struct cairn_graph *graph);

/* Objects, numbered from 0, the root. 0 when there is not even a root. */
CAIRN_API uint64_t cairn_graph_node_count(const struct cairn_graph *graph);

/* What the writer says about values: of the object itself, its slots, or anything below it. */
enum cairn_graph_values {
	CAIRN_GRAPH_VALUES_UNKNOWN = 0, /* an older writer says nothing */
	CAIRN_GRAPH_VALUES_NONE = 1,
	CAIRN_GRAPH_VALUES_SOME = 2
};

struct cairn_graph_node {
	uint64_t child_count;
	uint64_t attribute_count;
	uint64_t slot_count;
	enum cairn_graph_values values;
	int has_saver; /* it is saved by a registered saver, in a way of its own */
	struct cairn_string saver_name;
	struct cairn_string saver_object_name;
	uint64_t reserved[4];
};

/* INVALID_ARGUMENT when there is no such node. */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_graph_node(const struct cairn_graph *graph,
							    uint64_t node,
							    struct cairn_graph_node *result,
							    struct cairn_error *error);

/* An edge to another object. */
struct cairn_graph_child {
	struct cairn_string name; /* of the attribute, element or key in the program; not escaped */
	uint64_t node;
	uint64_t reserved[2];
};

/* The index-th child, in the order of the program. INVALID_ARGUMENT when there is none. */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_graph_child(const struct cairn_graph *graph,
							     uint64_t node, uint64_t index,
							     struct cairn_graph_child *child,
							     struct cairn_error *error);

/* What a checkpoint has under an attribute's key. */
enum cairn_graph_key {
	/* nothing: the variable had no value when it was saved, or the file has lost it */
	CAIRN_GRAPH_KEY_DANGLES = 0,
	CAIRN_GRAPH_KEY_TENSOR = 1, /* one tensor of that name */
	CAIRN_GRAPH_KEY_PREFIX = 2  /* tensors whose names begin with it, as lookup tables have */
};

/* A value of an object. */
struct cairn_graph_attribute {
	struct cairn_string name;      /* "VARIABLE_VALUE" */
	struct cairn_string full_name; /* of the variable in a graph of TensorFlow 1; often empty */
	struct cairn_string key;       /* "model/bias/.ATTRIBUTES/VARIABLE_VALUE" */
	enum cairn_graph_key state;
	uint32_t reserved_state;
	uint64_t first_tensor; /* number for cairn_reader_tensor_at of the first tensor, and */
	uint64_t tensor_count; /* how many there are, one after the other */
	uint64_t reserved[4];
};

/* The index-th attribute; its key is looked up in the checkpoint: O(log n). INVALID_ARGUMENT when
 * there is none; else what cairn_reader_find returns for a damaged index. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_graph_attribute(const struct cairn_graph *graph, uint64_t node, uint64_t index,
		      struct cairn_graph_attribute *attribute, struct cairn_error *error);

/* What an optimizer keeps for a variable of the model, in an object that no edge leads to. */
struct cairn_graph_slot {
	uint64_t variable;        /* node */
	struct cairn_string name; /* "momentum" */
	uint64_t slot;            /* node */
	uint64_t reserved[2];
};

/* The index-th slot variable of an optimizer. INVALID_ARGUMENT when there is none. */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_graph_slot(const struct cairn_graph *graph,
							    uint64_t node, uint64_t index,
							    struct cairn_graph_slot *slot,
							    struct cairn_error *error);

#ifdef __cplusplus
}
#endif

#endif
