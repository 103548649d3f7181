/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a container: header and footer page, the map, the root of the index. Nothing else is
 * read, whatever the number of tensors.
 */
#include <inttypes.h>
#include <stdio.h>

#include "engine/read/reader.h"
#include "format/bytes.h"
#include "format/container.h"
#include "format/error.h"

/*
 * An index up to this size is not used where it is mapped: somebody could cut the file off, or
 * change what was verified. Larger ones are, so that a reader of a million tensors takes no private
 * memory for them.
 */
#define PRIVATE_INDEX_SIZE_MAX ((uint64_t)4 << 20)

/* Brings a part of the mapped index in before it is hashed. */
static enum cairn_status prepare_range(const struct cairn_reader *reader, uint64_t offset,
				       uint64_t size, struct cairn_error *error)
{
	const struct file *const file = &reader->files[0];
	const uint64_t start = reader->footer.index_offset + offset;

	if (!file_is_resident(file, start, size))
		file_read_ahead(file, start,
				size); /* else the kernel reads megabytes around a fault */
	return file_prepare(file, start, size, error);
}

static enum cairn_status prepare_block(void *context, uint64_t block, uint64_t offset,
				       uint64_t size, struct cairn_error *error)
{
	(void)block;
	return prepare_range(context, offset, size, error);
}

/* An index that is verified from front to back. */
struct walk {
	const struct cairn_reader *reader;
	uint64_t start; /* what was brought in last */
	uint64_t end;
};

/* The same, with what lies behind the block: one call for many blocks. */
static enum cairn_status prepare_ahead(void *context, uint64_t block, uint64_t offset,
				       uint64_t size, struct cairn_error *error)
{
	struct walk *const walk = context;
	const uint64_t left = walk->reader->footer.index_size - offset;

	(void)block;
	if (offset >= walk->start && offset + size <= walk->end)
		return CAIRN_OK;
	walk->start = offset;
	walk->end = offset + (left < FILE_STEP_SIZE ? left : FILE_STEP_SIZE);
	return prepare_range(walk->reader, offset, walk->end - offset, error);
}

enum cairn_status reader_verify_index(const struct cairn_reader *reader, struct index *verified,
				      struct cairn_error *error)
{
	struct walk walk = {.reader = reader};
	struct index index = reader->index;
	enum cairn_status status;

	if (index.prepare == prepare_block) {
		index.prepare = prepare_ahead;
		index.prepare_context = &walk;
	}
	status = index_verify_all_blocks(&index, error);
	index.block_states = NULL;
	*verified = index;
	return reader_error(reader, status, error);
}

void reader_release_index(struct cairn_reader *reader)
{
	file_unmap(&reader->files[0]);
}

/* Reads an index block to its place in private memory, once. */
static enum cairn_status load_block(void *context, uint64_t block, uint64_t offset, uint64_t size,
				    struct cairn_error *error)
{
	struct cairn_reader *const reader = context;
	enum cairn_status status = CAIRN_OK;

	mutex_lock(&reader->load_mutex);
	if (reader->blocks_loaded[block] == 0) {
		status = file_read(&reader->files[0], reader->footer.index_offset + offset,
				   reader->image_copy + offset, size, error);
		reader->blocks_loaded[block] = status == CAIRN_OK;
	}
	mutex_unlock(&reader->load_mutex);
	return status;
}

static enum cairn_status read_pages(struct cairn_reader *reader, const struct file *file,
				    const uint8_t *page, struct cairn_error *error)
{
	uint8_t footer_page[CONTAINER_PAGE_SIZE];
	enum cairn_status status;

	if (file->size < 4 * (uint64_t)CONTAINER_PAGE_SIZE)
		return error_set(error, CAIRN_TRUNCATED, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " bytes are less than any container has: cut off",
				 file->size);
	status = container_header_decode(page, &reader->header, error);
	if (status == CAIRN_OK)
		status = file_read(file, file->size - CONTAINER_PAGE_SIZE, footer_page,
				   CONTAINER_PAGE_SIZE, error);
	if (status == CAIRN_OK)
		status = container_footer_decode(footer_page, file->size, page, &reader->header,
						 &reader->footer, error);
	return status;
}

/* Room for the index; the pages that are never written to cost nothing. */
static enum cairn_status reserve_image(struct cairn_reader *reader, struct cairn_error *error)
{
	reader->image_copy = system_allocate_aligned(reader->system, SECTION_ALIGNMENT,
						     reader->footer.index_size);
	return reader->image_copy == NULL ? error_set_memory(error, "the index") : CAIRN_OK;
}

