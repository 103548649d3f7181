/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/bundle_sample.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/write/writer.h"
#include "format/crc32c.h"
#include "format/tensorflow_bundle.h"

#define OWN_SIZE   4u
#define ROW_SIZE   3u
#define PATH_SIZE  300
#define INDEX_SIZE 8192

static void *allocate(void *context, size_t size)
{
	(void)context;
	return malloc(size);
}

static void give_back(void *context, void *memory)
{
	(void)context;
	free(memory);
}

static const struct arena_source heap = {.allocate = allocate, .free = give_back};

static void must(bool is_right)
{
	if (!is_right)
		abort();
}

static void put_file(struct system *system, const char *path, const void *bytes, size_t size)
{
	const int fd = system_create(system, SYSTEM_CWD, path, 0644, 0);

	must(fd >= 0 && system_write_all(system, fd, bytes, size, 0) == 0);
	system_close(system, fd);
}

void bundle_put_part(struct system *system, const char *path, uint32_t part, uint32_t parts,
		     uint8_t generation)
{
	const uint64_t own_dims[1] = {OWN_SIZE};
	const uint64_t grid_dims[2] = {parts, ROW_SIZE};
	const uint64_t ranges[4] = {part, 1, 0, CAIRN_FULL};
	struct bundle_piece own = {.size = OWN_SIZE};
	struct bundle_piece row = {.ranges = ranges, .offset = OWN_SIZE, .size = ROW_SIZE};
	char name[32];
	struct bundle_tensor tensors[2] = {
		{.name = cairn_string_from("grid"),
		 .dtype = CAIRN_U8,
		 .rank = 2,
		 .dims = grid_dims,
		 .elements = (uint64_t)parts * ROW_SIZE,
		 .pieces = &row,
		 .piece_count = 1},
		{.dtype = CAIRN_U8,
		 .rank = 1,
		 .dims = own_dims,
		 .elements = OWN_SIZE,
		 .pieces = &own,
		 .piece_count = 1},
	};
	const struct bundle bundle = {
		.header = {.shard_count = 1, .has_version = true, .producer = BUNDLE_VERSION},
		.tensors = tensors,
		.tensor_count = 2};
	uint8_t data[OWN_SIZE + ROW_SIZE];
	char file[PATH_SIZE];
	struct arena arena;
	uint8_t *bytes;
	uint64_t size;

	snprintf(name, sizeof(name), "own-%" PRIu32, part);
	tensors[1].name = cairn_string_from(name);
	memset(data, generation, sizeof(data));
	own.crc = crc32c_mask(crc32c_extend(0, data, OWN_SIZE));
	row.crc = crc32c_mask(crc32c_extend(0, data, ROW_SIZE));
	arena_init(&arena, heap, (size_t)1 << 24);
	must(bundle_write(&arena, &bundle, &bytes, &size, NULL) == CAIRN_OK);
	snprintf(file, sizeof(file), "%s.data-00000-of-00001", path);
	put_file(system, file, data, sizeof(data));
	snprintf(file, sizeof(file), "%s.index", path);
	put_file(system, file, bytes, size);
	arena_fini(&arena);
}

static enum cairn_status add_part(struct cairn_writer *writer, uint32_t part, uint32_t parts,
				  const uint8_t *data, struct cairn_error *error)
{
	const uint64_t own_dims[1] = {OWN_SIZE};
	const uint64_t grid_dims[2] = {parts, ROW_SIZE};
	const uint64_t starts[2] = {part, 0};
	const uint64_t lengths[2] = {1, CAIRN_FULL};
	char name[32];
	struct cairn_tensor_spec own = {
		.dtype = CAIRN_U8, .rank = 1, .dims = own_dims, .shard = part};
	const struct cairn_tensor_spec row = {.name = cairn_string_from("grid"),
					      .dtype = CAIRN_U8,
					      .rank = 2,
					      .dims = grid_dims,
					      .starts = starts,
					      .lengths = lengths,
					      .shard = part};
	enum cairn_status status;

	snprintf(name, sizeof(name), "own-%" PRIu32, part);
	own.name = cairn_string_from(name);
	status = cairn_writer_add_spec(writer, &own, data, error);
	return status == CAIRN_OK ? cairn_writer_add_spec(writer, &row, data, error) : status;
}

