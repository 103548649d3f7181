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

/* Index blocks are brought in before they are hashed. */
static enum cairn_status prepare_block(void *context, uint64_t offset, uint64_t size,
				       struct cairn_error *error)
{
	const struct cairn_reader *const reader = context;
	const struct file *const file = &reader->files[0];
	const uint64_t start = reader->footer.index_offset + offset;

	if (!file_is_resident(file, start, size))
		file_read_ahead(file, start,
				size); /* else the kernel reads megabytes around a fault */
	return file_prepare(file, start, size, error);
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

/* Without a map (network file systems, copy mode), or when the caller's memory is not aligned for
 * the records: the index is copied. */
static enum cairn_status copy_image(struct cairn_reader *reader, const struct file *file,
				    struct cairn_error *error)
{
	reader->image_copy = system_allocate_aligned(reader->system, SECTION_ALIGNMENT,
						     reader->footer.index_size);
	if (reader->image_copy == NULL)
		return error_set_memory(error, "the index");
	return file_read(file, reader->footer.index_offset, reader->image_copy,
			 reader->footer.index_size, error);
}

static enum cairn_status use_image(struct cairn_reader *reader, const struct file *file,
				   struct cairn_error *error)
{
	const uint8_t *image = NULL;
	enum cairn_status status = CAIRN_OK;

	if (file->base != NULL && reader->transport != CAIRN_TRANSPORT_COPY)
		image = file->base +
			reader->footer.index_offset; /* within the file: the footer was checked */
	if (image == NULL || (uintptr_t)image % sizeof(uint64_t) != 0) {
		status = copy_image(reader, file, error);
		image = reader->image_copy;
	}
	if (status == CAIRN_OK)
		status = reader_use_index(reader, image, reader->footer.index_offset, false, error);
	if (status != CAIRN_OK)
		return status;
	if (reader->image_copy == NULL) {
		reader->index.prepare = prepare_block;
		reader->index.prepare_context = reader;
	}
	return index_verify_root(&reader->index, error);
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
