/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding, measuring and syncing the files behind a prefix. Names are compared literally; nothing
 * here opens a file to see what it holds.
 */
#include "engine/train/checkpoint_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/write/publish.h"
#include "engine/write/shard_names.h"
#include "format/bytes.h"
#include "format/error.h"
#include "format/sort.h"

/* Names of folders that hold millions of files. */
#define ARENA_SIZE_MAX ((size_t)1 << 30)

/* A base name with the longest suffix behind it. */
#define LONG_NAME_SIZE (SYSTEM_NAME_SIZE + sizeof("/" INDEX_NAME))

const char *checkpoint_kind_name(enum checkpoint_kind kind)
{
	static const char *const names[] = {
		NULL, "tensorflow-v2", "tensorflow-v1", "tensorflow-v1", "cairn", "cairn-sharded"};

	return names[kind];
}

/* ---------------------------------------------------------------------------------------- names */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Five or more digits. */
static size_t shard_digits(const char *text)
{
	const size_t count = strspn(text, "0123456789");

	return count >= 5 ? count : 0;
}

/* "DDDDD-of-DDDDD" to the end. */
static bool is_shard_part(const char *text)
{
	const size_t count = shard_digits(text);

	if (count == 0 || strncmp(text + count, "-of-", 4) != 0)
		return false;
	text += count + 4;
	return shard_digits(text) != 0 && text[shard_digits(text)] == '\0';
}

bool is_data_file(const char *name, const char *base)
{
	static const char infix[] = ".data-";
	const size_t size = strlen(base);

	return strncmp(name, base, size) == 0 &&
	       strncmp(name + size, infix, sizeof(infix) - 1) == 0 &&
	       is_shard_part(name + size + sizeof(infix) - 1);
}

size_t shard_part_at(const char *base)
{
	const size_t size = strlen(base);
	size_t at = size;

	while (at > 0 && is_digit(base[at - 1]))
		at--;
	if (at == size || at < 4 || strncmp(base + at - 4, "-of-", 4) != 0)
		return size;
	at -= 4;
	if (at == 0 || base[at - 1] == '-')
		return size;
	while (at > 0 && (base[at - 1] == '?' || is_digit(base[at - 1])))
		at--;
	return at > 0 && base[at - 1] == '-' ? at - 1 : size;
}

/* x-?????-of-N */
static bool is_v1_pattern(const char *base)
{
	static const char marks[] = "-\?\?\?\?\?-of-"; /* no trigraph */
	const size_t at = shard_part_at(base);

	return strncmp(base + at, marks, sizeof(marks) - 1) == 0 &&
	       shard_digits(base + at + sizeof(marks) - 1) != 0;
}

bool is_v1_shard(const char *name, const char *base)
{
	const size_t at = shard_part_at(base) + 1;

	return is_v1_pattern(base) && strlen(name) == strlen(base) && memcmp(name, base, at) == 0 &&
	       strspn(name + at, "0123456789") == 5 && strcmp(name + at + 5, base + at + 5) == 0;
}

/* -------------------------------------------------------------------------------------- listing */

struct listing {
	struct arena *arena;
	struct folder_names *names;
};

