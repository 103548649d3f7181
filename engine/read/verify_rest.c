/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in a container besides data: where data begin, opaque regions with their digests, and
 * zeros in every byte that nothing else claims.
 */
#include <inttypes.h>

#include "engine/read/stored.h"
#include "engine/read/verify.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"
#include "format/sort.h"

#define PIECE_SIZE ((uint64_t)1 << 20)

/* A stretch of the file that something claims. */
struct claimed {
	uint64_t offset;
	uint64_t size;
};

static int compare_claimed(const void *a, const void *b)
{
	const struct claimed *const left = a;
	const struct claimed *const right = b;

	return (left->offset > right->offset) - (left->offset < right->offset);
}

static enum cairn_status check_zeros(struct verification *verification, uint64_t offset,
				     uint64_t end, struct cairn_error *error)
{
	const struct file *const file = &verification->reader->files[0];
	struct cairn_error found = {.offset = CAIRN_ERROR_NO_OFFSET};

	while (offset < end) {
		const uint64_t size = end - offset < PIECE_SIZE ? end - offset : PIECE_SIZE;
		enum cairn_status status = file_read(file, offset, verification->buffer, size,
						     &found);

		if (status == CAIRN_OK && !all_zero(verification->buffer, size))
			status = error_set(&found, CAIRN_CORRUPT, offset,
					   "bytes that belong to nothing, from offset %" PRIu64
					   " to %" PRIu64 ", are not zero",
					   offset, offset + size);
		if (status != CAIRN_OK)
			return verify_report_failure(verification, status, &found,
						     (struct cairn_string){NULL, 0}, error);
		offset += size;
	}
	return CAIRN_OK;
}

/* Bytes of shard 0, read and digested piece by piece: the file says how many there are. */
static enum cairn_status digest_of_range(const struct verification *verification, uint64_t offset,
					 uint64_t size, struct cairn_digest *digest,
					 struct cairn_error *error)
{
	struct digest_stream stream;

	digest_stream_begin(&stream);
	for (uint64_t done = 0; done < size; done += PIECE_SIZE) {
		const uint64_t piece = size - done < PIECE_SIZE ? size - done : PIECE_SIZE;
		const enum cairn_status status = file_read(&verification->reader->files[0],
							   offset + done, verification->buffer,
							   piece, error);

		if (status != CAIRN_OK)
			return status;
		digest_stream_update(&stream, verification->buffer, piece);
	}
	*digest = digest_stream_end(&stream);
	return CAIRN_OK;
}

/* An opaque region: nobody here knows what it means, but its digest can be checked. */
static enum cairn_status check_opaque(struct verification *verification,
				      const struct region_record *region, struct cairn_error *error)
{
	struct cairn_error found = {.offset = CAIRN_ERROR_NO_OFFSET};
	struct cairn_digest digest;
	enum cairn_status status;

	if (!verify_make_room(verification, PIECE_SIZE))
		return error_set_memory(error, "an opaque region");
	status = digest_of_range(verification, region->offset, region->size, &digest, &found);
	if (status == CAIRN_OK && !digest_equal(&digest, &region->digest))
		status = error_set(&found, CAIRN_CHECKSUM, region->offset,
				   "the opaque region at offset %" PRIu64
				   " differs from its digest",
				   region->offset);
	return status == CAIRN_OK ? CAIRN_OK
				  : verify_report_failure(verification, status, &found,
							  (struct cairn_string){NULL, 0}, error);
}

/* The pages, the sections and the levels of the digest tree: what lies between them is padding.
 * Returns their number. */
static uint64_t claim_structure(const struct cairn_reader *reader, struct claimed *claims)
{
	const struct container_footer *const footer = &reader->footer;
	const struct index_tree *const tree = &reader->index.tree;
	uint64_t used = 0;

	claims[used++] = (struct claimed){0, CONTAINER_PAGE_SIZE};
	claims[used++] = (struct claimed){container_footer_copy_offset(footer),
					  CONTAINER_PAGE_SIZE};
	claims[used++] = (struct claimed){footer->file_size - CONTAINER_PAGE_SIZE,
					  CONTAINER_PAGE_SIZE};
	for (uint32_t i = 0; i < footer->section_count; i++)
		claims[used++] = (struct claimed){footer->index_offset + footer->sections[i].offset,
						  footer->sections[i].size};
	for (uint32_t i = 0; i < tree->level_count; i++)
		claims[used++] = (struct claimed){footer->index_offset + tree->levels[i].offset,
						  tree->levels[i].size};
	return used;
}

