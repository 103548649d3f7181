/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index image alone: sections as they come, under a digest tree that fits. What the full check
 * passes must do for every single access.
 *
 *   u8    bit 0: with the flag FOREIGN
 *   u16   tensors, u16 metadata
 *   u16   bytes of each of the 8 sections, then their bytes, one after the other
 */
#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "format/index.h"
#include "format/index_check.h"
#include "tests/fuzz/container_edit.h"
#include "tests/fuzz/fuzz.h"

enum {
	AT_SIZES = 5,
	HEAD_SIZE = AT_SIZES + 2 * SECTION_KNOWN_COUNT,
	DATA_END = 1 << 20
};

struct image {
	struct container_footer footer;
	struct index_tree tree;
	uint8_t *bytes;
	_Atomic uint8_t *states;
};

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	struct random random = {seed};
	const uint32_t type = 1 + (uint32_t)random_below(&random, SECTION_KNOWN_COUNT);
	size_t at = HEAD_SIZE;
	size_t section_size;

	if (size < HEAD_SIZE || random_below(&random, 4) == 0)
		return LLVMFuzzerMutate(data, size, size_max);
	for (uint32_t i = 1; i < type; i++)
		at += load_u16(data + AT_SIZES + 2 * (size_t)(i - 1));
	section_size = load_u16(data + AT_SIZES + 2 * (size_t)(type - 1));
	if (at > size || section_size > size - at)
		return LLVMFuzzerMutate(data, size, size_max);
	section_edit(type, data + at, section_size, &random);
	return size;
}

/* The section table that the input asks for. */
static void lay_out(struct image *image, struct fuzz_input *input)
{
	struct container_footer *const footer = &image->footer;
	uint64_t end = 0;

	footer->incompat_flags = fuzz_take_u8(input) & CONTAINER_INCOMPAT_FOREIGN;
	footer->tensor_count = fuzz_take_u16(input);
	footer->metadata_count = fuzz_take_u16(input);
	footer->section_count = SECTION_KNOWN_COUNT;
	for (uint32_t i = 0; i < SECTION_KNOWN_COUNT; i++) {
		end = align_up(end, SECTION_ALIGNMENT);
		footer->sections[i] = (struct container_section){
			.type = i + 1,
			.record_size = (uint32_t)section_record_size(i + 1),
			.offset = end,
			.size = fuzz_take_u16(input)};
		end += footer->sections[i].size;
	}
	footer->sections_size = end;
}

static bool fill(struct image *image, struct fuzz_input *input)
{
	struct container_footer *const footer = &image->footer;

	if (!index_tree_layout(footer->sections_size, &image->tree))
		return false;
	image->bytes = calloc(1, image->tree.image_size);
	image->states = calloc(1, image->tree.block_count + 1);
	FUZZ_MUST(image->bytes != NULL && image->states != NULL);
	for (uint32_t i = 0; i < SECTION_KNOWN_COUNT; i++) {
		size_t taken;
		const uint8_t *const bytes = fuzz_take_bytes(input, footer->sections[i].size,
							     &taken);

		if (taken != 0)
			memcpy(image->bytes + footer->sections[i].offset, bytes, taken);
	}
	footer->index_size = image->tree.image_size;
	footer->root = index_tree_build(&image->tree, footer->sections_size, image->bytes);
	return true;
}

static void accept(enum cairn_status status, const struct cairn_error *error, bool sound)
{
	if (status == CAIRN_OK)
		return;
	fuzz_check_error(status, error);
	FUZZ_MUST(status == CAIRN_CORRUPT || (!sound && status == CAIRN_UNSUPPORTED));
	FUZZ_MUST(!sound);
}

