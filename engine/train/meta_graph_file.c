/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MetaGraphs: a file in memory with what was found in it, and copies of it with parts changed.
 */
#include "engine/train/meta_graph_file.h"

#include <inttypes.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/train/saver.h"
#include "engine/write/publish.h"
#include "format/error.h"
#include "format/meta_graph.h"

#define ARENA_SIZE_MAX ((size_t)1 << 38)

struct cairn_meta_graph {
	struct system *system;
	struct arena arena;
	struct cairn_string message; /* in the arena */
	struct meta_graph parsed;
};

/* ---------------------------------------------------------------------------------- open, close */

/* NULL: no memory. */
static struct cairn_meta_graph *create(struct system *system, struct cairn_error *error)
{
	struct cairn_meta_graph *const graph = system_allocate_zeroed(system, sizeof(*graph));

	if (graph == NULL) {
		error_set_memory(error, "a MetaGraph");
		return NULL;
	}
	graph->system = system;
	arena_init(&graph->arena, reader_arena_source(system), ARENA_SIZE_MAX);
	return graph;
}

/* Parses its message; the result is the caller's when that worked. */
static enum cairn_status complete(struct cairn_meta_graph *graph, enum cairn_status status,
				  struct cairn_meta_graph **result, struct cairn_error *error)
{
	if (status == CAIRN_OK)
		status = meta_graph_parse(graph->message, &graph->arena, &graph->parsed, error);
	if (status == CAIRN_OK)
		*result = graph;
	else
		cairn_meta_graph_close(graph);
	return status;
}

static enum cairn_status read_descriptor(struct cairn_meta_graph *graph, int fd,
					 struct cairn_error *error)
{
	struct system *const system = graph->system;
	struct system_status found;
	int64_t count = system_status(system, fd, &found);
	char *bytes;

	if (count < 0)
		return error_set_system(error, count, "cannot examine it");
	if (found.kind != SYSTEM_REGULAR)
		return error_set(error, CAIRN_NOT_A_CHECKPOINT, CAIRN_ERROR_NO_OFFSET,
				 "no regular file");
	if (found.size > META_GRAPH_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "a MetaGraph of %" PRIu64 " bytes, more than %" PRIu64, found.size,
				 META_GRAPH_SIZE_MAX);
	bytes = arena_allocate(&graph->arena, (size_t)found.size);
	if (bytes == NULL)
		return error_set_memory(error, "a MetaGraph");
	count = system_read_all(system, fd, bytes, (size_t)found.size, 0);
	if (count < 0)
		return error_set_system(error, count, "cannot read it");
	graph->message = (struct cairn_string){bytes, (size_t)count}; /* shorter by now: as it is */
	return CAIRN_OK;
}

static enum cairn_status read_file(struct cairn_meta_graph *graph, const char *path,
				   struct cairn_error *error)
{
	const int fd = system_open(graph->system, SYSTEM_CWD, path, 0);
	enum cairn_status status;

	if (fd < 0)
		return error_set_system(error, fd, "cannot open it");
	status = read_descriptor(graph, fd, error);
	system_close(graph->system, fd);
	return status;
}

enum cairn_status meta_graph_open(struct system *system, const char *path,
				  struct cairn_meta_graph **result, struct cairn_error *error)
{
	struct cairn_meta_graph *graph;
	enum cairn_status status;

	if (path == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET, "no path");
	graph = create(system, error);
	if (graph == NULL)
		return CAIRN_NO_MEMORY;
	status = complete(graph, read_file(graph, path, error), result, error);
	return status == CAIRN_OK ? CAIRN_OK : error_prefix(error, status, path);
}

enum cairn_status meta_graph_from_bytes(struct system *system, const void *bytes, size_t size,
					struct cairn_meta_graph **result, struct cairn_error *error)
{
	struct cairn_meta_graph *graph;
	enum cairn_status status = CAIRN_OK;

	if (bytes == NULL && size != 0)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET, "no bytes");
	graph = create(system, error);
	if (graph == NULL)
		return CAIRN_NO_MEMORY;
	graph->message = (struct cairn_string){
		arena_copy(&graph->arena, size == 0 ? "" : bytes, size), size};
	if (graph->message.data == NULL)
		status = error_set_memory(error, "a MetaGraph");
	return complete(graph, status, result, error);
}

enum cairn_status cairn_meta_graph_open(const char *path, struct cairn_meta_graph **graph,
					struct cairn_error *error)
{
	return meta_graph_open(system_posix(), path, graph, error);
}

enum cairn_status cairn_meta_graph_parse(const void *bytes, size_t size,
					 struct cairn_meta_graph **graph, struct cairn_error *error)
{
	return meta_graph_from_bytes(system_posix(), bytes, size, graph, error);
}

void cairn_meta_graph_close(struct cairn_meta_graph *graph)
{
	struct system *system;

	if (graph == NULL)
		return;
	system = graph->system;
	arena_fini(&graph->arena);
	system_free(system, graph);
}

