/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a TensorFlow V1 checkpoint: one table, or several that the pattern `x-?????-of-00004`
 * names.
 *
 * Tables hold values too, and their only checksums are those of blocks. So opening reads all of
 * each file, once, and compares every checksum; what stays are the places of values, and a checksum
 * of the bytes of each slice, made when the block that they lie in had been compared: with it they
 * are checked again when they are used. Blocks are read one by one into private memory, large ones
 * used where they are mapped.
 *
 * The files of a pattern have no index that would tie them together: when all are open and read,
 * their names must still lead to them.
 */
#include <inttypes.h>
#include <string.h>

#include "engine/read/opening.h"
#include "format/bytes.h"
#include "format/container.h"
#include "format/error.h"
#include "format/tensorflow_names.h"
#include "format/tensorflow_v1.h"

/* Blocks from this size on are used where they are mapped. */
#define MAPPED_BLOCK_MIN ((uint64_t)4 << 20)

/* What a walk over a table may allocate: its largest block when that is compressed, and keys. */
#define WALK_SIZE_MAX ((size_t)64 << 30)

struct v1_opening {
	struct opening base;
	struct v1_checkpoint checkpoint;
};

/* --------------------------------------------------------------------------------------- blocks */

struct block_room {
	uint8_t *bytes; /* owned */
	uint64_t size;
};

/* Gives the blocks of a file to the table. */
struct block_source {
	const struct file *file;
	struct block_room rooms[2]; /* of other blocks, and of the index */
};

static enum cairn_status make_room(struct system *system, struct block_room *room, uint64_t size,
				   struct cairn_error *error)
{
	const uint64_t doubled = 2 * room->size;

	if (size <= room->size)
		return CAIRN_OK;
	system_free(system, room->bytes);
	room->size = doubled > size && doubled <= MAPPED_BLOCK_MIN ? doubled : size;
	room->bytes = system_allocate(system, room->size);
	if (room->bytes != NULL)
		return CAIRN_OK;
	room->size = 0;
	return error_set_memory(error, "a block of a table");
}

static enum cairn_status fetch_block(void *context, bool is_index, uint64_t offset, uint64_t size,
				     const uint8_t **bytes, struct cairn_error *error)
{
	struct block_source *const source = context;
	const struct file *const file = source->file;
	struct block_room *const room = &source->rooms[is_index ? 1 : 0];
	enum cairn_status status;

	if (size >= MAPPED_BLOCK_MIN && file->base != NULL) {
		*bytes = file->base + offset;
		return file_prepare(file, offset, size, error);
	}
	status = make_room(file->system, room, size, error);
	if (status == CAIRN_OK)
		status = file_read(file, offset, room->bytes, size, error);
	*bytes = room->bytes;
	return status;
}

/* ---------------------------------------------------------------------------------------- files */

static enum cairn_status walk_table(struct v1_opening *opening, uint32_t shard, struct arena *arena,
				    struct block_source *blocks, struct cairn_error *error)
{
	const struct table_source source = {.fetch = fetch_block, .context = blocks};
	struct table_reader table;
	enum cairn_status status;

	status = table_open_source(&table, arena, &source, blocks->file->size, error);
	return status == CAIRN_OK ? v1_read_file(&opening->base.scratch, &table,
						 (uint16_t)(shard + 1), &opening->checkpoint, error)
				  : status;
}

static enum cairn_status read_shard(struct v1_opening *opening, uint32_t shard,
				    struct cairn_error *error)
{
	struct cairn_reader *const reader = opening->base.reader;
	struct block_source blocks = {.file = &reader->files[shard + 1]};
	struct arena arena;
	enum cairn_status status;

	arena_init(&arena, reader_arena_source(reader->system), WALK_SIZE_MAX);
	status = walk_table(opening, shard, &arena, &blocks, error);
	arena_fini(&arena);
	system_free(reader->system, blocks.rooms[0].bytes);
	system_free(reader->system, blocks.rooms[1].bytes);
	opening_identify(&opening->base, shard, (const uint8_t *)"", 0);
	return status;
}

static enum cairn_status complete(struct v1_opening *opening, struct cairn_error *error)
{
	const enum cairn_status status = v1_describe(&opening->base.scratch, &opening->checkpoint,
						     &opening->base.list, error);

	opening->base.literal = opening->checkpoint.literal;
	return status == CAIRN_OK ? opening_complete(&opening->base, error) : status;
}

static void begin(struct v1_opening *opening, struct cairn_reader *reader)
{
	reader->format = "tensorflow-v1";
	reader->has_foreign_checks = true;
	reader->data_is_embedded = true;
	opening_init(&opening->base, reader);
}

/* ---------------------------------------------------------------------------------------- names */

/* "-00000-of-00004", or "-?????-of-00004", at the end of a name. */
#define SHARD_DIGITS      5u
#define SHARD_SUFFIX_SIZE 15u

static bool parse_digits(const char *text, uint32_t *number)
{
	*number = 0;
	for (uint32_t i = 0; i < SHARD_DIGITS; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*number = *number * 10 + (uint32_t)(text[i] - '0');
	}
	return true;
}

/* The digits or question marks in a name that ends like that of a shard; NULL: it does not. */
static const char *find_number(const char *name, uint32_t *count)
{
	const size_t size = strlen(name);
	const char *const suffix = size <= SHARD_SUFFIX_SIZE ? NULL
							     : name + size - SHARD_SUFFIX_SIZE;

	if (suffix == NULL || suffix[0] != '-' ||
	    memcmp(suffix + 1 + SHARD_DIGITS, "-of-", 4) != 0 ||
	    !parse_digits(suffix + SHARD_SUFFIX_SIZE - SHARD_DIGITS, count))
		return NULL;
	return suffix + 1;
}

