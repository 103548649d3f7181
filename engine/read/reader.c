/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers: creation and destruction, what openers share, facts.
 *
 * A reader is complete when the opener returns and never changes afterwards but for what was
 * verified, the count of materialised bytes and the count of references. The last reference frees
 * everything.
 */
#include "engine/read/reader.h"

#include <inttypes.h>

#include "format/bytes.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/index_check.h"
#include "format/shape.h"

/* A foreign header of N bytes may take this many in the arena, and a constant besides. */
#define ARENA_SIZE_MAX ((size_t)16 << 30)

static const uint64_t materialised_bytes_min = (uint64_t)1 << 30;

static void *allocate(void *context, size_t size)
{
	return system_allocate(context, size);
}

static void release(void *context, void *memory)
{
	system_free(context, memory);
}

struct arena_source reader_arena_source(struct system *system)
{
	return (struct arena_source){.allocate = allocate, .free = release, .context = system};
}

struct cairn_reader *reader_create(struct system *system,
				   const struct cairn_reader_options *options)
{
	static const struct cairn_reader_options defaults = {0};
	struct cairn_reader *const reader = system_allocate_zeroed(system, sizeof(*reader));

	if (reader == NULL)
		return NULL;
	if (options == NULL)
		options = &defaults;
	reader->system = system;
	reader->verification = options->verification;
	reader->transport = options->transport;
	reader->open_flags = options->flags;
	reader->materialised_max = options->materialised_bytes_max;
	atomic_init(&reader->references, 1);
	mutex_init(&reader->load_mutex);
	arena_init(&reader->arena, reader_arena_source(system), ARENA_SIZE_MAX);
	return reader;
}

static void reader_destroy(struct cairn_reader *reader)
{
	struct system *const system = reader->system;

	for (uint32_t i = 0; reader->parent == NULL && i < reader->file_count; i++)
		file_close(&reader->files[i]);
	file_close(&reader->table);
	chunk_states_fini(&reader->chunk_states);
	chunk_states_fini(&reader->slice_states);
	if (reader->parent == NULL)
		system_free(system, reader->shard_states);
	cairn_reader_close(reader->parent);
	system_free(system, reader->block_states);
	system_free(system, reader->image_copy);
	system_free(system, reader->blocks_loaded);
	mutex_fini(&reader->load_mutex);
	arena_fini(&reader->arena);
	system_free(system, reader);
}

struct cairn_reader *cairn_reader_retain(struct cairn_reader *reader)
{
	atomic_fetch_add_explicit(&reader->references, 1, memory_order_relaxed);
	return reader;
}

void cairn_reader_close(struct cairn_reader *reader)
{
	if (reader != NULL &&
	    atomic_fetch_sub_explicit(&reader->references, 1, memory_order_acq_rel) == 1)
		reader_destroy(reader);
}

/* ---------------------------------------------------------------------------------- for openers */

enum cairn_status reader_reserve_files(struct cairn_reader *reader, uint32_t count,
				       struct cairn_error *error)
{
	/* one more: a first file is there to ask also when a foreign checkpoint has none */
	struct file *const files = arena_allocate_array(&reader->arena, (uint64_t)count + 1,
							sizeof(*files));

	if (files == NULL)
		return error_set_memory(error, "the table of files");
	for (uint32_t i = 0; i <= count; i++)
		files[i].fd = -1;
	files[count].name = reader->index_file;
	reader->files = files;
	reader->file_count = count;
	return CAIRN_OK;
}

/* Of the descriptors that a process may have, a reader of many files keeps this part; the other
 * files are only mapped. */
enum {
	DESCRIPTOR_SHARE = 4
};

enum cairn_status reader_map_file(struct cairn_reader *reader, uint32_t number,
				  struct cairn_error *error)
{
	struct file *const file = &reader->files[number];
	const enum cairn_status status = file_map(file, reader->transport, error);

	if (status == CAIRN_OK &&
	    number >= system_descriptors_max(reader->system) / DESCRIPTOR_SHARE)
		file_drop_descriptor(file);
	return status;
}

void reader_spare_descriptors(struct cairn_reader *reader, uint32_t number)
{
	if (number < system_descriptors_max(reader->system) / DESCRIPTOR_SHARE)
		return;
	for (uint32_t i = 0; i < reader->file_count; i++)
		file_drop_descriptor(&reader->files[i]);
}

static uint64_t file_bytes(const struct cairn_reader *reader)
{
	uint64_t total = reader->index_file_size;

	for (uint32_t i = reader->first_file; i < reader->file_count; i++)
		total += reader->files[i].size;
	return total;
}

/* What every reader needs once its index and its files are there. */
static enum cairn_status complete(struct cairn_reader *reader, struct cairn_error *error)
{
	const uint64_t slices = reader->index.foreign ? reader->index.slice_count : 0;

	if (chunk_states_init(&reader->chunk_states, reader->system, reader->index.chunk_count) <
		    0 ||
	    chunk_states_init(&reader->slice_states, reader->system, slices) < 0)
		return error_set_memory(error, "the states of the chunks");
	if (reader->materialised_max == 0) {
		const uint64_t bytes = file_bytes(reader);
		uint64_t four_times = UINT64_MAX;

		checked_multiply(bytes, 4, &four_times);
		reader->materialised_max = four_times > materialised_bytes_min
						   ? four_times
						   : materialised_bytes_min;
	}
	return CAIRN_OK;
}

