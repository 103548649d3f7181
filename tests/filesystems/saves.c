/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/filesystems/saves.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TENSORS 5

static const char *const kind_names[SAVE_KINDS] = {"file",   "sharded", "merge",
						   "prefix", "joined",  "state"};
static const char *const base_names[SAVE_KINDS] = {"file.cairn", "sharded", "merged",
						   "prefix",     "joined",  CAIRN_STATE_NAME};
static const char *const source_names[2] = {"left.cairn", "right.cairn"};
static const char *const part_names[2] = {"part-0", "part-1"}; /* prefixes that are joined */
static const char *const step_names[2] = {"step-0", "step-1"}; /* that the state file names */

bool save_may_be_absent(enum save_kind kind)
{
	return kind == SAVE_PREFIX || kind == SAVE_JOINED;
}

const char *save_kind_name(enum save_kind kind)
{
	return kind_names[kind];
}

static void join(const char *folder, const char *name, char path[SAVES_PATH_SIZE])
{
	snprintf(path, SAVES_PATH_SIZE, "%s/%s", folder, name);
}

void save_path(const char *folder, enum save_kind kind, char path[SAVES_PATH_SIZE])
{
	join(folder, base_names[kind], path);
}

/* -------------------------------------------------------------------------------------- content */

/* Of a tensor of a generation: the bytes are a function of both and of their place. */
struct content {
	uint64_t seed;
};

static struct content content_of(uint64_t generation, unsigned int tensor)
{
	return (struct content){.seed = (generation * TENSORS + tensor) *
					UINT64_C(0x9e3779b97f4a7c15)};
}

static uint8_t content_byte(const struct content *content, uint64_t offset)
{
	const uint64_t word = (content->seed ^ (offset / 8)) * UINT64_C(0xd6e8feb86659fd93);

	return (uint8_t)(word >> (56 - offset % 8));
}

static enum cairn_status produce(void *context, uint64_t offset, void *buffer, size_t size)
{
	uint8_t *const bytes = buffer;

	for (size_t i = 0; i < size; i++)
		bytes[i] = content_byte(context, offset + i);
	return CAIRN_OK;
}

/* Tensor 0 is a number: the generation. The last has most of the bytes, 1 and 2 are small. */
static uint64_t tensor_size(unsigned int tensor, uint64_t size)
{
	return tensor == TENSORS - 1 ? size : tensor == TENSORS - 2 ? size / 4 : 100 * tensor;
}

/* What one file or prefix holds: tensors `first`, first + step, ... */
struct part {
	uint64_t generation;
	uint64_t size;
	unsigned int first;
	unsigned int step;
	uint32_t shards; /* data files of a prefix; 0: a container */
};

static enum cairn_status add_tensor(struct cairn_writer *writer, const struct part *part,
				    unsigned int number, struct content *content,
				    struct cairn_error *error)
{
	const uint64_t dims[1] = {tensor_size(number, part->size)};
	struct cairn_tensor_spec spec = {.dtype = CAIRN_U8, .rank = 1, .dims = dims};
	char name[16];

	if (number == 0)
		return cairn_writer_add_copy(writer, "generation", CAIRN_U64, 0, NULL,
					     &part->generation, error);
	snprintf(name, sizeof(name), "tensor.%u", number);
	spec.name = cairn_string_from(name);
	spec.shard = part->shards == 0 ? 0 : number % part->shards;
	*content = content_of(part->generation, number);
	return cairn_writer_add_callback(writer, &spec, produce, content, error);
}

static enum cairn_status add_tensors(struct cairn_writer *writer, const struct part *part,
				     struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;
	struct content contents[TENSORS];

	for (unsigned int i = part->first; i < TENSORS && status == CAIRN_OK; i += part->step)
		status = add_tensor(writer, part, i, &contents[i], error);
	return status == CAIRN_OK ? cairn_writer_finish(writer, error) : status;
}

/* --------------------------------------------------------------------------------------- saving */

