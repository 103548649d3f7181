/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A MetaGraphDef message: the parts of it that concern checkpoints, and the message with parts
 * changed. What is not named here is never looked into, and kept as it is.
 */
#ifndef CAIRN_FORMAT_META_GRAPH_H
#define CAIRN_FORMAT_META_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/base.h>
#include <cairn/error.h>

#include "format/arena.h"
#include "format/saver_def.h"

/* Of the message, as protobuf has it. */
#define META_GRAPH_SIZE_MAX ((uint64_t)INT32_MAX)

enum collection_kind {
	COLLECTION_NONE = 0,
	COLLECTION_NODES = 1,
	COLLECTION_BYTES = 2,
	COLLECTION_INT64 = 3,
	COLLECTION_FLOAT = 4,
	COLLECTION_ANY = 5
};

struct meta_collection {
	struct cairn_string name;
	uint64_t count; /* of items */
	enum collection_kind kind;
};

/* Strings are borrowed from the message, and UTF-8. */
struct meta_graph {
	struct cairn_string version;
	struct cairn_string tensorflow_version;
	struct cairn_string git_version;
	struct cairn_string *tags;
	uint64_t tag_count;
	uint64_t tag_capacity;
	uint64_t node_count;
	uint64_t function_count;
	int32_t producer;
	int32_t min_consumer;
	struct meta_collection **collections; /* by name; of equal ones the last */
	uint64_t collection_count;
	uint64_t collection_capacity;
	struct cairn_string **signatures; /* names, likewise */
	uint64_t signature_count;
	uint64_t signature_capacity;
	uint64_t asset_count;
	bool has_object_graph;
	bool has_saver_def;
	struct saver_def saver_def;
};

/* Arrays are in the arena, which needs at most about sixty bytes for each byte of the message.
 * CORRUPT, LIMIT, NO_MEMORY. */
enum cairn_status meta_graph_parse(struct cairn_string message, struct arena *arena,
				   struct meta_graph *graph, struct cairn_error *error);

struct meta_graph_changes {
	bool clear_devices;
	bool choose_collections;
	const struct cairn_string *collections; /* that are kept */
	uint64_t collection_count;
	const struct cairn_string *saver_def; /* a message; NULL: as it is */
};

/* The changed message in the arena; fields keep their order. Of a message that was parsed before.
 * CORRUPT, LIMIT, NO_MEMORY. */
enum cairn_status meta_graph_change(struct cairn_string message,
				    const struct meta_graph_changes *changes, struct arena *arena,
				    struct cairn_string *result, struct cairn_error *error);

#endif
