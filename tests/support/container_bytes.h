/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Valid containers as bytes in memory, and digests made to fit again after somebody changed them:
 * without that a mutation is stopped by the first checksum and never reaches the parser.
 *
 * The places of the fields that are needed here stand in FORMAT.md; they are written down once more
 * on purpose, so that a slip in the library does not hide itself.
 */
#ifndef CAIRN_TESTS_CONTAINER_BYTES_H
#define CAIRN_TESTS_CONTAINER_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "format/container.h"
#include "tests/support/sample_model.h"

/* Places in the header page. */
enum {
	HEADER_AT_VERSION = 8,
	HEADER_AT_SIZE = 12,
	HEADER_AT_INCOMPAT = 16,
	HEADER_AT_COMPAT = 24,
	HEADER_AT_SAVE_ID = 32,
	HEADER_AT_RESERVED = 48
};

/* Places in the footer page. */
enum {
	FOOTER_AT_VERSION = 8,
	FOOTER_AT_SIZE = 12,
	FOOTER_AT_INCOMPAT = 16,
	FOOTER_AT_COMPAT = 24,
	FOOTER_AT_HEADER_DIGEST = 32,
	FOOTER_AT_FILE_SIZE = 48,
	FOOTER_AT_INDEX_OFFSET = 56,
	FOOTER_AT_INDEX_SIZE = 64,
	FOOTER_AT_SECTIONS_SIZE = 72,
	FOOTER_AT_ALIGNMENT = 80,
	FOOTER_AT_BLOCK_SIZE = 88,
	FOOTER_AT_ROOT_KIND = 92,
	FOOTER_AT_ROOT = 96,
	FOOTER_AT_CONTENT_ID = 128,
	FOOTER_AT_PARENT_ID = 144,
	FOOTER_AT_GENERATION = 160,
	FOOTER_AT_TENSOR_COUNT = 168,
	FOOTER_AT_METADATA_COUNT = 176,
	FOOTER_AT_SECTION_COUNT = 184,
	FOOTER_AT_RESERVED = 188,
	FOOTER_AT_SECTIONS = 192,
	FOOTER_SECTION_ENTRY_SIZE = 24,
	FOOTER_AT_TABLE_END = 960,
	FOOTER_AT_DIGEST = 4080
};

struct container_bytes {
	uint8_t *bytes; /* owned */
	size_t size;
};

/* What the library writes for a sample. */
struct container_bytes container_bytes_create(const struct sample *sample);
struct container_bytes container_bytes_copy(const struct container_bytes *container);
void container_bytes_free(struct container_bytes *container);

/* Fields of 1, 2, 4 or 8 bytes, little-endian. */
uint64_t field_load(const uint8_t *bytes, unsigned int width);
void field_store(uint8_t *bytes, unsigned int width, uint64_t value);

uint8_t *container_bytes_footer(const struct container_bytes *container);

/* The entry of a section in the footer's table, and record `number` of a section, by what the table
 * says: only for containers whose table is sound. */
uint8_t *container_bytes_section_entry(const struct container_bytes *container,
				       enum section_type type);
uint8_t *container_bytes_record(const struct container_bytes *container, enum section_type type,
				uint64_t number);
uint64_t container_bytes_record_count(const struct container_bytes *container,
				      enum section_type type);

/*
 * Makes the digests fit from the index up: tree, root, header digest, content id, the footer's own,
 * and the footer's copy. What the footer says about sizes may be nonsense: then the tree stays as
 * it is.
 */
void container_bytes_seal(const struct container_bytes *container);

/* Only the last steps: content id and the footer's own digest, and its copy. */
void container_bytes_seal_footer(const struct container_bytes *container);

/* Also the digests of chunks and tensors, before: for changed data. Only for a sound index. */
void container_bytes_seal_data(const struct container_bytes *container);

/* Opens the bytes with the reader of `system`, walks through them (sample_walk) and, if wanted,
 * verifies. The first failure. */
enum cairn_status container_bytes_use(struct system *system,
				      const struct container_bytes *container, bool verify,
				      const struct cairn_reader_options *options,
				      struct cairn_error *error);

#endif