static enum cairn_status save_part(const char *path, const struct part *part,
				   struct cairn_error *error)
{
	const struct cairn_writer_options options = {
		.size = sizeof(options),
		.flags = CAIRN_WRITER_REPLACE,
		.target = part->shards == 0 ? CAIRN_TARGET_CAIRN : CAIRN_TARGET_TENSORFLOW,
		.shard_count = part->shards};
	struct cairn_writer *writer = NULL;
	enum cairn_status status;

	status = cairn_writer_create(path, &options, &writer, error);
	if (status == CAIRN_OK)
		status = add_tensors(writer, part, error);
	cairn_writer_destroy(writer);
	return status;
}

static enum cairn_status save_shards(struct cairn_save *save, uint64_t generation, uint64_t size,
				     struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (unsigned int rank = 0; rank < 2 && status == CAIRN_OK; rank++) {
		const struct part part = {generation, size, rank, 2, 0};
		struct cairn_writer *writer = NULL;

		status = cairn_save_writer(save, rank, 0, NULL, &writer, error);
		if (status == CAIRN_OK)
			status = add_tensors(writer, &part, error);
		cairn_writer_destroy(writer);
	}
	return status == CAIRN_OK ? cairn_save_commit(save, error) : status;
}

static enum cairn_status save_sharded(const char *path, uint64_t generation, uint64_t size,
				      struct cairn_error *error)
{
	const struct cairn_save_options options = {.rank_count = 2, .replace = 1};
	struct cairn_save *save = NULL;
	enum cairn_status status;

	status = cairn_save_begin(path, &options, &save, error);
	if (status == CAIRN_OK)
		status = save_shards(save, generation, size, error);
	cairn_save_destroy(save);
	return status;
}

/* The number of data files of a prefix changes with the generation, and so do their names. */
static uint32_t shards_of(uint64_t generation)
{
	return 1 + (uint32_t)(generation % 3);
}

static void source_paths(const char *folder, enum save_kind kind, char paths[2][SAVES_PATH_SIZE])
{
	for (unsigned int i = 0; i < 2; i++)
		join(folder, kind == SAVE_JOINED ? part_names[i] : source_names[i], paths[i]);
}

enum cairn_status save_sources(const char *folder, enum save_kind kind, uint64_t generation,
			       uint64_t size, struct cairn_error *error)
{
	char paths[2][SAVES_PATH_SIZE];
	enum cairn_status status = CAIRN_OK;

	source_paths(folder, kind, paths);
	for (unsigned int i = 0; i < 2 && status == CAIRN_OK; i++) {
		const struct part part = {generation, size, i, 2,
					  kind == SAVE_JOINED ? shards_of(generation + i) : 0};

		if (kind == SAVE_MERGE || kind == SAVE_JOINED)
			status = save_part(paths[i], &part, error);
	}
	return status;
}

static enum cairn_status merge_sources(const char *folder, enum save_kind kind, const char *path,
				       struct cairn_error *error)
{
	const struct cairn_merge_options options = {
		.size = sizeof(options),
		.replace = 1,
		.target = kind == SAVE_JOINED ? CAIRN_TARGET_TENSORFLOW : CAIRN_TARGET_CAIRN};
	char paths[2][SAVES_PATH_SIZE];
	const char *const sources[2] = {paths[0], paths[1]};

	source_paths(folder, kind, paths);
	return cairn_merge(sources, 2, path, &options, NULL, error);
}

/* The step that the state file names, or -1. */
static int latest_step(const char *folder)
{
	char latest[CAIRN_PATH_SIZE];

	if (cairn_state_latest(folder, NULL, latest, NULL) != CAIRN_OK)
		return -1;
	return latest[strlen(latest) - 1] - '0';
}

/* The other step is saved, named, and the one before removed; if that fails the save is done all
 * the same. */
static enum cairn_status save_step(const char *folder, uint64_t generation, uint64_t size,
				   struct cairn_error *error)
{
	const struct cairn_state_update_options options = {.size = sizeof(options),
							   .save_relative_paths = 1};
	const struct part part = {generation, size, 0, 1, shards_of(generation)};
	const int before = latest_step(folder);
	char path[SAVES_PATH_SIZE];
	enum cairn_status status;