/* The caller's memory is used in place, if it is aligned for the records. */
static enum cairn_status use_memory(struct cairn_reader *reader, const struct file *file,
				    struct cairn_error *error)
{
	const uint8_t *image = file->base + reader->footer.index_offset;
	enum cairn_status status = CAIRN_OK;

	if ((uintptr_t)image % sizeof(uint64_t) != 0) {
		status = reserve_image(reader, error);
		if (status == CAIRN_OK)
			status = file_read(file, reader->footer.index_offset, reader->image_copy,
					   reader->footer.index_size, error);
		image = reader->image_copy;
	}
	return status == CAIRN_OK
		       ? reader_use_index(reader, image, reader->footer.index_offset, false, error)
		       : status;
}

/* Where it is mapped. */
static enum cairn_status use_map(struct cairn_reader *reader, const struct file *file,
				 struct cairn_error *error)
{
	const enum cairn_status status = reader_use_index(
		reader, file->base + reader->footer.index_offset, reader->footer.index_offset,
		false, error);

	reader->index.prepare = prepare_block;
	reader->index.prepare_context = reader;
	return status;
}

/* Block by block in private memory. */
static enum cairn_status use_private_memory(struct cairn_reader *reader, struct cairn_error *error)
{
	enum cairn_status status;

	status = reserve_image(reader, error);
	if (status == CAIRN_OK)
		status = reader_use_index(reader, reader->image_copy, reader->footer.index_offset,
					  false, error);
	if (status != CAIRN_OK)
		return status;
	reader->blocks_loaded = system_allocate_zeroed(reader->system,
						       reader->index.tree.block_count + 1);
	if (reader->blocks_loaded == NULL)
		return error_set_memory(error, "the states of the index blocks");
	reader->index.prepare = load_block;
	reader->index.prepare_context = reader;
	return CAIRN_OK;
}

static bool uses_map(const struct cairn_reader *reader)
{
	return reader->footer.index_size > PRIVATE_INDEX_SIZE_MAX ||
	       (reader->open_flags & CAIRN_OPEN_MAPPED_INDEX) != 0;
}

static enum cairn_status use_image(struct cairn_reader *reader, const struct file *file,
				   struct cairn_error *error)
{
	enum cairn_status status;

	if (file->map == NULL && file->base != NULL)
		status = use_memory(reader, file, error);
	else if (file->base != NULL && uses_map(reader) &&
		 (uintptr_t)file->base % sizeof(uint64_t) == 0)
		status = use_map(reader, file, error);
	else
		status = use_private_memory(reader, error);
	return status == CAIRN_OK ? index_verify_root(&reader->index, error) : status;
}

enum cairn_status open_container_alone(struct cairn_reader *reader, struct file *file,
				       const uint8_t *page, struct cairn_error *error)
{
	enum cairn_status status;

	reader->format = "cairn";
	reader->format_version = CONTAINER_VERSION;
	status = reader_reserve_files(reader, 1, error);
	if (status != CAIRN_OK) {
		file_close(file);
		return status;
	}
	reader->files[0] = *file;
	status = read_pages(reader, &reader->files[0], page, error);
	if (status == CAIRN_OK)
		status = file_map(&reader->files[0], reader->transport, error);
	return status == CAIRN_OK ? use_image(reader, &reader->files[0], error) : status;
}

/* One shard of several opens as what it holds, and says so. */
static enum cairn_status note_single_shard(struct cairn_reader *reader, struct cairn_error *error)
{
	static const char format[] = "one shard of %u: pass its folder to open all of it";
	const size_t size = sizeof(format) + 16;
	const char *const name = reader->files[0].name;
	unsigned count = 0;
	char *note;

	/* NOLINTNEXTLINE(cert-err34-c): five digits fit */
	if (name == NULL || sscanf(name, "shard-%*5u-of-%5u", &count) != 1 || count < 2)
		return CAIRN_OK;
	note = arena_allocate(&reader->arena, size);
	if (note == NULL)
		return error_set_memory(error, "a note");
	snprintf(note, size, format, count);
	reader->note = note;
	return CAIRN_OK;
}

enum cairn_status open_container(struct cairn_reader *reader, int directory, struct file *file,
				 const uint8_t *page, struct cairn_error *error)
{
	const enum cairn_status status = open_container_alone(reader, file, page, error);

	if (status == CAIRN_OK && reader->index.shard_count > 1)
		return open_siblings(reader, directory, error);
	return status == CAIRN_OK ? note_single_shard(reader, error) : status;
}