static void find_tensor(const struct index *index, uint64_t number,
			const struct tensor_record *tensor, bool sound)
{
	const enum name_space name_space = number < index->tensor_count ? NAME_SPACE_TENSOR
									: NAME_SPACE_METADATA;
	struct cairn_error error = {0};
	struct cairn_string name;
	struct tensor_record found;
	uint64_t found_number = UINT64_MAX;
	enum cairn_status status;

	status = index_name(index, tensor->name_offset, tensor->name_size, &name, &error);
	accept(status, &error, sound);
	if (status != CAIRN_OK)
		return;
	status = index_find(index, name_space, name, &found_number, &found, &error);
	FUZZ_MUST(!sound || (status == CAIRN_OK && found_number == number));
	FUZZ_MUST(status == CAIRN_OK || status == CAIRN_NOT_FOUND || status == CAIRN_CORRUPT);
}

static void use_tensor(const struct index *index, uint64_t number, bool sound)
{
	struct cairn_error error = {0};
	struct tensor_record tensor;
	struct tensor_record holder;
	const uint64_t *dims;
	uint64_t elements;
	enum cairn_status status = index_tensor(index, number, &tensor, &error);

	accept(status, &error, sound);
	accept(index_tensor_in_order(index, number, &holder, &error), &error, sound);
	if (status != CAIRN_OK)
		return;
	find_tensor(index, number, &tensor, sound);
	accept(index_resolve_alias(index, number, &tensor, &holder, &error), &error, sound);
	status = index_dims(index, tensor.dims_index, tensor.rank, &dims, &error);
	accept(status, &error, sound);
	if (status == CAIRN_OK)
		accept(index_check_shape(&tensor, dims, &elements, &error), &error, sound);
}

static void use_slice(const struct index *index, uint64_t number, bool sound)
{
	struct cairn_error error = {0};
	struct slice_record slice;
	const uint8_t *digests;
	const enum cairn_status status = index_slice(index, number, &slice, &error);

	accept(status, &error, sound);
	if (status == CAIRN_OK && slice.digest_kind == DIGEST_XXH3_128 && slice.chunk_size != 0)
		accept(index_chunk_digests(index, slice.chunk_index,
					   divide_up(slice.size, slice.chunk_size), &digests,
					   &error),
		       &error, sound);
}

static void use_others(const struct index *index, bool sound)
{
	struct cairn_error error = {0};
	struct extent_record extent;
	struct shard_record shard;
	struct region_record region;

	for (uint64_t i = 0; i < index->extent_count; i++)
		accept(index_extent(index, i, &extent, &error), &error, sound);
	for (uint64_t i = 0; i < index->shard_count; i++)
		accept(index_shard(index, i, &shard, &error), &error, sound);
	for (uint64_t i = 0; i < index->region_count; i++)
		accept(index_region(index, i, &region, &error), &error, sound);
	FUZZ_MUST(index_extent(index, index->extent_count, &extent, &error) == CAIRN_CORRUPT);
	FUZZ_MUST(index_shard(index, UINT64_MAX, &shard, &error) == CAIRN_CORRUPT);
}

static void use(const struct index *index)
{
	struct cairn_error error = {0};
	struct arena arena;
	enum cairn_status status;
	bool sound;

	FUZZ_MUST(index_verify_root(index, &error) == CAIRN_OK);
	FUZZ_MUST(index_verify_all_blocks(index, &error) == CAIRN_OK);
	fuzz_arena_init(&arena);
	status = index_check(index, DATA_END, &arena, &error);
	arena_fini(&arena);
	sound = status == CAIRN_OK;
	if (!sound) {
		fuzz_check_error(status, &error);
		FUZZ_MUST(status == CAIRN_CORRUPT || status == CAIRN_UNSUPPORTED ||
			  status == CAIRN_LIMIT);
	}
	for (uint64_t i = 0; i < index->tensor_count + index->metadata_count; i++)
		use_tensor(index, i, sound);
	for (uint64_t i = 0; i < index->slice_count; i++)
		use_slice(index, i, sound);
	use_others(index, sound);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct cairn_error error = {0};
	struct image image = {0};
	struct index index;
	enum cairn_status status;

	lay_out(&image, &input);
	if (fill(&image, &input)) {
		status = index_init(&index, &image.footer, image.bytes, &error);
		if (status == CAIRN_OK) {
			index.block_states = image.states;
			use(&index);
		} else {
			fuzz_check_error(status, &error);
		}
	}
	free(image.states);
	free(image.bytes);
	return 0;
}