	join(folder, step_names[before == 0], path);
	status = save_part(path, &part, error);
	if (status == CAIRN_OK)
		status = cairn_state_update(folder, path, &options, error);
	if (status == CAIRN_OK && before >= 0) {
		enum cairn_status removed;

		join(folder, step_names[before], path);
		removed = cairn_state_remove(path, NULL, NULL);
		(void)removed;
	}
	return status;
}

enum cairn_status save_generation(const char *folder, enum save_kind kind, uint64_t generation,
				  uint64_t size, struct cairn_error *error)
{
	const struct part part = {generation, size, 0, 1,
				  kind == SAVE_PREFIX ? shards_of(generation) : 0};
	char path[SAVES_PATH_SIZE];

	save_path(folder, kind, path);
	if (kind == SAVE_SHARDED)
		return save_sharded(path, generation, size, error);
	if (kind == SAVE_MERGE || kind == SAVE_JOINED)
		return merge_sources(folder, kind, path, error);
	if (kind == SAVE_STATE)
		return save_step(folder, generation, size, error);
	return save_part(path, &part, error);
}

enum cairn_status save_remove(const char *folder, enum save_kind kind, struct cairn_error *error)
{
	char path[SAVES_PATH_SIZE];
	enum cairn_status status;

	save_path(folder, kind, path);
	if (kind == SAVE_PREFIX || kind == SAVE_JOINED)
		return cairn_state_remove(path, NULL, error);
	if (kind == SAVE_STATE) {
		unlink(path);
		return CAIRN_OK;
	}
	status = cairn_remove(path, error);
	return status == CAIRN_NOT_FOUND ? CAIRN_OK : status;
}

/* ---------------------------------------------------------------------------------- recognising */

static bool refuse(struct cairn_error *error, const char *path, const char *what)
{
	snprintf(error->message, sizeof(error->message), "%.200s: %.200s", path, what);
	return false;
}

static bool is_right(const struct cairn_reader *reader, unsigned int number, uint64_t generation,
		     const char *path, struct cairn_error *error)
{
	const struct content content = content_of(generation, number);
	struct cairn_tensor tensor;
	struct cairn_view view;
	char name[16];
	uint64_t at = 0;

	snprintf(name, sizeof(name), "tensor.%u", number);
	if (cairn_reader_find(reader, name, &tensor, error) != CAIRN_OK ||
	    cairn_tensor_view(&tensor, &view, error) != CAIRN_OK)
		return false;
	while (at < view.size && ((const uint8_t *)view.data)[at] == content_byte(&content, at))
		at++;
	cairn_view_release(&view);
	return at == tensor.size ? true : refuse(error, path, "torn: bytes of two generations");
}

/* Tensors `first`, first + step, ...; the generation is asked of the checkpoint if it has it. */
static bool recognise(const char *path, unsigned int first, unsigned int step, uint64_t *generation,
		      struct cairn_error *error)
{
	struct cairn_reader *reader = NULL;
	struct cairn_tensor tensor;
	enum cairn_status status;
	bool right = true;

	*generation = 0;
	status = cairn_reader_open(path, NULL, &reader, error);
	if (status != CAIRN_OK)
		return status == CAIRN_NOT_FOUND;
	if (cairn_reader_find(reader, "generation", &tensor, error) != CAIRN_OK ||
	    cairn_tensor_read(&tensor, 0, generation, sizeof(*generation), error) != CAIRN_OK)
		right = false;
	for (unsigned int i = first == 0 ? step : first; i < TENSORS && right; i += step)
		right = is_right(reader, i, *generation, path, error);
	cairn_reader_close(reader);
	return right && *generation == 0 ? refuse(error, path, "generation 0") : right;
}

/* What the state file names, all of it; no state file is generation 0. */
static bool recognise_step(const char *folder, uint64_t *generation, struct cairn_error *error)
{
	char path[CAIRN_PATH_SIZE];
	struct cairn_state *state = NULL;
	enum cairn_status status = cairn_state_get(folder, NULL, &state, error);

	*generation = 0;
	cairn_state_free(state);
	if (status != CAIRN_OK)
		return status == CAIRN_NOT_FOUND;
	return cairn_state_latest(folder, NULL, path, error) == CAIRN_OK &&
	       recognise(path, 0, 1, generation, error) &&
	       (*generation != 0 || refuse(error, path, "the state file names it"));
}

