/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the objects of a checkpoint.
 *
 * Values are added in the order of the objects' numbers, then the object graph: the order in which
 * TensorFlow lays out its data.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/train/checkpoint.h"
#include "engine/train/make_folders.h"
#include "engine/train/object_message.h"
#include "engine/train/state.h"
#include "engine/write/async.h"
#include "format/error.h"

#define ARENA_SIZE_MAX ((size_t)1 << 36)
#define CAIRN_SUFFIX   ".cairn"

struct saving {
	struct system *system;
	const struct cairn_checkpoint_write_options *options;
	const char *prefix;
	struct arena arena;
	struct walk walk;
	struct cairn_string *keys; /* by node */
	struct cairn_string message;
	struct cairn_writer *writer;
};

/* ----------------------------------------------------------------------------------- describing */

static enum cairn_status check_options(const struct cairn_checkpoint_write_options *options,
				       struct cairn_error *error)
{
	if (options->size != 0 && options->size < sizeof(*options))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "write options of %zu bytes, not %zu", options->size,
				 sizeof(*options));
	if (options->target == CAIRN_TARGET_SAFETENSORS)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "objects cannot be saved as safetensors");
	return CAIRN_OK;
}

static enum cairn_status describe(struct saving *saving, struct cairn_error *error)
{
	const uint32_t count = saving->walk.count;
	enum cairn_status status = CAIRN_OK;

	saving->keys = arena_allocate_array(&saving->arena, count, sizeof(*saving->keys));
	if (saving->keys == NULL)
		return error_set_memory(error, "the keys of a checkpoint");
	for (uint32_t i = 0; i < count && status == CAIRN_OK; i++) {
		if (object_has_value(saving->walk.nodes[i].object))
			status = object_key(&saving->walk, i, &saving->arena, &saving->keys[i],
					    error);
	}
	if (status == CAIRN_OK)
		status = object_message(&saving->walk, saving->keys, &saving->arena,
					&saving->message, error);
	return status;
}

/* --------------------------------------------------------------------------------------- adding */

static enum cairn_status add_text(struct saving *saving, struct cairn_string key,
				  struct cairn_string text, struct cairn_error *error)
{
	return cairn_writer_add_strings(saving->writer, key, 0, NULL, &text, error);
}

static enum cairn_status add_state(struct saving *saving, struct cairn_string key,
				   const struct object_value *value, struct cairn_error *error)
{
	struct cairn_string text = {"", 0};
	const enum cairn_status status = value->serialize(value->context, &text, error);

	return status == CAIRN_OK ? add_text(saving, key, text, error) : status;
}

static enum cairn_status add_variable(struct saving *saving, struct cairn_string key,
				      const struct object_value *value, struct cairn_error *error)
{
	const struct cairn_tensor_spec spec = {
		.name = key, .dtype = value->dtype, .rank = value->rank, .dims = value->dims};

	if (value->produce != NULL)
		return cairn_writer_add_callback(saving->writer, &spec, value->produce,
						 value->context, error);
	if (value->data == NULL && value->count != 0)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "the variable %s has no way to be saved", quote(key).text);
	if (value->size == 0 && value->dtype >= CAIRN_STRING)
		return cairn_writer_add_variable(saving->writer, key, value->dtype, value->rank,
						 value->dims, value->data, error);
	return cairn_writer_add_spec(saving->writer, &spec, value->data == NULL ? "" : value->data,
				     error);
}

static enum cairn_status add_values(struct saving *saving, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < saving->walk.count && status == CAIRN_OK; i++) {
		const struct cairn_object *const object = saving->walk.nodes[i].object;

		if (object->kind == CAIRN_OBJECT_VARIABLE)
			status = add_variable(saving, saving->keys[i], &object->value, error);
		else if (object->kind == CAIRN_OBJECT_STATE)
			status = add_state(saving, saving->keys[i], &object->value, error);
	}
	if (status == CAIRN_OK)
		status = add_text(saving, cairn_string_from(CAIRN_GRAPH_TENSOR), saving->message,
				  error);
	return status;
}

/* -------------------------------------------------------------------------------------- writing */

