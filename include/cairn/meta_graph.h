/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MetaGraphs: what TensorFlow writes beside a Saver's checkpoints, PATH.meta. The graph of the
 * program, collections of its things, and how its saver is set up.
 *
 *     struct cairn_meta_graph *graph;
 *     struct cairn_meta_graph_info info = {.size = sizeof(info)};
 *
 *     if (cairn_meta_graph_open("run/model-100.meta", &graph, &error) != CAIRN_OK) ...
 *     cairn_meta_graph_info(graph, &info);
 *     cairn_meta_graph_close(graph);
 *
 * Cairn has no graph of its own: it reads what concerns checkpoints, and writes a MetaGraph that it
 * was given with parts of it changed. Everything else, known or not, is kept byte for byte.
 *
 * A MetaGraph is immutable: any number of threads may use it at once. What is borrowed from it
 * lives until it is closed.
 */
#ifndef CAIRN_META_GRAPH_H
#define CAIRN_META_GRAPH_H

#include <cairn/base.h>
#include <cairn/error.h>
#include <cairn/saver.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A MetaGraph. Opaque. */
struct cairn_meta_graph;

/* What TensorFlow keeps of a saver (SaverDef). Strings are borrowed. */
struct cairn_saver_def {
	struct cairn_string filename_tensor_name;
	struct cairn_string save_tensor_name;
	struct cairn_string restore_op_name;
	int32_t max_to_keep; /* 0: all */
	int sharded;
	float keep_checkpoint_every_n_hours;
	uint32_t version; /* 0: before there were versions; 1, 2: of the format */
	uint64_t reserved[4];
};

struct cairn_meta_graph_info {
	size_t size; /* set by the caller: sizeof(struct cairn_meta_graph_info) */
	struct cairn_string meta_graph_version;
	struct cairn_string tensorflow_version;
	struct cairn_string tensorflow_git_version;
	uint64_t bytes;
	uint64_t tag_count;
	uint64_t node_count;     /* of the graph, without those of functions */
	uint64_t function_count; /* of its library */
	int64_t producer;        /* version of the graph */
	int64_t min_consumer;
	uint64_t collection_count;
	uint64_t signature_count;
	uint64_t asset_count;
	int has_object_graph;
	int has_saver_def;
	struct cairn_saver_def saver_def;
	uint64_t reserved[8];
};

/* -------------------------------------------------------------------------------------- reading */

/* NOT_FOUND, NOT_A_CHECKPOINT (no regular file), CORRUPT, LIMIT (from 2 GiB on), IO, NO_MEMORY. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_meta_graph_open(const char *path, struct cairn_meta_graph **graph, struct cairn_error *error);

/* The same of bytes in memory, which are copied. */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_meta_graph_parse(const void *bytes, size_t size,
								  struct cairn_meta_graph **graph,
								  struct cairn_error *error);

/* NULL is allowed. */
CAIRN_API void cairn_meta_graph_close(struct cairn_meta_graph *graph);

/* Fills *info; never fails. */
CAIRN_API void cairn_meta_graph_info(const struct cairn_meta_graph *graph,
				     struct cairn_meta_graph_info *info);

/* The index-th tag, in stored order, and signature, in byte order of names; {NULL, 0} when there is
 * none. */
CAIRN_API struct cairn_string cairn_meta_graph_tag(const struct cairn_meta_graph *graph,
						   uint64_t index);
CAIRN_API struct cairn_string cairn_meta_graph_signature(const struct cairn_meta_graph *graph,
							 uint64_t index);

/* A collection of the graph: names of nodes, or values. */
struct cairn_meta_collection {
	struct cairn_string name;
	const char *kind; /* "node", "bytes", "int64", "float", "any", "none"; static */
	uint64_t count;   /* of its items */
	uint64_t reserved[2];
};

/* The index-th collection, in byte order of names. INVALID_ARGUMENT when there is none. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_meta_graph_collection(const struct cairn_meta_graph *graph, uint64_t index,
			    struct cairn_meta_collection *collection, struct cairn_error *error);

/* Its bytes: those that it was read from, or exported as; for cairn_saver_save. */
CAIRN_API const void *cairn_meta_graph_bytes(const struct cairn_meta_graph *graph, size_t *size);

/* -------------------------------------------------------------------------------------- writing */

/* Writes its bytes to a file: atomically and durably, over one that is there. As
 * cairn_writer_finish. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_meta_graph_write(const struct cairn_meta_graph *graph, const char *path,
		       struct cairn_error *error);

struct cairn_meta_graph_options {
	size_t size; /* sizeof(struct cairn_meta_graph_options); 0 means version 1 of this struct */
	int clear_devices;      /* of all nodes, those of functions too */
	int choose_collections; /* keep only these: */
	const char *const *collections;
	uint64_t collection_count;
	uint64_t reserved[8]; /* zero */
};

/*
 * A MetaGraph whose saver is this one, with the other changes that options ask for (or NULL).
 * tf.train.Saver.export_meta_graph, of a graph that the caller has. INVALID_ARGUMENT, LIMIT,
 * NO_MEMORY.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_saver_export_meta_graph(struct cairn_saver *saver, const struct cairn_meta_graph *graph,
			      const struct cairn_meta_graph_options *options,
			      struct cairn_meta_graph **exported, struct cairn_error *error);

/*
 * Reads a MetaGraph, and makes a saver of these variables as its SaverDef says; without one a saver
 * of TensorFlow's second format. `imported`, unless NULL, gets the graph, with the changes that
 * options ask for. tf.train.import_meta_graph. As cairn_meta_graph_open and cairn_saver_create.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_import_meta_graph(const char *path, const struct cairn_meta_graph_options *options,
			const struct cairn_saver_variable *variables, uint64_t count,
			const struct cairn_saver_options *saver_options,
			struct cairn_meta_graph **imported, struct cairn_saver **saver,
			struct cairn_error *error);

/* The SaverDef of a saver, as bytes: borrowed until the saver is destroyed.
 * tf.train.Saver.as_saver_def, to_proto. NO_MEMORY. */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_saver_as_saver_def(struct cairn_saver *saver,
								    const void **bytes,
								    size_t *size,
								    struct cairn_error *error);

/* A saver as a SaverDef says: options (or NULL) with it in them. tf.train.Saver.from_proto. As
 * cairn_saver_create. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_saver_from_proto(const void *bytes, size_t size, const struct cairn_saver_variable *variables,
		       uint64_t count, const struct cairn_saver_options *options,
		       struct cairn_saver **saver, struct cairn_error *error);

#ifdef __cplusplus
}
#endif

#endif
