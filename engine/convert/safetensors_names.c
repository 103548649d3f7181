/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Naming shards. A set that replaces another cannot use its names, since the old set has to stay
 * whole until the index is renamed; so the names alternate between plain ones and ones with digits
 * of the content. Nobody but a writer of ours can be in the way by accident, and publishing refuses
 * names that were taken meanwhile.
 */
#include "engine/convert/safetensors_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/read/file.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"
#include "format/safetensors.h"
#include "format/utf8.h"

enum {
	/* "-89abcdef-00001-of-00003.safetensors" */
	ENDING_SIZE = 36,
	CONTENT_TRIES = 8
};

void shard_name(const struct shard_names *names, uint32_t number, char name[SYSTEM_NAME_SIZE])
{
	char content[10] = "";

	if (names->has_content)
		snprintf(content, sizeof(content), "-%08" PRIx32, names->content);
	snprintf(name, SYSTEM_NAME_SIZE, "%.*s%s-%05" PRIu32 "-of-%05" PRIu32 ".safetensors",
		 SYSTEM_NAME_SIZE - ENDING_SIZE - 1, names->stem, content, (number + 1) % 100000,
		 names->count % 100000);
}

/* What readers would refuse, and what JSON cannot hold. */
static enum cairn_status check_stem(const struct shard_names *names, struct cairn_error *error)
{
	char name[SYSTEM_NAME_SIZE];

	shard_name(names, 0, name);
	if (utf8_valid(name, strlen(name)) &&
	    safetensors_check_shard_name(cairn_string_from(name), NULL) == CAIRN_OK)
		return CAIRN_OK;
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
			 "an index cannot name shards like %s",
			 quote(cairn_string_from(name)).text);
}

enum cairn_status shard_names_init(struct shard_names *names, const char *index_name,
				   uint32_t count, struct cairn_error *error)
{
	const size_t suffix = strlen(SAFETENSORS_INDEX_SUFFIX);
	const size_t size = strlen(index_name);

	if (size <= suffix || size - suffix + ENDING_SIZE >= SYSTEM_NAME_SIZE)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "the name before " SAFETENSORS_INDEX_SUFFIX
				 " has to have 1 to %d bytes",
				 SYSTEM_NAME_SIZE - ENDING_SIZE - 1);
	*names = (struct shard_names){.count = count};
	memcpy(names->stem, index_name, size - suffix);
	return check_stem(names, error);
}

bool shard_names_taken(const struct shard_names *names, const struct folder *folder,
		       char taken[SYSTEM_NAME_SIZE])
{
	struct system_status status;

	for (uint32_t i = 0; i < names->count; i++) {
		shard_name(names, i, taken);
		if (system_status_at(folder->system, folder->fd, taken, false, &status) == 0)
			return true;
	}
	return false;
}

enum cairn_status shard_names_choose(struct shard_names *names, const struct folder *folder,
				     const struct cairn_digest *content, struct cairn_error *error)
{
	char taken[SYSTEM_NAME_SIZE];
	uint8_t bytes[DIGEST_SIZE + 1];

	memcpy(bytes, content->bytes, DIGEST_SIZE);
	for (uint8_t i = 0; i < CONTENT_TRIES && shard_names_taken(names, folder, taken); i++) {
		struct cairn_digest digest;

		bytes[DIGEST_SIZE] = i;
		digest = digest_bytes(bytes, sizeof(bytes));
		names->has_content = true;
		names->content = load_u32(digest.bytes);
	}
	if (!shard_names_taken(names, folder, taken))
		return CAIRN_OK;
	return error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET, "%s is there already",
			 quote(cairn_string_from(taken)).text);
}

/* ---------------------------------------------------------------------------------- the old set */

static enum cairn_status read_old_index(const struct file *file, struct arena *arena,
					struct safetensors_index *index)
{
	char *json;
	enum cairn_status status;

	if (file->size > SAFETENSORS_HEADER_SIZE_MAX)
		return CAIRN_LIMIT;
	json = arena_allocate(arena, file->size);
	if (json == NULL)
		return CAIRN_NO_MEMORY;
	status = file_read(file, 0, json, file->size, NULL);
	return status == CAIRN_OK ? safetensors_index_parse(arena, json, file->size, index, NULL)
				  : status;
}

void old_shards_read(struct old_shards *old, const struct folder *folder, const char *index_name,
		     struct arena *arena)
{
	const struct file_place place = {
		.directory = folder->fd, .path = index_name, .name = index_name};
	struct safetensors_index index;
	struct file file;

	*old = (struct old_shards){0};
	if (file_open(folder->system, &place, &file, NULL) != CAIRN_OK)
		return;
	if (read_old_index(&file, arena, &index) == CAIRN_OK)
		*old = (struct old_shards){.names = index.shards, .count = index.shard_count};
	file_close(&file);
}

/* Skips `count` characters out of `allowed`; NULL when there are others. */
static const char *skip(const char *text, const char *allowed, size_t count)
{
	return text != NULL && strspn(text, allowed) >= count ? text + count : NULL;
}

static const char *skip_text(const char *text, const char *expected)
{
	return text != NULL && strncmp(text, expected, strlen(expected)) == 0
		       ? text + strlen(expected)
		       : NULL;
}

/* "-00001-of-00003.safetensors" */
static bool is_numbering(const char *text)
{
	static const char digits[] = "0123456789";

	text = skip(skip_text(text, "-"), digits, 5);
	text = skip(skip_text(text, "-of-"), digits, 5);
	text = skip_text(text, ".safetensors");
	return text != NULL && *text == '\0';
}

/* A name that a set of this stem can have, with the digits of a content or without. */
static bool is_of_stem(const char *stem, const char *name)
{
	const char *const ending = skip_text(name, stem);

	return is_numbering(ending) ||
	       is_numbering(skip(skip_text(ending, "-"), "0123456789abcdef", 8));
}

static bool is_in_use(const struct shard_names *names, const char *name)
{
	char used[SYSTEM_NAME_SIZE];

	for (uint32_t i = 0; i < names->count; i++) {
		shard_name(names, i, used);
		if (strcmp(used, name) == 0)
			return true;
	}
	return false;
}

void old_shards_remove(const struct old_shards *old, const struct folder *folder,
		       const struct shard_names *names)
{
	for (uint32_t i = 0; i < old->count; i++) {
		char name[SYSTEM_NAME_SIZE] = "";

		if (old->names[i].size >= sizeof(name))
			continue;
		memcpy(name, old->names[i].data,
		       old->names[i].size); /* without NUL: the parser saw to it */
		if (is_of_stem(names->stem, name) && !is_in_use(names, name))
			system_unlink(folder->system, folder->fd, name);
	}
}