static enum cairn_status create_writer(struct saving *saving, struct cairn_error *error)
{
	const struct cairn_checkpoint_write_options *const wanted = saving->options;
	const struct cairn_writer_options options = {
		.size = sizeof(options),
		.flags = CAIRN_WRITER_REPLACE,
		.thread_count = wanted->thread_count,
		.target = wanted->target == CAIRN_TARGET_TENSORFLOW ? CAIRN_TARGET_TENSORFLOW
								    : CAIRN_TARGET_CAIRN,
		.progress = wanted->progress,
		.progress_context = wanted->progress_context,
		.shard_size_max = wanted->shard_size_max,
	};
	const size_t size = strlen(saving->prefix);
	char *const path = arena_allocate(&saving->arena, size + sizeof(CAIRN_SUFFIX));
	enum cairn_status status;

	if (path == NULL)
		return error_set_memory(error, "the path of a checkpoint");
	memcpy(path, saving->prefix, size + 1);
	status = make_folders_of(saving->system, path, error);
	if (options.target == CAIRN_TARGET_CAIRN)
		memcpy(path + size, CAIRN_SUFFIX, sizeof(CAIRN_SUFFIX));
	if (status != CAIRN_OK)
		return status;
	return writer_create(saving->system, path, &options, &saving->writer, error);
}

static enum cairn_status add_walked(struct saving *saving, struct cairn_error *error)
{
	enum cairn_status status = describe(saving, error);

	walk_clear_numbers(&saving->walk); /* callbacks may ask for a walk of their own */
	if (status == CAIRN_OK)
		status = create_writer(saving, error);
	if (status == CAIRN_OK)
		status = add_values(saving, error);
	if (status != CAIRN_OK)
		cairn_writer_destroy(saving->writer);
	return status;
}

enum cairn_status checkpoint_begin_write(struct cairn_checkpoint *checkpoint, const char *prefix,
					 const struct cairn_checkpoint_write_options *options,
					 struct cairn_writer **writer, struct cairn_error *error)
{
	static const struct cairn_checkpoint_write_options defaults;
	struct saving saving = {.system = checkpoint->system,
				.options = options == NULL ? &defaults : options,
				.prefix = prefix};
	enum cairn_status status = check_options(saving.options, error);

	if (status == CAIRN_OK && (prefix == NULL || prefix[0] == '\0'))
		status = error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				   "no prefix to write a checkpoint to");
	if (status == CAIRN_OK)
		status = walk_begin(&saving.walk, checkpoint->roots, true, error);
	if (status != CAIRN_OK)
		return status;
	arena_init(&saving.arena, reader_arena_source(saving.system), ARENA_SIZE_MAX);
	status = add_walked(&saving, error);
	arena_fini(&saving.arena);
	walk_end(&saving.walk);
	if (status == CAIRN_OK)
		*writer = saving.writer;
	return status;
}

/* Writes, here or in the background, and then calls `follow`, which may be NULL. Whatever becomes
 * of it, `follow` is called once. */
static enum cairn_status write_followed(struct cairn_checkpoint *checkpoint, const char *prefix,
					const struct cairn_checkpoint_write_options *options,
					async_follow follow, void *context,
					struct cairn_error *error)
{
	struct cairn_async *const async = options == NULL ? NULL : options->async;
	struct cairn_error found = {.code = CAIRN_OK};
	struct cairn_writer *writer = NULL;
	enum cairn_status status;

	status = checkpoint_begin_write(checkpoint, prefix, options, &writer, &found);
	if (status == CAIRN_OK && async != NULL)
		return async_start(async, writer, follow, context, error);
	if (status == CAIRN_OK) {
		status = cairn_writer_finish(writer, &found);
		cairn_writer_destroy(writer);
	}
	if (follow != NULL)
		status = follow(context, status, &found);
	if (status != CAIRN_OK && error != NULL)
		*error = found;
	return status;
}

/* What the save before, in the background, has to tell is told first. */
static enum cairn_status settle(const struct cairn_checkpoint_write_options *options,
				struct cairn_error *error)
{
	return options == NULL || options->async == NULL ? CAIRN_OK
							 : cairn_async_wait(options->async, error);
}