bool save_recognise(const char *folder, enum save_kind kind, uint64_t *generation,
		    struct cairn_error *error)
{
	char path[SAVES_PATH_SIZE];

	if (kind == SAVE_STATE)
		return recognise_step(folder, generation, error);
	save_path(folder, kind, path);
	return recognise(path, 0, 1, generation, error);
}

/* ------------------------------------------------------------------------------------ leftovers */

/* A file of one of the prefixes. */
static bool is_of_prefix(const char *name, const char *prefix)
{
	const size_t size = strlen(prefix);

	return strncmp(name, prefix, size) == 0 &&
	       (strcmp(name + size, ".index") == 0 || strncmp(name + size, ".data-", 6) == 0);
}

static bool is_known(const char *name, const char *allowed)
{
	bool known = strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		     strcmp(name, "lost+found") == 0 ||
		     (allowed != NULL && strcmp(name, allowed) == 0);

	for (unsigned int i = 0; i < SAVE_KINDS; i++)
		known = known || strcmp(name, base_names[i]) == 0;
	for (unsigned int i = 0; i < 2; i++)
		known = known || strcmp(name, source_names[i]) == 0 ||
			is_of_prefix(name, part_names[i]) || is_of_prefix(name, step_names[i]) ||
			is_of_prefix(name, base_names[i == 0 ? SAVE_PREFIX : SAVE_JOINED]);
	return known;
}

static uint64_t count_unknown(const char *folder, const char *allowed, struct cairn_error *error)
{
	DIR *const listing = opendir(folder);
	const struct dirent *entry;
	uint64_t count = 0;

	while (listing != NULL && (entry = readdir(listing)) != NULL) {
		if (is_known(entry->d_name, allowed))
			continue;
		count++;
		snprintf(error->message, sizeof(error->message), "%.200s/%.200s is left behind",
			 folder, entry->d_name);
	}
	if (listing != NULL)
		closedir(listing);
	return count;
}

/* An index and two shards are all that a sharded checkpoint has. */
static uint64_t count_surplus(const char *path, struct cairn_error *error)
{
	DIR *const listing = opendir(path);
	const struct dirent *entry;
	uint64_t count = 0;

	while (listing != NULL && (entry = readdir(listing)) != NULL)
		count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
	if (listing != NULL)
		closedir(listing);
	if (count <= 3)
		return 0;
	snprintf(error->message, sizeof(error->message), "%.200s has %u entries, not 3", path,
		 (unsigned int)count);
	return count - 3;
}

/* Data files that are none of a prefix's, which is there: their names say how many it has. */
static uint64_t count_surplus_data(const char *folder, const char *prefix,
				   struct cairn_error *error)
{
	DIR *const listing = opendir(folder);
	const struct dirent *entry;
	bool has_index = false;
	uint64_t count = 0;
	uint64_t total = 0;

	while (listing != NULL && (entry = readdir(listing)) != NULL) {
		if (!is_of_prefix(entry->d_name, prefix))
			continue;
		if (strstr(entry->d_name, ".index") != NULL) {
			has_index = true;
			continue;
		}
		count++;
		total = strtoull(strrchr(entry->d_name, '-') + 1, NULL, 10);
	}
	if (listing != NULL)
		closedir(listing);
	if (!has_index || count == total)
		return 0;
	snprintf(error->message, sizeof(error->message), "%.200s/%.50s has %u data files, not %u",
		 folder, prefix, (unsigned int)count, (unsigned int)total);
	return 1;
}

uint64_t save_leftovers(const char *folder, const char *allowed, struct cairn_error *error)
{
	uint64_t count = count_unknown(folder, allowed, error);

	for (enum save_kind kind = SAVE_SHARDED; kind <= SAVE_MERGE; kind++) {
		char path[SAVES_PATH_SIZE];

		save_path(folder, kind, path);
		count += count_surplus(path, error);
	}
	for (unsigned int i = 0; i < 2; i++)
		count += count_surplus_data(folder, part_names[i], error);
	return count + count_surplus_data(folder, base_names[SAVE_PREFIX], error) +
	       count_surplus_data(folder, base_names[SAVE_JOINED], error);
}
