/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A save in a thread.
 *
 * Between the start and the join of the thread everything of the save is the thread's; the other
 * side only waits, for the values to be taken (staging_wait) or for the end (join). Where no thread
 * can be had the caller does the work.
 */
#include "engine/write/async.h"

#include "format/error.h"

struct cairn_async {
	struct system *system;
	struct staging staging;
	struct cairn_async_options options;
	bool is_open; /* begun, and its end not looked at */
	bool is_thread;
	struct system_thread thread;

	/* The thread's, while it runs. */
	struct cairn_writer *writer;
	async_follow follow; /* or NULL */
	void *follow_context;
	enum cairn_status status;
	struct cairn_error error;
};

static void work(void *context)
{
	struct cairn_async *const async = context;

	async->status = cairn_writer_finish(async->writer, &async->error);
	cairn_writer_destroy(async->writer);
	async->writer = NULL;
	if (async->follow != NULL)
		async->status = async->follow(async->follow_context, async->status, &async->error);
	if (async->options.on_end != NULL)
		async->options.on_end(async->options.end_context, async->status,
				      async->status == CAIRN_OK ? NULL : &async->error);
	staging_end(&async->staging);
}

/* Looks at the end of what was begun; waits for it. */
static enum cairn_status join(struct cairn_async *async, struct cairn_error *error)
{
	if (!async->is_open)
		return CAIRN_OK;
	if (async->is_thread)
		system_thread_join(async->system, async->thread);
	async->is_open = false;
	if (async->status == CAIRN_OK || async->options.on_end != NULL)
		return CAIRN_OK;
	if (error != NULL)
		*error = async->error;
	return async->status;
}

/* The program's part is over when the values were taken, or when there is nothing to take any
 * more: then it is known already how it ended. */
static enum cairn_status wait_for_values(struct cairn_async *async, struct cairn_error *error)
{
	staging_wait(&async->staging);
	if (!staging_has_ended(&async->staging) || async->status == CAIRN_OK)
		return CAIRN_OK;
	return join(async, error);
}

enum cairn_status async_start(struct cairn_async *async, struct cairn_writer *writer,
			      async_follow follow, void *context, struct cairn_error *error)
{
	struct cairn_error found = {.code = CAIRN_OK};
	enum cairn_status status;

	status = join(async, &found);
	if (status == CAIRN_OK)
		status = staging_fill(&async->staging, writer, &found);
	if (status != CAIRN_OK) {
		cairn_writer_destroy(writer);
		if (follow != NULL)
			status = follow(context, status, &found);
		if (error != NULL)
			*error = found;
		return status;
	}
	async->writer = writer;
	async->follow = follow;
	async->follow_context = context;
	async->is_open = true;
	async->is_thread = system_thread_start(async->system, work, async, &async->thread) == 0;
	if (!async->is_thread)
		work(async);
	return wait_for_values(async, error);
}

bool async_is_open(const struct cairn_async *async)
{
	return async->is_open;
}

enum cairn_status async_create(struct system *system, const struct cairn_async_options *options,
			       struct cairn_async **result, struct cairn_error *error)
{
	struct cairn_async *async;

	if (options != NULL && options->size != 0 && options->size < sizeof(*options))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "options of %zu bytes, not %zu", options->size, sizeof(*options));
	async = system_allocate_zeroed(system, sizeof(*async));
	if (async == NULL)
		return error_set_memory(error, "what saves in the background");
	async->system = system;
	if (options != NULL)
		async->options = *options;
	staging_init(&async->staging, system, async->options.staging_size);
	*result = async;
	return CAIRN_OK;
}

enum cairn_status cairn_async_create(const struct cairn_async_options *options,
				     struct cairn_async **async, struct cairn_error *error)
{
	return async_create(system_posix(), options, async, error);
}

enum cairn_status cairn_async_finish(struct cairn_async *async, struct cairn_writer *writer,
				     struct cairn_error *error)
{
	return async_start(async, writer, NULL, NULL, error);
}

enum cairn_status cairn_async_wait(struct cairn_async *async, struct cairn_error *error)
{
	return join(async, error);
}

int cairn_async_is_busy(struct cairn_async *async)
{
	return async->is_open && !staging_has_ended(&async->staging);
}

void cairn_async_destroy(struct cairn_async *async)
{
	if (async == NULL)
		return;
	(void)join(async, NULL);
	staging_fini(&async->staging);
	system_free(async->system, async);
}