enum cairn_status reader_use_index(struct cairn_reader *reader, const uint8_t *image,
				   uint64_t file_offset, bool trusted, struct cairn_error *error)
{
	enum cairn_status status;

	status = index_init(&reader->index, &reader->footer, image, error);
	if (status != CAIRN_OK)
		return status;
	reader->index.file_offset = file_offset;
	if (!trusted) {
		reader->block_states = system_allocate_zeroed(reader->system,
							      reader->index.tree.block_count + 1);
		if (reader->block_states == NULL)
			return error_set_memory(error, "the states of the index blocks");
		reader->index.block_states = reader->block_states;
	}
	return complete(reader, error);
}

enum cairn_status reader_use_built_index(struct cairn_reader *reader, struct build_input *input,
					 const uint8_t *literals, uint64_t literals_size,
					 struct cairn_error *error)
{
	struct built_index built;
	enum cairn_status status;

	input->foreign = true;
	status = index_build(&reader->arena, input, true, &built, error);
	if (status != CAIRN_OK)
		return status == CAIRN_EXISTS
			       ? error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
					   "a tensor or metadata key is there twice")
			       : status;
	file_from_memory(reader->system, literals, literals_size, &reader->files[0]);
	reader->first_file = 1;
	reader->footer = built.footer;
	return reader_use_index(reader, built.image, 0, true, error);
}

enum cairn_status reader_error(const struct cairn_reader *reader, enum cairn_status status,
			       struct cairn_error *error)
{
	return status == CAIRN_OK ? status : error_prefix(error, status, reader->name);
}

enum cairn_status reader_check_index(const struct cairn_reader *reader, struct cairn_error *error)
{
	const uint64_t data_end = reader->first_file == 0
					  ? container_footer_copy_offset(&reader->footer)
					  : reader->files[0].size;
	struct arena arena;
	enum cairn_status status;

	arena_init(&arena, reader_arena_source(reader->system), ARENA_SIZE_MAX);
	status = index_check(&reader->index, data_end, &arena, error);
	arena_fini(&arena);
	return status;
}

/* ---------------------------------------------------------------------------------------- facts */

/* That of the first stored slice: writers use one for all. */
static uint64_t chunk_size_of(const struct cairn_reader *reader)
{
	struct slice_record slice;

	if (reader->index.chunk_count == 0 ||
	    index_slice(&reader->index, 0, &slice, NULL) != CAIRN_OK)
		return 0;
	return slice.chunk_size;
}

bool reader_has_digests(const struct cairn_reader *reader)
{
	return reader->index.chunk_count != 0 || reader->has_foreign_checks ||
	       (reader->first_file == 0 && reader->index.extent_count == 0);
}

void cairn_reader_info(const struct cairn_reader *reader, struct cairn_reader_info *info)
{
	const size_t size = info->size == 0 ? sizeof(*info) : info->size;
	struct cairn_reader_info facts;
	uint64_t mapped = 0;

	for (uint32_t i = 0; i < reader->file_count; i++)
		mapped += reader->files[i].map_size;
	facts = (struct cairn_reader_info){
		.size = size,
		.format = reader->format,
		.format_version = reader->format_version,
		.has_digests = reader_has_digests(reader),
		.tensor_count = reader->index.tensor_count,
		.metadata_count = reader->index.metadata_count,
		.file_bytes = file_bytes(reader),
		.alignment = reader->footer.alignment,
		.chunk_size = chunk_size_of(reader),
		.content_id = reader->footer.content_id,
		.parent_id = reader->footer.parent_id,
		.generation = reader->footer.generation,
		.materialised_bytes = atomic_load_explicit(&reader->materialised,
							   memory_order_relaxed),
		.mapped_bytes = mapped,
		.note = reader->note,
	};
	memcpy(facts.save_id, reader->header.save_id, sizeof(facts.save_id));
	memcpy(info, &facts, size < sizeof(facts) ? size : sizeof(facts));
}

uint32_t cairn_reader_shard_count(const struct cairn_reader *reader)
{
	return reader->file_count - reader->first_file;
}

enum cairn_status cairn_reader_shard(const struct cairn_reader *reader, uint32_t index,
				     struct cairn_shard *shard, struct cairn_error *error)
{
	const uint32_t count = cairn_reader_shard_count(reader);

	if (index >= count)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "shard %" PRIu32 " of a checkpoint of %" PRIu32, index, count);
	*shard = (struct cairn_shard){
		.name = cairn_string_from(reader->files[reader->first_file + index].name),
		.size = reader->files[reader->first_file + index].size,
	};
	return CAIRN_OK;
}

/* ------------------------------------------------------------------------------------- mappings */

uint32_t cairn_reader_mappings(const struct cairn_reader *reader, struct cairn_mapping *mappings,
			       uint32_t capacity)
{
	uint32_t count = 0;

	for (uint32_t i = reader->first_file; i < reader->file_count; i++) {
		const struct file *const file = &reader->files[i];

		if (file->map == NULL)
			continue;
		if (count < capacity)
			mappings[count] = (struct cairn_mapping){
				.address = file->map,
				.size = file->map_size,
				.offset = file->start - (uint64_t)(file->base - file->map),
				.fd = file->fd,
				.name = cairn_string_from(file->name),
			};
		count++;
	}
	return count;
}