/* ---------------------------------------------------------------------------------------- facts */

static struct cairn_saver_def public_def(const struct saver_def *def)
{
	return (struct cairn_saver_def){
		.filename_tensor_name = def->filename_tensor_name,
		.save_tensor_name = def->save_tensor_name,
		.restore_op_name = def->restore_op_name,
		.max_to_keep = def->max_to_keep,
		.sharded = def->sharded,
		.keep_checkpoint_every_n_hours = def->keep_checkpoint_every_n_hours,
		.version = def->version,
	};
}

void cairn_meta_graph_info(const struct cairn_meta_graph *graph, struct cairn_meta_graph_info *info)
{
	const struct meta_graph *const parsed = &graph->parsed;
	const struct cairn_meta_graph_info filled = {
		.size = info->size,
		.meta_graph_version = parsed->version,
		.tensorflow_version = parsed->tensorflow_version,
		.tensorflow_git_version = parsed->git_version,
		.bytes = graph->message.size,
		.tag_count = parsed->tag_count,
		.node_count = parsed->node_count,
		.function_count = parsed->function_count,
		.producer = parsed->producer,
		.min_consumer = parsed->min_consumer,
		.collection_count = parsed->collection_count,
		.signature_count = parsed->signature_count,
		.asset_count = parsed->asset_count,
		.has_object_graph = parsed->has_object_graph,
		.has_saver_def = parsed->has_saver_def,
		.saver_def = public_def(&parsed->saver_def),
	};

	*info = filled;
}

struct cairn_string cairn_meta_graph_tag(const struct cairn_meta_graph *graph, uint64_t index)
{
	return index < graph->parsed.tag_count ? graph->parsed.tags[index]
					       : (struct cairn_string){NULL, 0};
}

struct cairn_string cairn_meta_graph_signature(const struct cairn_meta_graph *graph, uint64_t index)
{
	return index < graph->parsed.signature_count ? *graph->parsed.signatures[index]
						     : (struct cairn_string){NULL, 0};
}

enum cairn_status cairn_meta_graph_collection(const struct cairn_meta_graph *graph, uint64_t index,
					      struct cairn_meta_collection *collection,
					      struct cairn_error *error)
{
	static const char *const kinds[] = {"none", "node", "bytes", "int64", "float", "any"};
	const struct meta_collection *found;

	if (index >= graph->parsed.collection_count)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "collection %" PRIu64 " of %" PRIu64, index,
				 graph->parsed.collection_count);
	found = graph->parsed.collections[index];
	*collection = (struct cairn_meta_collection){
		.name = found->name, .kind = kinds[found->kind], .count = found->count};
	return CAIRN_OK;
}

const void *cairn_meta_graph_bytes(const struct cairn_meta_graph *graph, size_t *size)
{
	*size = graph->message.size;
	return graph->message.data;
}

/* -------------------------------------------------------------------------------------- writing */

static enum cairn_status publish_draft(struct folder *folder, const char *name, const void *bytes,
				       size_t size, struct cairn_error *error)
{
	struct draft draft;
	enum cairn_status status = draft_create(folder, name, false, &draft, error);

	if (status != CAIRN_OK)
		return status;
	status = draft_write_file(&draft, bytes, size, error);
	if (status == CAIRN_OK)
		return publish(&draft, 1, true, error);
	draft_discard(&draft);
	return status;
}

enum cairn_status meta_graph_publish(struct system *system, const char *path, const void *bytes,
				     size_t size, struct cairn_error *error)
{
	char name[SYSTEM_NAME_SIZE];
	struct folder folder;
	enum cairn_status status = folder_open(system, path, &folder, name, error);

	if (status != CAIRN_OK)
		return error_prefix(error, status, path);
	status = publish_draft(&folder, name, bytes, size, error);
	folder_close(&folder);
	return status == CAIRN_OK ? CAIRN_OK : error_prefix(error, status, path);
}

enum cairn_status cairn_meta_graph_write(const struct cairn_meta_graph *graph, const char *path,
					 struct cairn_error *error)
{
	return meta_graph_publish(graph->system, path, graph->message.data, graph->message.size,
				  error);
}

/* ------------------------------------------------------------------------------------- changing */

static enum cairn_status take_options(const struct cairn_meta_graph_options *options,
				      struct arena *arena, struct meta_graph_changes *changes,
				      struct cairn_error *error)
{
	struct cairn_string *names;

	if (options == NULL)
		return CAIRN_OK;
	if ((options->size != 0 && options->size < sizeof(*options)) ||
	    (options->collections == NULL && options->collection_count != 0))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "unknown options of a MetaGraph");
	names = arena_allocate_array(arena, options->collection_count, sizeof(*names));
	if (names == NULL)
		return error_set_memory(error, "the names of collections");
	for (uint64_t i = 0; i < options->collection_count; i++)
		names[i] = cairn_string_from(options->collections[i]);
	changes->clear_devices = options->clear_devices != 0;
	changes->choose_collections = options->choose_collections != 0;
	changes->collections = names;
	changes->collection_count = options->collection_count;
	return CAIRN_OK;
}

