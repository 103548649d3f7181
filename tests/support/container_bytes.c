/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers come from the library's writer on the in-memory system. Sealing goes from the inside
 * out and reads what the bytes themselves say about where things lie.
 */
#include "tests/support/container_bytes.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/index.h"

enum {
	TENSOR_AT_DIGEST = 64,
	ROOT_FIELD_SIZE = 32
};

/* ------------------------------------------------------------------------------------- creation */

static struct container_bytes allocate(size_t size)
{
	struct container_bytes container = {.bytes = malloc(size == 0 ? 1 : size), .size = size};

	if (container.bytes == NULL)
		abort();
	return container;
}

struct container_bytes container_bytes_create(const struct sample *sample)
{
	struct memory_system *const memory = memory_system_create();
	struct container_bytes container;
	struct cairn_error error = {0};
	int64_t size;

	ck_assert_msg(sample_write(memory_system_get(memory), "model.cairn", sample, 0, &error) ==
			      CAIRN_OK,
		      "%s", error.message);
	size = memory_system_content(memory, "model.cairn", NULL, 0);
	ck_assert_int_gt(size, 0);
	container = allocate((size_t)size);
	memory_system_content(memory, "model.cairn", container.bytes, container.size);
	memory_system_destroy(memory);
	return container;
}

struct container_bytes container_bytes_copy(const struct container_bytes *container)
{
	const struct container_bytes copy = allocate(container->size);

	memcpy(copy.bytes, container->bytes, container->size);
	return copy;
}

void container_bytes_free(struct container_bytes *container)
{
	free(container->bytes);
	*container = (struct container_bytes){0};
}

/* --------------------------------------------------------------------------------------- places */

uint64_t field_load(const uint8_t *bytes, unsigned int width)
{
	uint64_t value = 0;

	memcpy(&value, bytes, width);
	return value;
}

void field_store(uint8_t *bytes, unsigned int width, uint64_t value)
{
	memcpy(bytes, &value, width);
}

uint8_t *container_bytes_footer(const struct container_bytes *container)
{
	return container->bytes + container->size - CONTAINER_PAGE_SIZE;
}

uint8_t *container_bytes_section_entry(const struct container_bytes *container,
				       enum section_type type)
{
	uint8_t *entry = container_bytes_footer(container) + FOOTER_AT_SECTIONS;

	while (load_u32(entry) != (uint32_t)type)
		entry += FOOTER_SECTION_ENTRY_SIZE;
	return entry;
}

uint8_t *container_bytes_record(const struct container_bytes *container, enum section_type type,
				uint64_t number)
{
	const uint8_t *const entry = container_bytes_section_entry(container, type);
	const uint64_t index_offset = load_u64(container_bytes_footer(container) +
					       FOOTER_AT_INDEX_OFFSET);

	return container->bytes + index_offset + load_u64(entry + 8) + number * load_u32(entry + 4);
}

uint64_t container_bytes_record_count(const struct container_bytes *container,
				      enum section_type type)
{
	const uint8_t *const entry = container_bytes_section_entry(container, type);

	return load_u64(entry + 16) / load_u32(entry + 4);
}

/* -------------------------------------------------------------------------------------- sealing */

static void put_digest(uint8_t *to, const void *bytes, size_t size)
{
	const struct cairn_digest digest = digest_bytes(bytes, size);

	memcpy(to, digest.bytes, DIGEST_SIZE);
}

void container_bytes_seal_footer(const struct container_bytes *container)
{
	enum {
		TABLE_SIZE = FOOTER_AT_TABLE_END - FOOTER_AT_TENSOR_COUNT
	};
	uint8_t *const footer = container_bytes_footer(container);
	const uint64_t index_offset = load_u64(footer + FOOTER_AT_INDEX_OFFSET);
	uint8_t identity[ROOT_FIELD_SIZE + DIGEST_SIZE + TABLE_SIZE];

	memcpy(identity, footer + FOOTER_AT_ROOT, ROOT_FIELD_SIZE);
	memcpy(identity + ROOT_FIELD_SIZE, footer + FOOTER_AT_HEADER_DIGEST, DIGEST_SIZE);
	memcpy(identity + ROOT_FIELD_SIZE + DIGEST_SIZE, footer + FOOTER_AT_TENSOR_COUNT,
	       TABLE_SIZE);
	put_digest(footer + FOOTER_AT_CONTENT_ID, identity, sizeof(identity));
	put_digest(footer + FOOTER_AT_DIGEST, footer, FOOTER_AT_DIGEST);
	if (index_offset >= 2 * CONTAINER_PAGE_SIZE &&
	    range_within(index_offset, CONTAINER_PAGE_SIZE, container->size))
		memcpy(container->bytes + index_offset - CONTAINER_PAGE_SIZE, footer,
		       CONTAINER_PAGE_SIZE);
}

