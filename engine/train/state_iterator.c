/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for new checkpoints.
 *
 * The folder is looked at each second, as TensorFlow does. A watch only makes the look come
 * earlier: whether it works, what it misses (another host, a checkpoint that lies elsewhere) and
 * what it reports too often makes no difference to what is found.
 */
#include <string.h>

#include "engine/train/state.h"
#include "format/error.h"

#define NS_PER_SECOND 1000000000u
#define LOOK_EVERY_NS ((uint64_t)NS_PER_SECOND)
#define FOREVER       UINT64_MAX
#define SECONDS_MAX   1e9

struct cairn_state_iterator {
	struct system *system;
	char *folder;          /* owned; with the name behind it */
	char *latest_filename; /* in the same memory; NULL: the default */
	uint64_t min_interval_ns;
	uint64_t timeout_ns; /* FOREVER: none */
	cairn_timeout_callback on_timeout;
	void *timeout_context;
	int watch;     /* owned; negative: none */
	bool has_path; /* `path` was handed out, at `handed_out_ns` */
	uint64_t handed_out_ns;
	char path[CAIRN_PATH_SIZE];
};

static bool is_duration(double seconds)
{
	return seconds >= 0; /* false for NaN */
}

static uint64_t to_ns(double seconds)
{
	return (uint64_t)((seconds < SECONDS_MAX ? seconds : SECONDS_MAX) * NS_PER_SECOND);
}

/* The folder and the file's name, in one piece of memory. */
static enum cairn_status copy_names(struct cairn_state_iterator *iterator, const char *folder,
				    const char *latest_filename, struct cairn_error *error)
{
	const size_t size = strlen(folder) + 1;
	const size_t name_size = strlen(latest_filename) + 1;

	iterator->folder = system_allocate(iterator->system, size + name_size);
	if (iterator->folder == NULL)
		return error_set_memory(error, "an iterator");
	memcpy(iterator->folder, folder, size);
	iterator->latest_filename = iterator->folder + size;
	memcpy(iterator->latest_filename, latest_filename, name_size);
	return CAIRN_OK;
}

static enum cairn_status check_options(const char *folder,
				       const struct cairn_state_iterator_options *options,
				       const char **latest_filename, struct cairn_error *error)
{
	if (options->size != 0 && options->size < sizeof(*options))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "iterator options of %zu bytes, not %zu", options->size,
				 sizeof(*options));
	if (!is_duration(options->min_interval_seconds) || !is_duration(options->timeout_seconds))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "seconds below 0");
	*latest_filename = options->latest_filename;
	return state_check_name(folder, latest_filename, error);
}

enum cairn_status state_iterator_create(struct system *system, const char *folder,
					const struct cairn_state_iterator_options *options,
					struct cairn_state_iterator **iterator,
					struct cairn_error *error)
{
	static const struct cairn_state_iterator_options defaults;
	struct cairn_state_iterator *created;
	const char *latest_filename = NULL;
	enum cairn_status status;

	if (options == NULL)
		options = &defaults;
	status = check_options(folder, options, &latest_filename, error);
	if (status != CAIRN_OK)
		return status;
	created = system_allocate_zeroed(system, sizeof(*created));
	if (created == NULL)
		return error_set_memory(error, "an iterator");
	created->system = system;
	created->watch = -1;
	created->min_interval_ns = to_ns(options->min_interval_seconds);
	created->timeout_ns = options->has_timeout != 0 ? to_ns(options->timeout_seconds) : FOREVER;
	created->on_timeout = options->on_timeout;
	created->timeout_context = options->timeout_context;
	status = copy_names(created, folder, latest_filename, error);
	if (status == CAIRN_OK)
		*iterator = created;
	else
		cairn_state_iterator_destroy(created);
	return status;
}

enum cairn_status cairn_state_iterator_create(const char *folder,
					      const struct cairn_state_iterator_options *options,
					      struct cairn_state_iterator **iterator,
					      struct cairn_error *error)
{
	return state_iterator_create(system_posix(), folder, options, iterator, error);
}

