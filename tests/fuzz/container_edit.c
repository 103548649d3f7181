/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/container_edit.h"

#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "format/index.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/squeeze.h"
#include "tests/support/container_bytes.h"

/* Bytes of both pages that hold fields. */
#define HEADER_FIELDS_SIZE 64u
#define FOOTER_FIELDS_SIZE 960u

struct edit {
	uint8_t *bytes; /* SQUEEZE_SIZE_MAX */
	size_t size;
	uint8_t *footer;
	uint64_t index_offset;
	uint64_t section_count;
	struct random random;
};

static uint64_t below(struct edit *edit, uint64_t bound)
{
	return bound == 0 ? 0 : random_below(&edit->random, bound);
}

/* --------------------------------------------------------------------------------------- values */

uint64_t value_worth_a_try(uint64_t old, uint64_t hint, struct random *random)
{
	const uint64_t near = random_below(random, 5) - 2;

	switch (random_below(random, 6)) {
	case 0:
		return random_below(random, 4);
	case 1:
		return (UINT64_C(1) << random_below(random, 64)) + near;
	case 2:
		return old + near;
	case 3:
		return hint + near;
	case 4:
		return old ^ UINT64_C(1) << random_below(random, 64);
	default:
		return random_next(random) >> random_below(random, 64);
	}
}

/* A field of 1, 2, 4 or 8 bytes among `size` bytes. */
static void edit_field(uint8_t *bytes, size_t size, struct random *random)
{
	unsigned int width = 1u << random_below(random, 4);
	uint64_t old;
	uint64_t hint;
	size_t at;

	if (size == 0)
		return;
	while (width > size)
		width /= 2;
	at = random_below(random, size / width) * width;
	old = field_load(bytes + at, width);
	hint = field_load(bytes + random_below(random, size / width) * width, width);
	field_store(bytes + at, width, value_worth_a_try(old, hint, random));
}

/* -------------------------------------------------------------------------------------- records */

size_t section_record_size(uint32_t section_type)
{
	static const uint8_t sizes[] = {[SECTION_TENSORS] = TENSOR_RECORD_SIZE,
					[SECTION_NAMES] = 1,
					[SECTION_DIMS] = DIM_RECORD_SIZE,
					[SECTION_SLICES] = SLICE_RECORD_SIZE,
					[SECTION_EXTENTS] = EXTENT_RECORD_SIZE,
					[SECTION_CHUNK_DIGESTS] = CHUNK_DIGEST_RECORD_SIZE,
					[SECTION_SHARDS] = SHARD_RECORD_SIZE,
					[SECTION_REGIONS] = REGION_RECORD_SIZE};

	return section_type >= SECTION_TENSORS && section_type <= SECTION_KNOWN_COUNT
		       ? sizes[section_type]
		       : 1;
}

static void exchange(uint8_t *a, uint8_t *b, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		const uint8_t byte = a[i];

		a[i] = b[i];
		b[i] = byte;
	}
}

void section_edit(uint32_t section_type, uint8_t *bytes, size_t size, struct random *random)
{
	const size_t record_size = section_record_size(section_type);
	const size_t count = size / record_size;
	uint8_t *record;
	uint8_t *other;

	if (count == 0)
		return;
	record = bytes + random_below(random, count) * record_size;
	other = bytes + random_below(random, count) * record_size;
	switch (random_below(random, 8)) {
	case 0:
		memmove(record, other, record_size);
		break;
	case 1:
		exchange(record, other, record_size);
		break;
	default:
		edit_field(record, record_size, random);
	}
}

/* ------------------------------------------------------------------------------------- sections */

static uint8_t *entry_of(const struct edit *edit, uint64_t number)
{
	return edit->footer + FOOTER_AT_SECTIONS + number * FOOTER_SECTION_ENTRY_SIZE;
}

/* The table says where sections are; whether that can be believed. */
static bool find_sections(struct edit *edit)
{
	uint64_t end = 0;

	if (edit->size < 4 * (size_t)CONTAINER_PAGE_SIZE)
		return false;
	edit->footer = edit->bytes + edit->size - CONTAINER_PAGE_SIZE;
	edit->index_offset = load_u64(edit->footer + FOOTER_AT_INDEX_OFFSET);
	edit->section_count = load_u32(edit->footer + FOOTER_AT_SECTION_COUNT);
	if (edit->section_count == 0 || edit->section_count > SECTION_TABLE_MAX ||
	    edit->index_offset > edit->size)
		return false;
	for (uint64_t i = 0; i < edit->section_count; i++) {
		const uint64_t offset = load_u64(entry_of(edit, i) + 8);
		const uint64_t size = load_u64(entry_of(edit, i) + 16);

		if (offset < end || !range_within(offset, size, edit->size - edit->index_offset))
			return false;
		end = offset + size;
	}
	return true;
}

static void edit_section(struct edit *edit)
{
	const uint8_t *const entry = entry_of(edit, below(edit, edit->section_count));

	section_edit(load_u32(entry), edit->bytes + edit->index_offset + load_u64(entry + 8),
		     load_u64(entry + 16), &edit->random);
}