/* ------------------------------------------------------------------------------------- one file */

/* "x-00000-of-00004" is one file of several. */
static void note_single_shard(struct opening *opening)
{
	const char *const name = opening->reader->files[1].name;
	char pattern[SYSTEM_NAME_SIZE];
	uint32_t number;
	uint32_t count;
	const char *const digits = find_number(name, &count);

	if (digits == NULL || !parse_digits(digits, &number) || count < 2 ||
	    strlen(name) >= sizeof(pattern))
		return;
	memcpy(pattern, name, strlen(name) + 1);
	memset(pattern + (digits - name), '?', SHARD_DIGITS);
	opening_note(opening, "one shard of %" PRIu32 ": pass %s to open all of it", count,
		     quote(cairn_string_from(pattern)).text);
}

enum cairn_status open_tensorflow_v1(struct cairn_reader *reader, struct file *file,
				     struct cairn_error *error)
{
	struct v1_opening opening = {0};
	enum cairn_status status;

	begin(&opening, reader);
	status = opening_reserve(&opening.base, 1, error);
	if (status == CAIRN_OK) {
		reader->files[1] = *file;
		note_single_shard(&opening.base);
		status = reader_map_file(reader, 1, error);
		if (status == CAIRN_OK)
			status = read_shard(&opening, 0, error);
		if (status == CAIRN_OK)
			status = complete(&opening, error);
	} else {
		file_close(file);
	}
	opening_fini(&opening.base);
	return status;
}

/* ------------------------------------------------------------------------------------- patterns */

static enum cairn_status open_shard(struct v1_opening *opening, int directory, const char *pattern,
				    uint32_t shard, struct missing_files *missing,
				    struct cairn_error *error)
{
	struct cairn_reader *const reader = opening->base.reader;
	struct file *const file = &reader->files[shard + 1];
	char *const name = arena_copy(&reader->arena, pattern, strlen(pattern) + 1);
	struct file_place place = {.directory = directory, .path = name, .name = name};
	uint32_t rest = shard;
	enum cairn_status status;

	if (name == NULL)
		return error_set_memory(error, "the name of a shard");
	for (uint32_t i = SHARD_DIGITS; i-- > 0; rest /= 10)
		name[strlen(name) - SHARD_SUFFIX_SIZE + 1 + i] = (char)('0' + rest % 10);
	status = file_open(reader->system, &place, file, error);
	if (status == CAIRN_OK)
		status = reader_map_file(reader, shard + 1, error);
	if (status != CAIRN_NOT_FOUND)
		return status == CAIRN_OK ? status : error_prefix(error, status, name);
	*file = (struct file){.fd = -1, .name = name, .system = reader->system};
	missing_files_add(missing, cairn_string_from(name));
	return CAIRN_OK;
}

/* All of them before the first is read. */
static enum cairn_status open_shards(struct v1_opening *opening, int directory, const char *pattern,
				     uint32_t count, struct cairn_error *error)
{
	struct missing_files missing = {0};
	enum cairn_status status = opening_reserve(&opening->base, count, error);

	for (uint32_t i = 0; i < count && status == CAIRN_OK; i++)
		status = open_shard(opening, directory, pattern, i, &missing, error);
	if (status == CAIRN_OK && missing.count == count)
		return error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
				 "no such file or directory, nor any of its %" PRIu32 " shards",
				 count);
	return status == CAIRN_OK ? missing_files_refuse(&missing, count, error) : status;
}

/* The names still lead to the files that were read. */
static enum cairn_status check_unchanged(struct cairn_reader *reader, int directory,
					 struct cairn_error *error)
{
	for (uint32_t i = 1; i < reader->file_count; i++) {
		const struct file *const file = &reader->files[i];
		struct system_status now;
		const int result = system_status_at(reader->system, directory, file->name, true,
						    &now);

		if (result == 0 && now.device == file->status.device &&
		    now.inode == file->status.inode && now.size == file->status.size)
			continue;
		reader->siblings_changed = true;
		error_set(error, CAIRN_BUSY, CAIRN_ERROR_NO_OFFSET,
			  "it was replaced while it was opened");
		return error_prefix(error, CAIRN_BUSY, file->name);
	}
	return CAIRN_OK;
}

static enum cairn_status read_shards(struct v1_opening *opening, int directory, const char *pattern,
				     uint32_t count, struct cairn_error *error)
{
	struct cairn_reader *const reader = opening->base.reader;
	enum cairn_status status = open_shards(opening, directory, pattern, count, error);

	for (uint32_t i = 0; i < count && status == CAIRN_OK; i++) {
		status = read_shard(opening, i, error);
		if (status != CAIRN_OK)
			return error_prefix(error, status, reader->files[i + 1].name);
	}
	if (status == CAIRN_OK)
		status = check_unchanged(reader, directory, error);
	return status == CAIRN_OK ? complete(opening, error) : status;
}

enum cairn_status open_tensorflow_v1_shards(struct cairn_reader *reader, int directory,
					    const char *pattern, struct cairn_error *error)
{
	struct v1_opening opening = {0};
	uint32_t count = 0;
	const char *const marks = find_number(pattern, &count);
	enum cairn_status status;

	if (marks == NULL || memcmp(marks, "?????", SHARD_DIGITS) != 0 || count == 0)
		return error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
				 "no such file or directory");
	if (count >= SHARD_COUNT_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu32 " shards are more than %u", count, SHARD_COUNT_MAX - 1);
	begin(&opening, reader);
	status = read_shards(&opening, directory, pattern, count, error);
	opening_fini(&opening.base);
	return status;
}
