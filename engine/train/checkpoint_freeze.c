/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The older forms of saving objects: under a number that the program gives, and through a saver of
 * what the objects are now.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <cairn/saver.h>

#include "engine/read/reader.h"
#include "engine/train/checkpoint.h"
#include "engine/train/object_message.h"
#include "engine/train/saver.h"
#include "format/error.h"

#define ARENA_SIZE_MAX ((size_t)1 << 36)

enum cairn_status
cairn_checkpoint_write_numbered(struct cairn_checkpoint *checkpoint, const char *prefix,
				int64_t number,
				const struct cairn_checkpoint_write_options *options,
				char path[CAIRN_PATH_SIZE], struct cairn_error *error)
{
	char numbered[CAIRN_PATH_SIZE];
	enum cairn_status status;
	int size;

	if (prefix == NULL || prefix[0] == '\0')
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no prefix to write a checkpoint to");
	size = snprintf(numbered, sizeof(numbered), "%s-%" PRId64, prefix, number);
	if (size < 0 || (size_t)size >= sizeof(numbered))
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "the path of a checkpoint has over %zu bytes",
				 sizeof(numbered) - 1);
	status = cairn_checkpoint_write(checkpoint, numbered, options, error);
	if (status == CAIRN_OK && path != NULL)
		memcpy(path, numbered, (size_t)size + 1);
	return status;
}

/* ------------------------------------------------------------------------------------- freezing */

/* What a saver of a checkpoint refers to. */
struct frozen {
	struct arena arena;
	struct cairn_string graph;
	struct frozen *next;
};

struct freezing {
	struct frozen *frozen;
	struct walk walk;
	struct cairn_string *keys;
	struct cairn_variable *variables;
	struct cairn_saver_variable *named;
	uint64_t count;
};

void checkpoint_free_frozen(struct system *system, struct frozen *frozen)
{
	while (frozen != NULL) {
		struct frozen *const next = frozen->next;

		arena_fini(&frozen->arena);
		system_free(system, frozen);
		frozen = next;
	}
}

/* The object graph is saved with the values, and never restored. */
static enum cairn_status ignore(void *context, const struct cairn_tensor *tensor,
				struct cairn_error *error)
{
	(void)context;
	(void)tensor;
	(void)error;
	return CAIRN_OK;
}

static void add(struct freezing *freezing, struct cairn_string name,
		const struct cairn_variable *variable)
{
	freezing->variables[freezing->count] = *variable;
	freezing->named[freezing->count] = (struct cairn_saver_variable){
		.name = name, .variable = &freezing->variables[freezing->count]};
	freezing->count++;
}

static void add_object(struct freezing *freezing, uint32_t node)
{
	const struct object_value *const value = &freezing->walk.nodes[node].object->value;
	const struct cairn_variable variable = {.dtype = value->dtype,
						.rank = value->rank,
						.dims = value->dims,
						.data = value->data,
						.produce = value->produce,
						.assign = value->assign,
						.context = value->context};

	add(freezing, freezing->keys[node], &variable);
}

static enum cairn_status allocate(struct freezing *freezing, struct cairn_error *error)
{
	struct arena *const arena = &freezing->frozen->arena;
	const uint32_t count = freezing->walk.count;

	freezing->keys = arena_allocate_array(arena, count, sizeof(*freezing->keys));
	freezing->variables = arena_allocate_array(arena, (uint64_t)count + 1,
						   sizeof(*freezing->variables));
	freezing->named = arena_allocate_array(arena, (uint64_t)count + 1,
					       sizeof(*freezing->named));
	if (freezing->keys == NULL || freezing->variables == NULL || freezing->named == NULL)
		return error_set_memory(error, "a saver of objects");
	return CAIRN_OK;
}

static enum cairn_status name_object(struct freezing *freezing, uint32_t node,
				     struct cairn_error *error)
{
	const struct cairn_object *const object = freezing->walk.nodes[node].object;
	enum cairn_status status;

	if (!object_has_value(object))
		return CAIRN_OK;
	status = object_key(&freezing->walk, node, &freezing->frozen->arena, &freezing->keys[node],
			    error);
	if (status == CAIRN_OK && object->kind == CAIRN_OBJECT_STATE)
		status = error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				   "the state %s cannot be saved by a saver",
				   quote(freezing->keys[node]).text);
	if (status == CAIRN_OK)
		add_object(freezing, node);
	return status;
}

static enum cairn_status describe(struct freezing *freezing, struct cairn_error *error)
{
	const struct cairn_variable graph = {
		.dtype = CAIRN_STRING, .data = &freezing->frozen->graph, .assign = ignore};
	enum cairn_status status = allocate(freezing, error);

	for (uint32_t i = 0; i < freezing->walk.count && status == CAIRN_OK; i++)
		status = name_object(freezing, i, error);
	if (status == CAIRN_OK)
		status = object_message(&freezing->walk, freezing->keys, &freezing->frozen->arena,
					&freezing->frozen->graph, error);
	if (status == CAIRN_OK)
		add(freezing, cairn_string_from(CAIRN_GRAPH_TENSOR), &graph);
	return status;
}

static enum cairn_status freeze(struct cairn_checkpoint *checkpoint, struct frozen *frozen,
				const struct cairn_saver_options *options,
				struct cairn_saver **saver, struct cairn_error *error)
{
	struct freezing freezing = {.frozen = frozen};
	enum cairn_status status = walk_begin(&freezing.walk, checkpoint->roots, true, error);

	if (status != CAIRN_OK)
		return status;
	status = describe(&freezing, error);
	walk_end(&freezing.walk);
	if (status != CAIRN_OK)
		return status;
	return saver_create(checkpoint->system, freezing.named, freezing.count, options, saver,
			    error);
}

enum cairn_status cairn_checkpoint_freeze(struct cairn_checkpoint *checkpoint,
					  const struct cairn_saver_options *options,
					  struct cairn_saver **saver, struct cairn_error *error)
{
	static const struct cairn_saver_options keep_all = {.max_to_keep = CAIRN_SAVER_KEEP_ALL};
	struct frozen *const frozen = system_allocate_zeroed(checkpoint->system, sizeof(*frozen));
	enum cairn_status status;

	if (frozen == NULL)
		return error_set_memory(error, "a saver of objects");
	arena_init(&frozen->arena, reader_arena_source(checkpoint->system), ARENA_SIZE_MAX);
	status = freeze(checkpoint, frozen, options == NULL ? &keep_all : options, saver, error);
	if (status == CAIRN_OK) {
		frozen->next = checkpoint->frozen;
		checkpoint->frozen = frozen;
	} else {
		checkpoint_free_frozen(checkpoint->system, frozen);
	}
	return status;
}
