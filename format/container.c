/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Header and footer page.
 *
 * Both pages come from a file and are hostile. The footer's own digest is checked before any of its
 * fields; the header has none of its own, since the footer holds its digest and a header is never
 * believed without its footer. After decoding, every offset and size in a struct container_footer
 * lies within the file and fits together with the others.
 */
#include "format/container.h"

#include <inttypes.h>

#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"

/* The high bit and both line ends show a transfer that was not binary. */
static const uint8_t header_magic[CONTAINER_MAGIC_SIZE] = {0x89, 'C', 'A',  'I',
							   'R',  'N', '\r', '\n'};
static const uint8_t footer_magic[CONTAINER_MAGIC_SIZE] = {0x89, 'C', 'A', 'I',
							   'R',  'N', 'F', '\n'};

enum {
	HEADER_MAGIC = 0,
	HEADER_VERSION = 8,
	HEADER_SIZE = 12,
	HEADER_INCOMPAT = 16,
	HEADER_COMPAT = 24,
	HEADER_SAVE_ID = 32,
	HEADER_RESERVED = 48
};

enum {
	FOOTER_MAGIC = 0,
	FOOTER_VERSION = 8,
	FOOTER_SIZE = 12,
	FOOTER_INCOMPAT = 16,
	FOOTER_COMPAT = 24,
	FOOTER_HEADER_DIGEST = 32,
	FOOTER_FILE_SIZE = 48,
	FOOTER_INDEX_OFFSET = 56,
	FOOTER_INDEX_SIZE = 64,
	FOOTER_SECTIONS_SIZE = 72,
	FOOTER_ALIGNMENT = 80,
	FOOTER_BLOCK_SIZE = 88,
	FOOTER_ROOT_KIND = 92,
	FOOTER_ROOT = 96, /* 32 bytes; XXH3-128 uses the first 16 */
	FOOTER_CONTENT_ID = 128,
	FOOTER_PARENT_ID = 144,
	FOOTER_GENERATION = 160,
	FOOTER_TENSOR_COUNT = 168,
	FOOTER_METADATA_COUNT = 176,
	FOOTER_SECTION_COUNT = 184,
	FOOTER_RESERVED = 188,
	FOOTER_SECTIONS = 192,
	FOOTER_TABLE_END = FOOTER_SECTIONS + 24 * SECTION_TABLE_MAX,
	FOOTER_DIGEST = CONTAINER_PAGE_SIZE - DIGEST_SIZE,

	ROOT_FIELD_SIZE = 32,
	ROOT_KIND_XXH3_128 = 1,

	SECTION_TYPE = 0,
	SECTION_RECORD_SIZE = 4,
	SECTION_OFFSET = 8,
	SECTION_SIZE = 16,
	SECTION_ENTRY_SIZE = 24
};

bool container_has_header_magic(const uint8_t *bytes)
{
	return memcmp(bytes, header_magic, CONTAINER_MAGIC_SIZE) == 0;
}

bool container_has_footer_magic(const uint8_t *bytes)
{
	return memcmp(bytes, footer_magic, CONTAINER_MAGIC_SIZE) == 0;
}

/* --------------------------------------------------------------------------------------- header */

void container_header_encode(const struct container_header *header,
			     uint8_t page[CONTAINER_PAGE_SIZE])
{
	memset(page, 0, CONTAINER_PAGE_SIZE);
	memcpy(page + HEADER_MAGIC, header_magic, CONTAINER_MAGIC_SIZE);
	store_u32(page + HEADER_VERSION, header->version);
	store_u32(page + HEADER_SIZE, CONTAINER_PAGE_SIZE);
	store_u64(page + HEADER_INCOMPAT, header->incompat_flags);
	store_u64(page + HEADER_COMPAT, header->compat_flags);
	memcpy(page + HEADER_SAVE_ID, header->save_id, sizeof(header->save_id));
}

/* Version and flags mean the same in both pages. */
static enum cairn_status check_version(const char *page, uint32_t version, uint64_t incompat,
				       struct cairn_error *error)
{
	if (version != CONTAINER_VERSION)
		return error_set(error, CAIRN_UNSUPPORTED, HEADER_VERSION,
				 "%s has format version %" PRIu32 ", this reader knows version %u",
				 page, version, CONTAINER_VERSION);
	if ((incompat & ~CONTAINER_INCOMPAT_KNOWN) != 0)
		return error_set(error, CAIRN_UNSUPPORTED, HEADER_INCOMPAT,
				 "%s needs features 0x%" PRIx64 " that this reader does not know",
				 page, incompat & ~CONTAINER_INCOMPAT_KNOWN);
	return CAIRN_OK;
}