void container_bytes_seal(const struct container_bytes *container)
{
	uint8_t *const footer = container_bytes_footer(container);
	const uint64_t index_offset = load_u64(footer + FOOTER_AT_INDEX_OFFSET);
	const uint64_t sections_size = load_u64(footer + FOOTER_AT_SECTIONS_SIZE);
	struct index_tree tree;

	if (sections_size != 0 && index_tree_layout(sections_size, &tree) &&
	    range_within(index_offset, tree.image_size, container->size)) {
		const struct cairn_digest root = index_tree_build(&tree, sections_size,
								  container->bytes + index_offset);

		memcpy(footer + FOOTER_AT_ROOT, root.bytes, DIGEST_SIZE);
	}
	put_digest(footer + FOOTER_AT_HEADER_DIGEST, container->bytes, CONTAINER_PAGE_SIZE);
	container_bytes_seal_footer(container);
}

/* ----------------------------------------------------------------------------- sealing the data */

/* The digests of the chunks of a slice of one extent or none. */
static void seal_slice(const struct container_bytes *container, uint64_t number)
{
	struct slice_record slice;
	struct extent_record extent;

	ck_assert_int_eq(
		slice_record_decode(container_bytes_record(container, SECTION_SLICES, number),
				    &slice, NULL),
		CAIRN_OK);
	if (slice.extent_count == 0)
		return;
	ck_assert_uint_eq(slice.extent_count, 1);
	ck_assert_int_eq(extent_record_decode(container_bytes_record(container, SECTION_EXTENTS,
								     slice.extent_index),
					      &extent, NULL),
			 CAIRN_OK);
	for (uint64_t done = 0; done < slice.size; done += slice.chunk_size) {
		const uint64_t left = slice.size - done;

		put_digest(container_bytes_record(container, SECTION_CHUNK_DIGESTS,
						  slice.chunk_index + done / slice.chunk_size),
			   container->bytes + extent.offset + done,
			   left < slice.chunk_size ? left : slice.chunk_size);
	}
}

static uint64_t chunks_of(const struct container_bytes *container, uint64_t first, uint64_t count)
{
	uint64_t chunks = 0;

	for (uint64_t i = first; i < first + count; i++) {
		struct slice_record slice;

		ck_assert_int_eq(
			slice_record_decode(container_bytes_record(container, SECTION_SLICES, i),
					    &slice, NULL),
			CAIRN_OK);
		chunks += divide_up(slice.size, slice.chunk_size);
	}
	return chunks;
}

/* Slices and chunks are consumed in the order of the tensors. */
void container_bytes_seal_data(const struct container_bytes *container)
{
	const uint64_t tensors = container_bytes_record_count(container, SECTION_TENSORS);
	const uint64_t slices = container_bytes_record_count(container, SECTION_SLICES);
	uint64_t chunk = 0;

	for (uint64_t i = 0; i < slices; i++)
		seal_slice(container, i);
	for (uint64_t i = 0; i < tensors; i++) {
		uint8_t *const record = container_bytes_record(container, SECTION_TENSORS, i);
		struct tensor_record tensor;
		struct cairn_digest digest;
		uint64_t first = chunk;

		ck_assert_int_eq(tensor_record_decode(record, &tensor, NULL), CAIRN_OK);
		if ((tensor.flags & TENSOR_ALIAS) != 0) {
			memcpy(record + TENSOR_AT_DIGEST,
			       container_bytes_record(container, SECTION_TENSORS, tensor.alias_of) +
				       TENSOR_AT_DIGEST,
			       DIGEST_SIZE);
			continue;
		}
		chunk += chunks_of(container, tensor.slice_index, tensor.slice_count);
		digest = digest_of_chunks(
			container_bytes_record(container, SECTION_CHUNK_DIGESTS, first),
			chunk - first);
		memcpy(record + TENSOR_AT_DIGEST, digest.bytes, DIGEST_SIZE);
	}
	container_bytes_seal(container);
}

/* ---------------------------------------------------------------------------------------- using */

enum cairn_status container_bytes_use(struct system *system,
				      const struct container_bytes *container, bool verify,
				      const struct cairn_reader_options *options,
				      struct cairn_error *error)
{
	struct cairn_reader *reader = NULL;
	enum cairn_status status;

	status = reader_open_bytes(system, container->bytes, container->size, options, &reader,
				   error);
	if (status == CAIRN_OK)
		status = sample_walk(reader, error);
	if (status == CAIRN_OK && verify)
		status = sample_verify(reader, error);
	cairn_reader_close(reader);
	return status;
}