static void close_watch(struct cairn_state_iterator *iterator)
{
	if (iterator->watch >= 0)
		system_close(iterator->system, iterator->watch);
	iterator->watch = -1;
}

void cairn_state_iterator_destroy(struct cairn_state_iterator *iterator)
{
	if (iterator == NULL)
		return;
	close_watch(iterator);
	system_free(iterator->system, iterator->folder);
	system_free(iterator->system, iterator);
}

/* Before the look, so that nothing falls between the two. */
static void open_watch(struct cairn_state_iterator *iterator)
{
	const char *const folder = iterator->folder[0] == '\0' ? "." : iterator->folder;

	if (iterator->watch < 0)
		iterator->watch = system_watch(iterator->system, folder);
}

static void wait_a_while(struct cairn_state_iterator *iterator, uint64_t nanoseconds)
{
	if (iterator->watch < 0) {
		system_sleep(iterator->system, nanoseconds);
		return;
	}
	if (system_watch_wait(iterator->system, iterator->watch, nanoseconds) >= 0)
		return;
	close_watch(iterator); /* the folder may be another one by now */
	system_sleep(iterator->system, nanoseconds);
}

/* OK: a new one is in iterator->path. NOT_FOUND: none, the error says why. */
static enum cairn_status look(struct cairn_state_iterator *iterator, struct cairn_error *reason)
{
	char path[CAIRN_PATH_SIZE];
	const enum cairn_status status = state_latest(iterator->system, iterator->folder,
						      iterator->latest_filename, path, reason);

	if (status == CAIRN_NO_MEMORY)
		return status;
	if (status != CAIRN_OK)
		return CAIRN_NOT_FOUND;
	if (iterator->has_path && strcmp(path, iterator->path) == 0) {
		error_set(reason, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
			  "the latest checkpoint is still %s", quote(cairn_string_from(path)).text);
		return CAIRN_NOT_FOUND;
	}
	memcpy(iterator->path, path, strlen(path) + 1);
	iterator->has_path = true;
	return CAIRN_OK;
}

/* One wait, up to the timeout. */
static enum cairn_status wait_for_new(struct cairn_state_iterator *iterator,
				      struct cairn_error *reason)
{
	const uint64_t start = system_monotonic(iterator->system);

	for (;;) {
		uint64_t left = LOOK_EVERY_NS;
		uint64_t waited;
		enum cairn_status status;

		open_watch(iterator);
		status = look(iterator, reason);
		waited = system_monotonic(iterator->system) - start;
		if (status != CAIRN_NOT_FOUND || waited >= iterator->timeout_ns)
			return status;
		if (iterator->timeout_ns - waited < left)
			left = iterator->timeout_ns - waited;
		wait_a_while(iterator, left);
	}
}

static void keep_interval(const struct cairn_state_iterator *iterator)
{
	uint64_t passed;

	if (!iterator->has_path)
		return;
	passed = system_monotonic(iterator->system) - iterator->handed_out_ns;
	if (passed < iterator->min_interval_ns)
		system_sleep(iterator->system, iterator->min_interval_ns - passed);
}

enum cairn_status cairn_state_iterator_next(struct cairn_state_iterator *iterator,
					    char path[CAIRN_PATH_SIZE], struct cairn_error *error)
{
	struct cairn_error reason = {.code = CAIRN_OK};
	enum cairn_status status;

	keep_interval(iterator);
	do {
		status = wait_for_new(iterator, &reason);
	} while (status == CAIRN_NOT_FOUND && iterator->on_timeout != NULL &&
		 iterator->on_timeout(iterator->timeout_context) == 0);
	if (status == CAIRN_OK) {
		iterator->handed_out_ns = system_monotonic(iterator->system);
		memcpy(path, iterator->path, strlen(iterator->path) + 1);
		return CAIRN_OK;
	}
	if (error != NULL) {
		*error = reason;
		error->code = status;
	}
	return status;
}