/* A new record before record `at`, a copy of it, or one less. Returns the section's new size. */
static uint64_t resize_section(uint8_t *bytes, uint64_t size, size_t record_size, bool grow,
			       struct random *random)
{
	const uint64_t count = size / record_size;
	const uint64_t at = count == 0 ? 0 : random_below(random, count) * record_size;

	if (grow) {
		memmove(bytes + at + record_size, bytes + at, size - at);
		return size + record_size;
	}
	if (count == 0)
		return size;
	memmove(bytes + at, bytes + at + record_size, size - at - record_size);
	return size - record_size;
}

/* Writes sizes that fit sections that end at `sections_size`, and the footer behind them. */
static bool close_index(struct edit *edit, const uint8_t *footer, uint64_t sections_size)
{
	struct index_tree tree;
	uint64_t end;

	if (!index_tree_layout(sections_size, &tree))
		return false;
	end = align_up(edit->index_offset + tree.image_size, CONTAINER_PAGE_SIZE);
	if (end + CONTAINER_PAGE_SIZE > SQUEEZE_SIZE_MAX)
		return false;
	memset(edit->bytes + edit->index_offset + sections_size, 0,
	       end - edit->index_offset - sections_size);
	edit->size = end + CONTAINER_PAGE_SIZE;
	edit->footer = edit->bytes + end;
	memcpy(edit->footer, footer, CONTAINER_PAGE_SIZE);
	store_u64(edit->footer + FOOTER_AT_INDEX_SIZE, tree.image_size);
	store_u64(edit->footer + FOOTER_AT_SECTIONS_SIZE, sections_size);
	store_u64(edit->footer + FOOTER_AT_FILE_SIZE, edit->size);
	return true;
}

static void count_tensors(uint8_t *footer, bool grow, struct random *random)
{
	const size_t at = random_below(random, 2) == 0 ? FOOTER_AT_TENSOR_COUNT
						       : FOOTER_AT_METADATA_COUNT;
	const uint64_t count = load_u64(footer + at);

	if (grow || count != 0)
		store_u64(footer + at, grow ? count + 1 : count - 1);
}

/* Lays the sections out again with one of them a record longer or shorter. */
static bool edit_layout(struct edit *edit)
{
	const uint64_t chosen = below(edit, edit->section_count);
	const bool grow = below(edit, 2) == 0;
	uint8_t footer[CONTAINER_PAGE_SIZE];
	uint8_t *const old = fuzz_copy(edit->bytes + edit->index_offset,
				       edit->size - edit->index_offset);
	uint64_t end = 0;
	bool fits = true;

	memcpy(footer, edit->footer, sizeof(footer));
	for (uint64_t i = 0; i < edit->section_count && fits; i++) {
		uint8_t *const entry = footer + (entry_of(edit, i) - edit->footer);
		const uint32_t type = load_u32(entry);
		uint64_t size = load_u64(entry + 16);
		uint8_t *to;

		end = align_up(end, SECTION_ALIGNMENT);
		fits = edit->index_offset + end + size + TENSOR_RECORD_SIZE * 4 < SQUEEZE_SIZE_MAX;
		if (!fits)
			break;
		to = edit->bytes + edit->index_offset + end;
		memmove(to, old + load_u64(entry + 8), size);
		if (i == chosen)
			size = resize_section(to, size, section_record_size(type), grow,
					      &edit->random);
		if (i == chosen && type == SECTION_TENSORS)
			count_tensors(footer, grow, &edit->random);
		store_u64(entry + 8, end);
		store_u64(entry + 16, size);
		end += size;
	}
	free(old);
	return fits && close_index(edit, footer, end);
}

/* ----------------------------------------------------------------------------------- everything */

static bool edit_anything(struct edit *edit)
{
	switch (below(edit, 8)) {
	case 0:
		edit_field(edit->bytes, HEADER_FIELDS_SIZE, &edit->random);
		return true;
	case 1:
		edit_field(edit->footer, FOOTER_FIELDS_SIZE, &edit->random);
		return true;
	case 2:
		edit_field(edit->bytes + CONTAINER_PAGE_SIZE, 1024, &edit->random);
		return true;
	case 3:
		return edit_layout(edit);
	default:
		edit_section(edit);
		return true;
	}
}

size_t container_edit(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	struct edit edit = {.random = {seed}};
	uint8_t *expanded;
	size_t result = 0;

	if (below(&edit, 8) == 0)
		return LLVMFuzzerMutate(data, size, size_max);
	expanded = squeeze_expand(data, size, &edit.size);
	edit.bytes = calloc(1, SQUEEZE_SIZE_MAX);
	FUZZ_MUST(edit.bytes != NULL);
	memcpy(edit.bytes, expanded, edit.size);
	free(expanded);
	for (uint64_t count = 1 + below(&edit, 3); count > 0 && find_sections(&edit); count--) {
		if (edit_anything(&edit))
			result = squeeze(edit.bytes, edit.size, data, size_max);
	}
	free(edit.bytes);
	return result != 0 ? result : LLVMFuzzerMutate(data, size, size_max);
}