enum cairn_status container_header_decode(const uint8_t page[CONTAINER_PAGE_SIZE],
					  struct container_header *header,
					  struct cairn_error *error)
{
	struct container_header decoded = {
		.version = load_u32(page + HEADER_VERSION),
		.incompat_flags = load_u64(page + HEADER_INCOMPAT),
		.compat_flags = load_u64(page + HEADER_COMPAT),
	};
	enum cairn_status status;

	memcpy(decoded.save_id, page + HEADER_SAVE_ID, sizeof(decoded.save_id));
	if (!container_has_header_magic(page))
		return error_set(error, CAIRN_NOT_A_CHECKPOINT, 0,
				 "not a Cairn container: other bytes at its start");
	status = check_version("the header", decoded.version, decoded.incompat_flags, error);
	if (status != CAIRN_OK)
		return status;
	if (load_u32(page + HEADER_SIZE) != CONTAINER_PAGE_SIZE)
		return error_set(error, CAIRN_CORRUPT, HEADER_SIZE,
				 "header size %" PRIu32 " instead of %u",
				 load_u32(page + HEADER_SIZE), CONTAINER_PAGE_SIZE);
	if (!all_zero(page + HEADER_RESERVED, CONTAINER_PAGE_SIZE - HEADER_RESERVED))
		return error_set(error, CAIRN_CORRUPT, HEADER_RESERVED,
				 "reserved bytes of the header are not zero");
	*header = decoded;
	return CAIRN_OK;
}

/* --------------------------------------------------------------------------------------- footer */

static void encode_sections(const struct container_footer *footer, uint8_t *page)
{
	store_u64(page + FOOTER_TENSOR_COUNT, footer->tensor_count);
	store_u64(page + FOOTER_METADATA_COUNT, footer->metadata_count);
	store_u32(page + FOOTER_SECTION_COUNT, footer->section_count);
	for (uint32_t i = 0; i < footer->section_count; i++) {
		uint8_t *const entry = page + FOOTER_SECTIONS + (size_t)SECTION_ENTRY_SIZE * i;

		store_u32(entry + SECTION_TYPE, footer->sections[i].type);
		store_u32(entry + SECTION_RECORD_SIZE, footer->sections[i].record_size);
		store_u64(entry + SECTION_OFFSET, footer->sections[i].offset);
		store_u64(entry + SECTION_SIZE, footer->sections[i].size);
	}
}

struct cairn_digest container_content_id(const struct container_footer *footer)
{
	enum {
		TABLE_SIZE = FOOTER_TABLE_END - FOOTER_TENSOR_COUNT
	};
	uint8_t page[CONTAINER_PAGE_SIZE] = {0};
	uint8_t bytes[ROOT_FIELD_SIZE + DIGEST_SIZE + TABLE_SIZE] = {0};

	encode_sections(footer, page);
	memcpy(bytes, footer->root.bytes, DIGEST_SIZE);
	memcpy(bytes + ROOT_FIELD_SIZE, footer->header_digest.bytes, DIGEST_SIZE);
	memcpy(bytes + ROOT_FIELD_SIZE + DIGEST_SIZE, page + FOOTER_TENSOR_COUNT, TABLE_SIZE);
	return digest_bytes(bytes, sizeof(bytes));
}

void container_footer_seal(struct container_footer *footer,
			   const uint8_t header_page[CONTAINER_PAGE_SIZE], uint64_t index_offset,
			   uint64_t file_size)
{
	footer->version = CONTAINER_VERSION;
	footer->header_digest = digest_bytes(header_page, CONTAINER_PAGE_SIZE);
	footer->index_offset = index_offset;
	footer->file_size = file_size;
	footer->content_id = container_content_id(footer);
}