/* A changed copy; saver_def may be NULL. */
static enum cairn_status change(const struct cairn_meta_graph *graph,
				const struct cairn_meta_graph_options *options,
				const struct cairn_string *saver_def,
				struct cairn_meta_graph **result, struct cairn_error *error)
{
	struct meta_graph_changes changes = {.saver_def = saver_def};
	struct cairn_meta_graph *const changed = create(graph->system, error);
	enum cairn_status status;

	if (changed == NULL)
		return CAIRN_NO_MEMORY;
	status = take_options(options, &changed->arena, &changes, error);
	if (status == CAIRN_OK)
		status = meta_graph_change(graph->message, &changes, &changed->arena,
					   &changed->message, error);
	return complete(changed, status, result, error);
}

enum cairn_status cairn_saver_export_meta_graph(struct cairn_saver *saver,
						const struct cairn_meta_graph *graph,
						const struct cairn_meta_graph_options *options,
						struct cairn_meta_graph **exported,
						struct cairn_error *error)
{
	const void *bytes = NULL;
	size_t size = 0;
	struct cairn_string saver_def;
	const enum cairn_status status = cairn_saver_as_saver_def(saver, &bytes, &size, error);

	if (status != CAIRN_OK)
		return status;
	saver_def = (struct cairn_string){bytes, size};
	return change(graph, options, &saver_def, exported, error);
}

/* ------------------------------------------------------------------------------------ importing */

/* The saver of a graph; its SaverDef is encoded anew, as it may be in several pieces. */
static enum cairn_status make_saver(struct cairn_meta_graph *graph,
				    const struct cairn_saver_variable *variables, uint64_t count,
				    const struct cairn_saver_options *given,
				    struct cairn_saver **saver, struct cairn_error *error)
{
	struct cairn_saver_options options = {.format = CAIRN_SAVER_TENSORFLOW_V2};
	struct cairn_string message = {NULL, 0};
	enum cairn_status status = CAIRN_OK;

	if (given != NULL && given->size != 0 && given->size < sizeof(*given))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "unknown saver options");
	if (given != NULL)
		options = *given;
	if (graph->parsed.has_saver_def) {
		status = saver_def_write(&graph->parsed.saver_def, &graph->arena, &message, error);
		options.saver_def = message.data;
		options.saver_def_size = message.size;
	}
	if (status != CAIRN_OK)
		return status;
	return saver_create(graph->system, variables, count, &options, saver, error);
}

enum cairn_status import_meta_graph(struct system *system, const char *path,
				    const struct cairn_meta_graph_options *options,
				    const struct cairn_saver_variable *variables, uint64_t count,
				    const struct cairn_saver_options *saver_options,
				    struct cairn_meta_graph **imported, struct cairn_saver **saver,
				    struct cairn_error *error)
{
	struct cairn_meta_graph *graph = NULL;
	struct cairn_meta_graph *changed = NULL;
	enum cairn_status status = meta_graph_open(system, path, &graph, error);

	if (status != CAIRN_OK)
		return status;
	if (imported != NULL)
		status = change(graph, options, NULL, &changed, error);
	if (status == CAIRN_OK)
		status = make_saver(graph, variables, count, saver_options, saver, error);
	cairn_meta_graph_close(graph);
	if (status == CAIRN_OK && imported != NULL)
		*imported = changed;
	else
		cairn_meta_graph_close(changed);
	return status;
}

enum cairn_status cairn_import_meta_graph(const char *path,
					  const struct cairn_meta_graph_options *options,
					  const struct cairn_saver_variable *variables,
					  uint64_t count,
					  const struct cairn_saver_options *saver_options,
					  struct cairn_meta_graph **imported,
					  struct cairn_saver **saver, struct cairn_error *error)
{
	return import_meta_graph(system_posix(), path, options, variables, count, saver_options,
				 imported, saver, error);
}

/* ------------------------------------------------------------------------------------- SaverDef */

enum cairn_status cairn_saver_as_saver_def(struct cairn_saver *saver, const void **bytes,
					   size_t *size, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	if (saver->def_message.data == NULL)
		status = saver_def_write(&saver->def, &saver->arena, &saver->def_message, error);
	*bytes = saver->def_message.data;
	*size = saver->def_message.size;
	return status;
}

enum cairn_status cairn_saver_from_proto(const void *bytes, size_t size,
					 const struct cairn_saver_variable *variables,
					 uint64_t count, const struct cairn_saver_options *options,
					 struct cairn_saver **saver, struct cairn_error *error)
{
	struct cairn_saver_options own = {.size = sizeof(own)};

	if (bytes == NULL ||
	    (options != NULL && options->size != 0 && options->size < sizeof(*options)))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no SaverDef, or unknown saver options");
	if (options != NULL)
		own = *options;
	own.saver_def = bytes;
	own.saver_def_size = size;
	return cairn_saver_create(variables, count, &own, saver, error);
}