static int add_name(void *context, const char *name)
{
	const struct listing *const listing = context;
	struct folder_names *const names = listing->names;
	char **const items = arena_grow(listing->arena, names->items, &names->capacity,
					names->count + 1, sizeof(*items));
	char *const copy = arena_copy(listing->arena, name, strlen(name) + 1);

	if (items != NULL)
		names->items = items;
	if (items == NULL || copy == NULL)
		return -ENOMEM;
	items[names->count++] = copy;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

enum cairn_status folder_names(const struct folder *folder, struct arena *arena,
			       struct folder_names *names, struct cairn_error *error)
{
	struct listing listing = {.arena = arena, .names = names};
	void **scratch;
	int result;

	*names = (struct folder_names){.items = NULL};
	result = system_list(folder->system, folder->fd, add_name, &listing);
	if (result < 0)
		return error_set_system(error, result, "cannot list the folder");
	scratch = arena_allocate_array(arena, names->count, sizeof(*scratch));
	if (scratch == NULL)
		return error_set_memory(error, "the names in a folder");
	sort_pointers((void **)names->items, scratch, names->count, compare_names);
	return CAIRN_OK;
}

uint64_t folder_names_from(const struct folder_names *names, const char *text)
{
	uint64_t low = 0;
	uint64_t high = names->count;

	while (low < high) {
		const uint64_t middle = low + (high - low) / 2;

		if (strcmp(names->items[middle], text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

enum cairn_status checkpoint_list(struct checkpoint *checkpoint, struct cairn_error *error)
{
	enum cairn_status status;

	if (checkpoint->has_names)
		return CAIRN_OK;
	status = folder_names(&checkpoint->folder, &checkpoint->arena, &checkpoint->names, error);
	checkpoint->has_names = status == CAIRN_OK;
	return status;
}

/* ------------------------------------------------------------------------------------- identify */

static bool means_absent(int result)
{
	return result == -ENOENT || result == -ENOTDIR || result == -ENAMETOOLONG ||
	       result == -ELOOP;
}

/* What has the base and this suffix as its name. SYSTEM_OTHER also when there is nothing. */
static enum cairn_status look(const struct checkpoint *checkpoint, const char *suffix,
			      struct system_status *found, struct cairn_error *error)
{
	char name[LONG_NAME_SIZE];
	int result;

	snprintf(name, sizeof(name), "%s%s", checkpoint->base, suffix);
	result = system_status_at(checkpoint->folder.system, checkpoint->folder.fd, name, true,
				  found);
	if (result == 0)
		return CAIRN_OK;
	*found = (struct system_status){.kind = SYSTEM_OTHER};
	return means_absent(result) ? CAIRN_OK
				    : error_set_system(error, result, "cannot examine %s",
						       quote(cairn_string_from(name)).text);
}

static enum cairn_status look_for_file(struct checkpoint *checkpoint, const char *suffix,
				       enum checkpoint_kind kind, struct cairn_error *error)
{
	struct system_status found;
	const enum cairn_status status = look(checkpoint, suffix, &found, error);

	if (status == CAIRN_OK && found.kind == SYSTEM_REGULAR) {
		checkpoint->kind = kind;
		checkpoint->modified_ns = found.modified_ns;
	}
	return status;
}

static enum cairn_status look_for_shards(struct checkpoint *checkpoint, struct cairn_error *error)
{
	struct system_status found;
	enum cairn_status status;

	if (!is_v1_pattern(checkpoint->base))
		return CAIRN_OK;
	status = checkpoint_list(checkpoint, error);
	for (uint64_t i = 0; status == CAIRN_OK && i < checkpoint->names.count; i++) {
		const char *const name = checkpoint->names.items[i];

		if (!is_v1_shard(name, checkpoint->base) ||
		    system_status_at(checkpoint->folder.system, checkpoint->folder.fd, name, true,
				     &found) < 0 ||
		    found.kind != SYSTEM_REGULAR)
			continue;
		checkpoint->kind = CHECKPOINT_TENSORFLOW_V1_SHARDS;
		checkpoint->modified_ns = found.modified_ns;
		break;
	}
	return status;
}

static enum cairn_status identify_kind(struct checkpoint *checkpoint, struct cairn_error *error)
{
	static const struct {
		const char *suffix;
		enum checkpoint_kind kind;
	} places[] = {
		{".index", CHECKPOINT_TENSORFLOW_V2},
		{"", CHECKPOINT_TENSORFLOW_V1},
		{"/" INDEX_NAME, CHECKPOINT_CAIRN_FOLDER},
		{".cairn", CHECKPOINT_CAIRN},
	};
	enum cairn_status status = CAIRN_OK;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		status = look_for_file(checkpoint, places[i].suffix, places[i].kind, error);
		if (status != CAIRN_OK || checkpoint->kind != CHECKPOINT_ABSENT)
			return status;
	}
	return look_for_shards(checkpoint, error);
}

/* The folder of a prefix; left closed where it is not there or cannot be. */
static enum cairn_status open_place(struct system *system, const char *prefix,
				    struct checkpoint *checkpoint, struct cairn_error *error)
{
	struct cairn_error found = {.code = CAIRN_OK};
	const enum cairn_status status = folder_open(system, prefix, &checkpoint->folder,
						     checkpoint->base, &found);

	if (status == CAIRN_OK || status == CAIRN_NOT_FOUND || status == CAIRN_INVALID_ARGUMENT ||
	    means_absent(-found.system_errno))
		return CAIRN_OK;
	if (error != NULL)
		*error = found;
	return status;
}

enum cairn_status checkpoint_open(struct system *system, const char *prefix,
				  struct checkpoint *checkpoint, struct cairn_error *error)
{
	enum cairn_status status;

	*checkpoint = (struct checkpoint){.folder = {.fd = -1}};
	arena_init(&checkpoint->arena, reader_arena_source(system), ARENA_SIZE_MAX);
	status = open_place(system, prefix, checkpoint, error);
	if (status == CAIRN_OK && checkpoint->folder.fd >= 0)
		status = identify_kind(checkpoint, error);
	if (status == CAIRN_OK)
		return CAIRN_OK;
	checkpoint_close(checkpoint);
	return error_prefix(error, status, prefix);
}

enum cairn_status checkpoint_open_in(const struct folder *folder, const struct folder_names *names,
				     const char *base, struct checkpoint *checkpoint,
				     struct cairn_error *error)
{
	enum cairn_status status;

	*checkpoint = (struct checkpoint){
		.folder = *folder, .is_borrowed = true, .names = *names, .has_names = true};
	arena_init(&checkpoint->arena, reader_arena_source(folder->system), ARENA_SIZE_MAX);
	if (strlen(base) >= sizeof(checkpoint->base))
		return CAIRN_OK;
	memcpy(checkpoint->base, base, strlen(base) + 1);
	status = identify_kind(checkpoint, error);
	if (status != CAIRN_OK)
		checkpoint_close(checkpoint);
	return status;
}

void checkpoint_close(struct checkpoint *checkpoint)
{
	arena_fini(&checkpoint->arena);
	if (!checkpoint->is_borrowed)
		folder_close(&checkpoint->folder);
	*checkpoint = (struct checkpoint){.folder = {.fd = -1}};
}

/* ---------------------------------------------------------------------------------------- files */

typedef enum cairn_status (*file_callback)(void *context, const struct folder *folder,
					   const char *name, struct cairn_error *error);

/* Files whose names begin with `front`, where they belong to the base. */
static enum cairn_status visit_named(struct checkpoint *checkpoint, const char *front,
				     bool (*belongs)(const char *name, const char *base),
				     file_callback callback, void *context,
				     struct cairn_error *error)
{
	const struct folder_names *const names = &checkpoint->names;
	enum cairn_status status = checkpoint_list(checkpoint, error);

	for (uint64_t i = folder_names_from(names, front);
	     status == CAIRN_OK && i < names->count &&
	     strncmp(names->items[i], front, strlen(front)) == 0;
	     i++) {
		if (belongs(names->items[i], checkpoint->base))
			status = callback(context, &checkpoint->folder, names->items[i], error);
	}
	return status;
}

static enum cairn_status visit_data_files(struct checkpoint *checkpoint, file_callback callback,
					  void *context, struct cairn_error *error)
{
	char front[LONG_NAME_SIZE];

	snprintf(front, sizeof(front), "%s.data-", checkpoint->base);
	return visit_named(checkpoint, front, is_data_file, callback, context, error);
}

static enum cairn_status visit_shards(struct checkpoint *checkpoint, file_callback callback,
				      void *context, struct cairn_error *error)
{
	char front[LONG_NAME_SIZE];

	snprintf(front, sizeof(front), "%.*s-", (int)shard_part_at(checkpoint->base),
		 checkpoint->base);
	return visit_named(checkpoint, front, is_v1_shard, callback, context, error);
}

/* The base and a suffix. */
static enum cairn_status visit_one(const struct checkpoint *checkpoint, const char *suffix,
				   file_callback callback, void *context, struct cairn_error *error)
{
	char name[LONG_NAME_SIZE];

	snprintf(name, sizeof(name), "%s%s", checkpoint->base, suffix);
	return callback(context, &checkpoint->folder, name, error);
}

/* What lies in the folder of a sharded checkpoint, and that folder. */
static enum cairn_status visit_folder(struct checkpoint *checkpoint, file_callback callback,
				      void *context, struct cairn_error *error)
{
	struct system *const system = checkpoint->folder.system;
	struct folder inner = {.system = system, .locks_work = true};
	struct folder_names names;
	enum cairn_status status;

	inner.fd = system_open(system, checkpoint->folder.fd, checkpoint->base,
			       SYSTEM_WANT_DIRECTORY);
	if (inner.fd < 0)
		return error_set_system(error, inner.fd, "cannot open the folder %s",
					quote(cairn_string_from(checkpoint->base)).text);
	status = folder_names(&inner, &checkpoint->arena, &names, error);
	for (uint64_t i = 0; status == CAIRN_OK && i < names.count; i++) {
		if (strcmp(names.items[i], INDEX_NAME) == 0 || is_shard_name(names.items[i]))
			status = callback(context, &inner, names.items[i], error);
	}
	if (status == CAIRN_OK)
		status = callback(context, &inner, ".", error);
	folder_close(&inner);
	return status;
}

static enum cairn_status visit_files(struct checkpoint *checkpoint, file_callback callback,
				     void *context, struct cairn_error *error)
{
	enum cairn_status status;

	switch (checkpoint->kind) {
	case CHECKPOINT_TENSORFLOW_V2:
		status = visit_data_files(checkpoint, callback, context, error);
		if (status != CAIRN_OK)
			return status;
		return visit_one(checkpoint, ".index", callback, context, error);
	case CHECKPOINT_TENSORFLOW_V1:
		return visit_one(checkpoint, "", callback, context, error);
	case CHECKPOINT_TENSORFLOW_V1_SHARDS:
		return visit_shards(checkpoint, callback, context, error);
	case CHECKPOINT_CAIRN:
		return visit_one(checkpoint, ".cairn", callback, context, error);
	case CHECKPOINT_CAIRN_FOLDER:
		return visit_folder(checkpoint, callback, context, error);
	case CHECKPOINT_ABSENT:
		break;
	}
	return CAIRN_OK;
}

bool has_data_files(const struct folder_names *names, const char *base)
{
	char front[LONG_NAME_SIZE];
	uint64_t at;

	snprintf(front, sizeof(front), "%s.data-", base);
	at = folder_names_from(names, front);
	while (at < names->count && strncmp(names->items[at], front, strlen(front)) == 0) {
		if (is_data_file(names->items[at++], base))
			return true;
	}
	return false;
}

static enum cairn_status add_size(void *context, const struct folder *folder, const char *name,
				  struct cairn_error *error)
{
	uint64_t *const bytes = context;
	struct system_status found;
	const int result = system_status_at(folder->system, folder->fd, name, true, &found);

	if (result < 0)
		return means_absent(result) ? CAIRN_OK
					    : error_set_system(error, result, "cannot examine %s",
							       quote(cairn_string_from(name)).text);
	if (found.kind == SYSTEM_REGULAR && !checked_add(*bytes, found.size, bytes))
		*bytes = UINT64_MAX;
	return CAIRN_OK;
}

enum cairn_status checkpoint_size(struct checkpoint *checkpoint, uint64_t *bytes,
				  struct cairn_error *error)
{
	*bytes = 0;
	return visit_files(checkpoint, add_size, bytes, error);
}

/* Through a descriptor of its own: whoever wrote the file may not have synced it. */
static enum cairn_status sync_file(void *context, const struct folder *folder, const char *name,
				   struct cairn_error *error)
{
	const int fd = system_open(folder->system, folder->fd, name, 0);
	int result = fd < 0 ? fd : system_sync(folder->system, fd);

	(void)context;
	if (fd >= 0)
		system_close(folder->system, fd);
	return result < 0 ? error_set_system(error, result, "cannot make %s durable",
					     quote(cairn_string_from(name)).text)
			  : CAIRN_OK;
}

enum cairn_status checkpoint_sync(struct checkpoint *checkpoint, struct cairn_error *error)
{
	enum cairn_status status;

	if (checkpoint->kind == CHECKPOINT_ABSENT)
		return CAIRN_OK;
	status = visit_files(checkpoint, sync_file, NULL, error);
	if (status == CAIRN_OK)
		status = folder_commit(&checkpoint->folder, error);
	if (status == CAIRN_IN_DOUBT && error != NULL)
		error->code = CAIRN_IO;
	return status == CAIRN_IN_DOUBT ? CAIRN_IO : status;
}