void container_footer_encode(const struct container_footer *footer,
			     uint8_t page[CONTAINER_PAGE_SIZE])
{
	struct cairn_digest digest;

	memset(page, 0, CONTAINER_PAGE_SIZE);
	memcpy(page + FOOTER_MAGIC, footer_magic, CONTAINER_MAGIC_SIZE);
	store_u32(page + FOOTER_VERSION, footer->version);
	store_u32(page + FOOTER_SIZE, CONTAINER_PAGE_SIZE);
	store_u64(page + FOOTER_INCOMPAT, footer->incompat_flags);
	store_u64(page + FOOTER_COMPAT, footer->compat_flags);
	memcpy(page + FOOTER_HEADER_DIGEST, footer->header_digest.bytes, DIGEST_SIZE);
	store_u64(page + FOOTER_FILE_SIZE, footer->file_size);
	store_u64(page + FOOTER_INDEX_OFFSET, footer->index_offset);
	store_u64(page + FOOTER_INDEX_SIZE, footer->index_size);
	store_u64(page + FOOTER_SECTIONS_SIZE, footer->sections_size);
	store_u64(page + FOOTER_ALIGNMENT, footer->alignment);
	store_u32(page + FOOTER_BLOCK_SIZE, INDEX_BLOCK_SIZE);
	store_u32(page + FOOTER_ROOT_KIND, ROOT_KIND_XXH3_128);
	memcpy(page + FOOTER_ROOT, footer->root.bytes, DIGEST_SIZE);
	memcpy(page + FOOTER_CONTENT_ID, footer->content_id.bytes, DIGEST_SIZE);
	memcpy(page + FOOTER_PARENT_ID, footer->parent_id.bytes, DIGEST_SIZE);
	store_u64(page + FOOTER_GENERATION, footer->generation);
	encode_sections(footer, page);
	digest = digest_bytes(page, FOOTER_DIGEST);
	memcpy(page + FOOTER_DIGEST, digest.bytes, DIGEST_SIZE);
}

static void decode_fields(const uint8_t *page, struct container_footer *footer)
{
	footer->version = load_u32(page + FOOTER_VERSION);
	footer->incompat_flags = load_u64(page + FOOTER_INCOMPAT);
	footer->compat_flags = load_u64(page + FOOTER_COMPAT);
	memcpy(footer->header_digest.bytes, page + FOOTER_HEADER_DIGEST, DIGEST_SIZE);
	footer->file_size = load_u64(page + FOOTER_FILE_SIZE);
	footer->index_offset = load_u64(page + FOOTER_INDEX_OFFSET);
	footer->index_size = load_u64(page + FOOTER_INDEX_SIZE);
	footer->sections_size = load_u64(page + FOOTER_SECTIONS_SIZE);
	footer->alignment = load_u64(page + FOOTER_ALIGNMENT);
	memcpy(footer->root.bytes, page + FOOTER_ROOT, DIGEST_SIZE);
	memcpy(footer->content_id.bytes, page + FOOTER_CONTENT_ID, DIGEST_SIZE);
	memcpy(footer->parent_id.bytes, page + FOOTER_PARENT_ID, DIGEST_SIZE);
	footer->generation = load_u64(page + FOOTER_GENERATION);
	footer->tensor_count = load_u64(page + FOOTER_TENSOR_COUNT);
	footer->metadata_count = load_u64(page + FOOTER_METADATA_COUNT);
	footer->section_count = load_u32(page + FOOTER_SECTION_COUNT);
}

static enum cairn_status bad_field(struct cairn_error *error, uint64_t offset, const char *field,
				   uint64_t value)
{
	return error_set(error, CAIRN_CORRUPT, offset,
			 "the footer's %s is %" PRIu64 ", which cannot be", field, value);
}

static enum cairn_status check_own_digest(const uint8_t *page, uint64_t page_offset,
					  struct cairn_error *error)
{
	const struct cairn_digest found = digest_bytes(page, FOOTER_DIGEST);
	struct cairn_digest expected;
	char expected_text[DIGEST_TEXT_SIZE];
	char found_text[DIGEST_TEXT_SIZE];

	memcpy(expected.bytes, page + FOOTER_DIGEST, DIGEST_SIZE);
	if (digest_equal(&expected, &found))
		return CAIRN_OK;
	digest_text(&expected, expected_text);
	digest_text(&found, found_text);
	return error_set(error, CAIRN_CHECKSUM, page_offset,
			 "the footer page has digest %s instead of %s", found_text, expected_text);
}