enum cairn_status cairn_checkpoint_write(struct cairn_checkpoint *checkpoint, const char *prefix,
					 const struct cairn_checkpoint_write_options *options,
					 struct cairn_error *error)
{
	const enum cairn_status status = settle(options, error);

	return status == CAIRN_OK ? write_followed(checkpoint, prefix, options, NULL, NULL, error)
				  : status;
}

/* --------------------------------------------------------------------------- counting the saves */

/* The counter stays where it is when writing fails: no number is used for two saves. */
enum cairn_status checkpoint_count_save(struct cairn_checkpoint *checkpoint, int64_t *number,
					struct cairn_error *error)
{
	struct cairn_object *counter;
	enum cairn_status status = checkpoint_make_counter(checkpoint, &counter, error);

	if (status != CAIRN_OK)
		return status;
	memcpy(number, counter->value.data, sizeof(*number));
	if (*number == INT64_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "the save counter is at its end");
	*number += 1;
	memcpy(counter->value.data, number, sizeof(*number));
	return CAIRN_OK;
}

/* "" for the working directory, as Python's os.path.dirname. */
static void folder_of(char path[CAIRN_PATH_SIZE])
{
	char *const slash = strrchr(path, '/');

	if (slash == NULL)
		path[0] = '\0';
	else if (slash == path)
		path[1] = '\0';
	else
		*slash = '\0';
}

/* What follows the checkpoint, maybe in another thread: owned by it. */
struct state_work {
	struct system *system;
	const char *latest_filename; /* or NULL; borrowed */
	char path[CAIRN_PATH_SIZE];
};

static enum cairn_status update_state(const struct state_work *work, struct cairn_error *error)
{
	const char *const path = work->path;
	const struct cairn_state_update_options options = {.size = sizeof(options),
							   .all_model_checkpoint_paths = &path,
							   .path_count = 1,
							   .latest_filename = work->latest_filename,
							   .save_relative_paths = 1,
							   .is_durable = 1};
	char folder[CAIRN_PATH_SIZE];

	snprintf(folder, sizeof(folder), "%s", path);
	folder_of(folder);
	return state_update(work->system, folder, path, &options, error);
}

static enum cairn_status follow_save(void *context, enum cairn_status status,
				     struct cairn_error *error)
{
	struct state_work *const work = context;

	if (status == CAIRN_OK)
		status = update_state(work, error);
	system_free(work->system, work);
	return status;
}

static enum cairn_status save_numbered(struct cairn_checkpoint *checkpoint, const char *path,
				       const struct cairn_checkpoint_write_options *options,
				       struct cairn_error *error)
{
	struct state_work *const work = system_allocate(checkpoint->system, sizeof(*work));

	if (work == NULL)
		return error_set_memory(error, "a state file");
	work->system = checkpoint->system;
	work->latest_filename = options == NULL ? NULL : options->latest_filename;
	memcpy(work->path, path, strlen(path) + 1);
	return write_followed(checkpoint, path, options, follow_save, work, error);
}

enum cairn_status cairn_checkpoint_save(struct cairn_checkpoint *checkpoint, const char *prefix,
					const struct cairn_checkpoint_write_options *options,
					char path[CAIRN_PATH_SIZE], struct cairn_error *error)
{
	char numbered[CAIRN_PATH_SIZE];
	enum cairn_status status;
	int64_t number = 0;
	int size;

	if (prefix == NULL || prefix[0] == '\0')
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no prefix to save a checkpoint to");
	status = settle(options, error);
	if (status == CAIRN_OK)
		status = checkpoint_count_save(checkpoint, &number, error);
	if (status != CAIRN_OK)
		return status;
	size = snprintf(numbered, sizeof(numbered), "%s-%" PRId64, prefix, number);
	if (size < 0 || (size_t)size >= sizeof(numbered))
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "the path of a checkpoint has over %zu bytes",
				 sizeof(numbered) - 1);
	status = save_numbered(checkpoint, numbered, options, error);
	if (status == CAIRN_OK && path != NULL)
		memcpy(path, numbered, (size_t)size + 1);
	return status;
}