enum cairn_status bundle_save(struct system *system, const char *path, uint32_t parts,
			      uint8_t generation, struct cairn_error *error)
{
	const struct cairn_writer_options options = {.target = CAIRN_TARGET_TENSORFLOW,
						     .flags = CAIRN_WRITER_REPLACE,
						     .shard_count = parts,
						     .thread_count = 1};
	struct cairn_writer *writer = NULL;
	uint8_t data[OWN_SIZE];
	enum cairn_status status = writer_create(system, path, &options, &writer, error);

	memset(data, generation, sizeof(data));
	for (uint32_t i = 0; i < parts && status == CAIRN_OK; i++)
		status = add_part(writer, i, parts, data, error);
	if (status == CAIRN_OK)
		status = cairn_writer_finish(writer, error);
	cairn_writer_destroy(writer);
	return status;
}

/* --------------------------------------------------------------------------------- recognising */

/* All bytes of a piece are one: which; BUNDLE_TORN. */
static int piece_generation(struct system *system, const char *path,
			    const struct bundle_header *header, const struct bundle_piece *piece)
{
	char file[PATH_SIZE];
	uint8_t bytes[16] = {0};
	int64_t size = -1;
	int fd;

	snprintf(file, sizeof(file), "%s.data-%05" PRIu32 "-of-%05" PRIu32, path, piece->shard,
		 header->shard_count);
	fd = system_open(system, SYSTEM_CWD, file, 0);
	if (fd < 0 || piece->size > sizeof(bytes))
		return BUNDLE_TORN;
	size = system_read_all(system, fd, bytes, piece->size, piece->offset);
	system_close(system, fd);
	if (size != (int64_t)piece->size)
		return BUNDLE_TORN;
	for (uint64_t i = 1; i < piece->size; i++) {
		if (bytes[i] != bytes[0])
			return BUNDLE_TORN;
	}
	return bytes[0] == 0 ? BUNDLE_TORN : bytes[0];
}

static int common_generation(struct system *system, const char *path, const struct bundle *bundle)
{
	int found = 0;

	for (uint64_t i = 0; i < bundle->tensor_count; i++) {
		const struct bundle_tensor *const tensor = &bundle->tensors[i];

		for (uint32_t k = 0; k < tensor->piece_count; k++) {
			const int generation = piece_generation(system, path, &bundle->header,
								&tensor->pieces[k]);

			if (found != 0 && generation != found)
				return BUNDLE_TORN;
			found = generation;
		}
	}
	return found == 0 ? BUNDLE_TORN : found;
}

static int parsed_generation(struct system *system, const char *path, const uint8_t *index,
			     size_t size, uint32_t parts)
{
	struct arena arena;
	struct bundle bundle;
	int generation = BUNDLE_TORN;

	arena_init(&arena, heap, (size_t)1 << 24);
	if (bundle_parse(&arena, index, size, &bundle, NULL) == CAIRN_OK &&
	    bundle.tensor_count == parts + 1 && bundle.header.shard_count == parts &&
	    bundle.tensors[0].piece_count == parts && !bundle.tensors[0].incomplete)
		generation = common_generation(system, path, &bundle);
	arena_fini(&arena);
	return generation;
}

int bundle_generation(struct system *system, const char *path, uint32_t parts)
{
	static uint8_t index[INDEX_SIZE];
	char file[PATH_SIZE];
	int64_t size;
	int fd;

	snprintf(file, sizeof(file), "%s.index", path);
	fd = system_open(system, SYSTEM_CWD, file, 0);
	if (fd < 0)
		return fd == -ENOENT ? BUNDLE_ABSENT : BUNDLE_TORN;
	size = system_read_all(system, fd, index, sizeof(index), 0);
	system_close(system, fd);
	return size < 0 ? BUNDLE_TORN : parsed_generation(system, path, index, (size_t)size, parts);
}