static enum cairn_status check_header_digest(const struct container_footer *footer,
					     const uint8_t *header_page, struct cairn_error *error)
{
	const struct cairn_digest found = digest_bytes(header_page, CONTAINER_PAGE_SIZE);
	char expected_text[DIGEST_TEXT_SIZE];
	char found_text[DIGEST_TEXT_SIZE];

	if (digest_equal(&footer->header_digest, &found))
		return CAIRN_OK;
	digest_text(&footer->header_digest, expected_text);
	digest_text(&found, found_text);
	return error_set(error, CAIRN_CHECKSUM, 0,
			 "the header page has digest %s, the footer says %s", found_text,
			 expected_text);
}

/* Sections follow each other at the next multiple of SECTION_ALIGNMENT, types ascending, and end at
 * sections_size. */
static enum cairn_status decode_sections(const uint8_t *page, struct container_footer *footer,
					 struct cairn_error *error)
{
	uint64_t end = 0;
	uint32_t previous_type = 0;

	if (footer->section_count > SECTION_TABLE_MAX)
		return bad_field(error, FOOTER_SECTION_COUNT, "section count",
				 footer->section_count);
	for (uint32_t i = 0; i < footer->section_count; i++) {
		const uint8_t *const entry = page + FOOTER_SECTIONS +
					     (size_t)SECTION_ENTRY_SIZE * i;
		const struct container_section section = {
			.type = load_u32(entry + SECTION_TYPE),
			.record_size = load_u32(entry + SECTION_RECORD_SIZE),
			.offset = load_u64(entry + SECTION_OFFSET),
			.size = load_u64(entry + SECTION_SIZE),
		};

		if (section.type <= previous_type)
			return bad_field(error, FOOTER_SECTIONS, "section type", section.type);
		if (!checked_align_up(end, SECTION_ALIGNMENT, &end) || section.offset != end)
			return bad_field(error, FOOTER_SECTIONS, "section offset", section.offset);
		if (!range_within(section.offset, section.size, footer->sections_size))
			return bad_field(error, FOOTER_SECTIONS, "section size", section.size);
		end = section.offset + section.size;
		previous_type = section.type;
		footer->sections[i] = section;
	}
	if (end != footer->sections_size)
		return bad_field(error, FOOTER_SECTIONS_SIZE, "size of all sections",
				 footer->sections_size);
	for (uint32_t type = SECTION_TENSORS; type <= SECTION_KNOWN_COUNT; type++) {
		if (container_footer_section(footer, type) == NULL)
			return bad_field(error, FOOTER_SECTIONS, "missing section type", type);
	}
	return CAIRN_OK;
}

/* The places of index and footer in a file of that size. */
static enum cairn_status check_layout(const struct container_footer *footer,
				      struct cairn_error *error)
{
	uint64_t end;

	if (footer->file_size >= CONTAINER_SIZE_MAX)
		return bad_field(error, FOOTER_FILE_SIZE, "file size", footer->file_size);
	if (footer->index_offset % INDEX_BLOCK_SIZE != 0 ||
	    footer->index_offset < (uint64_t)2 * CONTAINER_PAGE_SIZE)
		return bad_field(error, FOOTER_INDEX_OFFSET, "index offset", footer->index_offset);
	if (footer->sections_size > footer->index_size)
		return bad_field(error, FOOTER_SECTIONS_SIZE, "size of all sections",
				 footer->sections_size);
	if (!checked_add(footer->index_offset, footer->index_size, &end) ||
	    !checked_align_up(end, CONTAINER_PAGE_SIZE, &end) ||
	    !checked_add(end, CONTAINER_PAGE_SIZE, &end) || end != footer->file_size)
		return bad_field(error, FOOTER_INDEX_SIZE, "index size", footer->index_size);
	if (!is_power_of_two(footer->alignment) || footer->alignment < CONTAINER_ALIGNMENT_MIN ||
	    footer->alignment > CONTAINER_ALIGNMENT_MAX)
		return bad_field(error, FOOTER_ALIGNMENT, "alignment", footer->alignment);
	return CAIRN_OK;
}

static enum cairn_status check_constants(const uint8_t *page, struct cairn_error *error)
{
	const uint32_t table_end = (uint32_t)FOOTER_SECTIONS +
				   (uint32_t)SECTION_ENTRY_SIZE *
					   load_u32(page + FOOTER_SECTION_COUNT);