/* All stretches of shard 0 that something claims; NULL: no memory. */
static void **collect_claims(const struct verification *verification, struct arena *arena,
			     uint64_t *count)
{
	const struct cairn_reader *const reader = verification->reader;
	const struct index *const index = &reader->index;
	const uint64_t most = index->extent_count + index->region_count + 3 + SECTION_TABLE_MAX +
			      INDEX_TREE_LEVEL_MAX;
	struct claimed *const claims = arena_allocate_array(arena, most, sizeof(*claims));
	void **const order = arena_allocate_array(arena, 2 * most, sizeof(void *));
	uint64_t used;

	if (claims == NULL || order == NULL)
		return NULL;
	used = claim_structure(reader, claims);
	for (uint64_t i = 0; i < index->extent_count; i++) {
		struct extent_record extent;

		if (index_extent(index, i, &extent, NULL) == CAIRN_OK && extent.shard == 0)
			claims[used++] = (struct claimed){extent.offset, extent.stored_size};
	}
	for (uint64_t i = 0; i < index->region_count; i++) {
		struct region_record region;

		if (index_region(index, i, &region, NULL) == CAIRN_OK &&
		    region.kind == REGION_OPAQUE)
			claims[used++] = (struct claimed){region.offset, region.size};
	}
	for (uint64_t i = 0; i < used; i++)
		order[i] = &claims[i];
	sort_pointers(order, order + most, used, compare_claimed);
	*count = used;
	return order;
}

static enum cairn_status report_overlap(struct verification *verification, uint64_t offset,
					struct cairn_error *error)
{
	struct cairn_error found;

	error_set(&found, CAIRN_CORRUPT, offset, "two extents share the bytes at offset %" PRIu64,
		  offset);
	return verify_report_failure(verification, CAIRN_CORRUPT, &found,
				     (struct cairn_string){NULL, 0}, error);
}

/* Data that may be mapped begin at multiples of what the footer promises; others at 64. */
static uint64_t alignment_of(const struct cairn_reader *reader, const struct slice_record *slice,
			     const struct extent_record *extent)
{
	return extent->codec == CODEC_RAW && extent->stored_size >= CONTAINER_LARGE_SIZE &&
			       !stored_has_extent_a_chunk(slice)
		       ? reader->footer.alignment
		       : CONTAINER_SMALL_ALIGNMENT;
}

static enum cairn_status check_extent_place(struct verification *verification,
					    const struct slice_record *slice, uint64_t number,
					    struct cairn_error *error)
{
	const struct cairn_reader *const reader = verification->reader;
	struct cairn_error found;
	struct extent_record extent;
	uint64_t alignment;

	if (index_extent(&reader->index, number, &extent, NULL) != CAIRN_OK || extent.shard != 0)
		return CAIRN_OK;
	alignment = alignment_of(reader, slice, &extent);
	if (extent.offset % alignment == 0)
		return CAIRN_OK;
	error_set(&found, CAIRN_CORRUPT, extent.offset,
		  "data at offset %" PRIu64 " are not at a multiple of %" PRIu64, extent.offset,
		  alignment);
	return verify_report_failure(verification, CAIRN_CORRUPT, &found,
				     (struct cairn_string){NULL, 0}, error);
}

static enum cairn_status check_placement(struct verification *verification,
					 struct cairn_error *error)
{
	const struct index *const index = &verification->reader->index;
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < index->slice_count && status == CAIRN_OK; i++) {
		struct slice_record slice;

		if (index_slice(index, i, &slice, NULL) != CAIRN_OK)
			continue;
		for (uint32_t k = 0; k < slice.extent_count && status == CAIRN_OK; k++)
			status = check_extent_place(verification, &slice, slice.extent_index + k,
						    error);
	}
	return status;
}

/* Between the claims there are zeros, and no two claims share a byte. */
static enum cairn_status check_gaps(struct verification *verification, struct arena *arena,
				    struct cairn_error *error)
{
	uint64_t count = 0;
	uint64_t end = 0;
	void **const order = collect_claims(verification, arena, &count);
	enum cairn_status status = CAIRN_OK;

	if (order == NULL || !verify_make_room(verification, PIECE_SIZE))
		return error_set_memory(error, "checking the gaps");
	for (uint64_t i = 0; i < count && status == CAIRN_OK; i++) {
		const struct claimed *const claim = order[i];

		if (claim->size == 0)
			continue;
		if (claim->offset < end)
			status = report_overlap(verification, claim->offset, error);
		else
			status = check_zeros(verification, end, claim->offset, error);
		if (claim->offset + claim->size > end)
			end = claim->offset + claim->size;
	}
	return status;
}

static enum cairn_status check_regions(struct verification *verification, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < verification->reader->index.region_count && status == CAIRN_OK;
	     i++) {
		struct region_record region;

		status = index_region(&verification->reader->index, i, &region, error);
		if (status == CAIRN_OK && region.kind == REGION_OPAQUE)
			status = check_opaque(verification, &region, error);
	}
	return status;
}

enum cairn_status verify_rest_of_container(struct verification *verification,
					   struct cairn_error *error)
{
	struct arena arena;
	enum cairn_status status;

	arena_init(&arena, reader_arena_source(verification->reader->system), SIZE_MAX);
	status = check_gaps(verification, &arena, error);
	arena_fini(&arena);
	if (status == CAIRN_OK)
		status = check_placement(verification, error);
	return status == CAIRN_OK ? check_regions(verification, error) : status;
}