	if (load_u32(page + FOOTER_SIZE) != CONTAINER_PAGE_SIZE)
		return bad_field(error, FOOTER_SIZE, "own size", load_u32(page + FOOTER_SIZE));
	if (load_u32(page + FOOTER_BLOCK_SIZE) != INDEX_BLOCK_SIZE)
		return bad_field(error, FOOTER_BLOCK_SIZE, "index block size",
				 load_u32(page + FOOTER_BLOCK_SIZE));
	if (load_u32(page + FOOTER_ROOT_KIND) != ROOT_KIND_XXH3_128)
		return error_set(error, CAIRN_UNSUPPORTED, FOOTER_ROOT_KIND,
				 "the index has root digest kind %" PRIu32
				 ", this reader knows kind %d",
				 load_u32(page + FOOTER_ROOT_KIND), ROOT_KIND_XXH3_128);
	if (!all_zero(page + FOOTER_ROOT + DIGEST_SIZE, ROOT_FIELD_SIZE - DIGEST_SIZE) ||
	    load_u32(page + FOOTER_RESERVED) != 0 ||
	    !all_zero(page + table_end, FOOTER_DIGEST - table_end))
		return error_set(error, CAIRN_CORRUPT, FOOTER_RESERVED,
				 "reserved bytes of the footer are not zero");
	return CAIRN_OK;
}

static enum cairn_status check_agreement(const struct container_footer *footer,
					 const struct container_header *header,
					 struct cairn_error *error)
{
	const struct cairn_digest content_id = container_content_id(footer);

	if (footer->version != header->version ||
	    footer->incompat_flags != header->incompat_flags ||
	    footer->compat_flags != header->compat_flags)
		return error_set(error, CAIRN_CORRUPT, FOOTER_VERSION,
				 "header and footer disagree about version or flags");
	if (!digest_equal(&content_id, &footer->content_id))
		return error_set(error, CAIRN_CORRUPT, FOOTER_CONTENT_ID,
				 "the footer's content id is not that of its root and header");
	return CAIRN_OK;
}

enum cairn_status container_footer_decode(const uint8_t page[CONTAINER_PAGE_SIZE],
					  uint64_t file_size,
					  const uint8_t header_page[CONTAINER_PAGE_SIZE],
					  const struct container_header *header,
					  struct container_footer *footer,
					  struct cairn_error *error)
{
	struct container_footer decoded = {0};
	enum cairn_status status;

	if (!container_has_footer_magic(page))
		return error_set(error, CAIRN_TRUNCATED, file_size - CONTAINER_PAGE_SIZE,
				 "no footer page at the end of its %" PRIu64
				 " bytes: cut off, still being written, or something was appended",
				 file_size);
	status = check_own_digest(page, file_size - CONTAINER_PAGE_SIZE, error);
	if (status != CAIRN_OK)
		return status;
	decode_fields(page, &decoded);
	status = check_version("the footer", decoded.version, decoded.incompat_flags, error);
	if (status != CAIRN_OK)
		return status;
	if (decoded.file_size != file_size)
		return error_set(
			error, decoded.file_size > file_size ? CAIRN_TRUNCATED : CAIRN_CORRUPT,
			CAIRN_ERROR_NO_OFFSET, "%" PRIu64 " bytes long, its footer says %" PRIu64,
			file_size, decoded.file_size);
	if ((status = decode_sections(page, &decoded, error)) != CAIRN_OK ||
	    (status = check_constants(page, error)) != CAIRN_OK ||
	    (status = check_layout(&decoded, error)) != CAIRN_OK ||
	    (status = check_header_digest(&decoded, header_page, error)) != CAIRN_OK ||
	    (status = check_agreement(&decoded, header, error)) != CAIRN_OK)
		return status;
	*footer = decoded;
	return CAIRN_OK;
}

const struct container_section *container_footer_section(const struct container_footer *footer,
							 enum section_type type)
{
	for (uint32_t i = 0; i < footer->section_count; i++) {
		if (footer->sections[i].type == type)
			return &footer->sections[i];
	}
	return NULL;
}

uint64_t container_footer_copy_offset(const struct container_footer *footer)
{
	return footer->index_offset - CONTAINER_PAGE_SIZE;
}
