/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All structural rules of an index, record by record.
 *
 * The canonical order makes this one pass: a counter for each section says where the next record's
 * range must begin, and at the end every counter must have reached the section's end. What needs
 * more than one record (slices that overlap, extents that share bytes) is sorted in the caller's
 * arena and swept.
 */
#include "format/index_check.h"

#include <inttypes.h>

#include "format/box.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/file_name.h"
#include "format/shape.h"
#include "format/utf8.h"

struct checker {
	const struct index *index;
	struct arena *arena;
	uint64_t data_end; /* end of the data of shard 0 */
	/* The first thing that is valid as far as can be told, but unknown here; code CAIRN_OK:
	 * there was none. */
	struct cairn_error unknown;
	/* consumed so far */
	uint64_t name_bytes;
	uint64_t dims;
	uint64_t slices;
	uint64_t extents;
	uint64_t chunks;
};

static enum cairn_status wrong(struct cairn_error *error, const char *what, uint64_t found,
			       uint64_t expected)
{
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "%s %" PRIu64 " instead of %" PRIu64, what, found, expected);
}

static enum cairn_status broken(struct cairn_error *error, const char *what)
{
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET, "%s", what);
}

/* Something that only a later version understands. The check goes on: what contradicts itself is
 * damage all the same. */
static void note_unknown(struct checker *checker, const char *what, unsigned number)
{
	if (checker->unknown.code == CAIRN_OK)
		error_set(&checker->unknown, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
			  "unknown %s %u", what, number);
}

/* -------------------------------------------------------------------------------------- extents */

static enum cairn_status check_codec(struct checker *checker, const struct extent_record *extent,
				     struct cairn_error *error)
{
	if (extent->codec != CODEC_RAW && extent->codec != CODEC_LZ4)
		note_unknown(checker, "codec", extent->codec);
	if (extent->codec == CODEC_RAW && extent->shuffle != 0)
		return broken(error, "a raw extent has a byte shuffle");
	if (extent->size == 0 && !checker->index->foreign)
		return broken(error, "an extent of no bytes");
	return CAIRN_OK;
}

/* Compressed slices have an extent for each chunk; and where there are as many extents as chunks,
 * each holds one, so that a chunk is found without looking at the others. */
static enum cairn_status check_chunk_of(const struct checker *checker,
					const struct extent_record *extent,
					const struct slice_record *slice, uint32_t number,
					struct cairn_error *error)
{
	const uint64_t chunks = divide_up(slice->size, slice->chunk_size);
	const uint64_t left = slice->size - number * (uint64_t)slice->chunk_size;

	if (slice->extent_count != chunks)
		return extent->codec != CODEC_LZ4 ? CAIRN_OK
						  : wrong(error, "a compressed slice has extents:",
							  slice->extent_count, chunks);
	if (checker->index->foreign)
		return CAIRN_OK;
	if (extent->size != (left < slice->chunk_size ? left : slice->chunk_size))
		return wrong(error, "the extent of a chunk holds bytes:", extent->size,
			     left < slice->chunk_size ? left : slice->chunk_size);
	return CAIRN_OK;
}

/* The last region that begins at or before `offset`: regions are in order, which was checked. */
static enum cairn_status find_region(const struct index *index, uint64_t offset,
				     struct region_record *region, struct cairn_error *error)
{
	uint64_t low = 0;
	uint64_t high = index->region_count;

	while (low < high) {
		const uint64_t middle = low + (high - low) / 2;
		struct region_record probed;
		const enum cairn_status status = index_region(index, middle, &probed, error);

		if (status != CAIRN_OK)
			return status;
		if (probed.offset <= offset) {
			*region = probed;
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return CAIRN_OK;
}

/* An extent of a container lies in one of its data regions. */
static enum cairn_status check_region_of(const struct checker *checker,
					 const struct extent_record *extent,
					 struct cairn_error *error)
{
	struct region_record region = {0};
	enum cairn_status status;

	if (checker->index->foreign)
		return CAIRN_OK;
	status = find_region(checker->index, extent->offset, &region, error);
	if (status != CAIRN_OK)
		return status;
	if (region.kind != REGION_DATA ||
	    !range_within(extent->offset - region.offset, extent->stored_size, region.size))
		return error_set(error, CAIRN_CORRUPT, extent->offset,
				 "offset %" PRIu64 " + size %" PRIu64
				 " lies in no data region of the index",
				 extent->offset, extent->stored_size);
	return CAIRN_OK;
}

/* Extents of this file lie in its data; the place in other files is checked when they are opened.
 */
static enum cairn_status check_place(const struct checker *checker,
				     const struct extent_record *extent, struct cairn_error *error)
{
	const uint64_t first = checker->index->foreign ? 0 : CONTAINER_PAGE_SIZE;

	if (extent->shard != 0)
		return CAIRN_OK;
	if (!range_within(extent->offset, extent->stored_size, checker->data_end) ||
	    (extent->stored_size != 0 && extent->offset < first))
		return error_set(error, CAIRN_CORRUPT, extent->offset,
				 "offset %" PRIu64 " + size %" PRIu64
				 " lies outside the data, which ends at %" PRIu64,
				 extent->offset, extent->stored_size, checker->data_end);
	return check_region_of(checker, extent, error);
}

static enum cairn_status check_extents(struct checker *checker, const struct slice_record *slice,
				       struct cairn_error *error)
{
	uint64_t total = 0;

	if (slice->extent_index != checker->extents)
		return wrong(error, "extents begin at record", slice->extent_index,
			     checker->extents);
	for (uint32_t i = 0; i < slice->extent_count; i++) {
		struct extent_record extent;
		enum cairn_status status;

		if ((status = index_extent(checker->index, checker->extents + i, &extent, error)) !=
			    CAIRN_OK ||
		    (status = check_codec(checker, &extent, error)) != CAIRN_OK ||
		    (status = check_chunk_of(checker, &extent, slice, i, error)) != CAIRN_OK ||
		    (status = check_place(checker, &extent, error)) != CAIRN_OK)
			return status;
		if (!checked_add(total, extent.size, &total))
			return broken(error, "the sizes of a slice's extents overflow");
	}
	if (total != slice->size && !transform_changes_size(slice->transform))
		return wrong(error, "extents of a slice hold bytes", total, slice->size);
	checker->extents += slice->extent_count;
	return CAIRN_OK;
}

/* --------------------------------------------------------------------------------------- slices */

static enum cairn_status read_box(const struct checker *checker, const struct tensor_record *tensor,
				  const uint64_t *dims, const struct slice_record *slice,
				  struct box *box, struct cairn_error *error)
{
	const uint64_t *ranges;
	enum cairn_status status;

	status = index_dims(checker->index, slice->ranges_index, 2 * (uint64_t)tensor->rank,
			    &ranges, error);
	if (status != CAIRN_OK)
		return status;
	box->rank = tensor->rank;
	box->starts = arena_allocate_array(checker->arena, 2 * (uint64_t)tensor->rank,
					   sizeof(uint64_t));
	if (box->starts == NULL)
		return error_set_memory(error, "checking slices");
	box->lengths = box->starts + tensor->rank;
	for (uint32_t d = 0; d < tensor->rank; d++) {
		box->starts[d] = ranges[2 * (size_t)d];
		box->lengths[d] = ranges[2 * (size_t)d + 1];
	}
	status = shape_resolve_slice(tensor->rank, dims, box->starts, box->lengths, error);
	if (status == CAIRN_MISMATCH) { /* as for a caller's slice; but this one is the file's */
		status = CAIRN_CORRUPT;
		if (error != NULL)
			error->code = status;
	}
	return status;
}

/* The bytes of a slice are those of its shape. */
static enum cairn_status check_box_size(const struct tensor_record *tensor, const uint64_t *dims,
					const struct box *box, const struct slice_record *slice,
					struct cairn_error *error)
{
	const struct packing packing = {tensor->block_elements, tensor->block_bytes,
					tensor->packing};
	uint64_t bytes;
	enum cairn_status status;

	if (tensor->block_bytes == 0)
		return CAIRN_OK;
	if (!shape_slice_keeps_blocks(&packing, box->rank, dims, box->starts, box->lengths))
		return broken(error, "one of its slices cuts through a block");
	status = shape_bytes(&packing, box->rank, box->lengths, &bytes, error);
	if (status != CAIRN_OK)
		return status;
	if (bytes != slice->size)
		return wrong(error, "one of its slices has bytes", slice->size, bytes);
	return CAIRN_OK;
}

/* How the bytes of a slice are made and checked. */
static enum cairn_status check_kinds(struct checker *checker, const struct slice_record *slice,
				     struct cairn_error *error)
{
	const bool foreign_check = slice->check_kind > CHECK_CHUNKS &&
				   slice->check_kind <= CHECK_CRC32C_AT_OPEN;
	const bool foreign_transform = slice->transform > TRANSFORM_NONE &&
				       slice->transform <= TRANSFORM_TENSORFLOW_STRING_FIELDS;

	if (!checker->index->foreign && (foreign_check || foreign_transform))
		return broken(error, "a transform or check that only sidecars may have");
	if (slice->transform > TRANSFORM_TENSORFLOW_STRING_FIELDS)
		note_unknown(checker, "element transform", slice->transform);
	if (slice->check_kind > CHECK_CRC32C_AT_OPEN)
		note_unknown(checker, "check kind", slice->check_kind);
	else if ((slice->check_kind == CHECK_CHUNKS) != (slice->digest_kind != DIGEST_NONE))
		return broken(error, "check kind and digest kind of a slice disagree");
	if (slice->check_kind <= CHECK_CHUNKS && slice->check_value != 0)
		return broken(error, "a check value that no check uses");
	if (slice->transform == TRANSFORM_NONE && slice->transform_value != 0)
		return broken(error, "a transform value that no transform uses");
	return CAIRN_OK;
}

static enum cairn_status check_slice_record(struct checker *checker,
					    const struct tensor_record *tensor,
					    const struct slice_record *slice,
					    struct cairn_error *error)
{
	const enum cairn_status status = check_kinds(checker, slice, error);

	if (status != CAIRN_OK)
		return status;
	if (slice->digest_kind != tensor->digest_kind)
		return wrong(error, "the digest kind of a slice is", slice->digest_kind,
			     tensor->digest_kind);
	if (slice->chunk_index != checker->chunks)
		return wrong(error, "chunk digests begin at", slice->chunk_index, checker->chunks);
	if (slice->digest_kind != DIGEST_NONE)
		checker->chunks += divide_up(slice->size, slice->chunk_size);
	if (checker->chunks > checker->index->chunk_count)
		return wrong(error, "chunk digests end at", checker->chunks,
			     checker->index->chunk_count);
	return check_extents(checker, slice, error);
}

static enum cairn_status check_whole(const struct tensor_record *tensor,
				     const struct slice_record *slice, struct cairn_error *error)
{
	if (tensor->slice_count != 1)
		return broken(error, "a whole slice is not the only one");
	if (slice->size != tensor->size)
		return wrong(error, "its slice has bytes", slice->size, tensor->size);
	return CAIRN_OK;
}

/* One slice of a tensor; adds up the elements that the slices cover. */
static enum cairn_status check_slice(struct checker *checker, const struct tensor_record *tensor,
				     const uint64_t *dims, struct box *box, uint64_t *covered,
				     bool *whole, struct cairn_error *error)
{
	struct slice_record slice;
	enum cairn_status status;

	status = index_slice(checker->index, checker->slices++, &slice, error);
	if (status == CAIRN_OK && slice.ranges_index != checker->dims)
		status = wrong(error, "ranges of a slice begin at", slice.ranges_index,
			       checker->dims);
	if (status == CAIRN_OK)
		status = check_slice_record(checker, tensor, &slice, error);
	if (status != CAIRN_OK)
		return status;
	*whole = (slice.flags & SLICE_WHOLE) != 0;
	if (*whole)
		return check_whole(tensor, &slice, error);
	checker->dims += 2 * (uint64_t)tensor->rank;
	status = read_box(checker, tensor, dims, &slice, box, error);
	if (status == CAIRN_OK)
		status = check_box_size(tensor, dims, box, &slice, error);
	if (status == CAIRN_OK)
		*covered += box_elements(box);
	return status;
}

static enum cairn_status check_cover(const struct tensor_record *tensor, uint64_t covered,
				     uint64_t elements, struct cairn_error *error)
{
	const bool incomplete = (tensor->flags & TENSOR_INCOMPLETE) != 0;

	if (covered > elements || (covered == elements) == incomplete)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "its slices cover %" PRIu64 " of %" PRIu64
				 " elements, and it is %sflagged incomplete",
				 covered, elements, incomplete ? "" : "not ");
	return CAIRN_OK;
}

static enum cairn_status check_slices(struct checker *checker, const struct tensor_record *tensor,
				      const uint64_t *dims, uint64_t elements,
				      struct cairn_error *error)
{
	struct box *const boxes = arena_allocate_array(checker->arena, tensor->slice_count,
						       sizeof(*boxes));
	uint64_t covered = 0;
	bool whole = false;

	if (boxes == NULL)
		return error_set_memory(error, "checking slices");
	for (uint32_t i = 0; i < tensor->slice_count; i++) {
		const enum cairn_status status = check_slice(checker, tensor, dims, &boxes[i],
							     &covered, &whole, error);

		if (status != CAIRN_OK)
			return status;
	}
	/* a foreign format may cut up tensors of strings */
	if (!whole &&
	    (tensor->rank == 0 || (tensor->block_bytes == 0 && !checker->index->foreign) ||
	     tensor->name_space == NAME_SPACE_METADATA))
		return broken(error, "no whole slice, though it cannot be cut");
	if (whole)
		return (tensor->flags & TENSOR_INCOMPLETE) == 0
			       ? CAIRN_OK
			       : broken(error, "whole, and flagged incomplete");
	if (tensor->slice_count > 1) {
		const enum cairn_status status = boxes_check_overlap(checker->arena, boxes,
								     tensor->slice_count, error);

		if (status != CAIRN_OK)
			return status;
	}
	return check_cover(tensor, covered, elements, error);
}

/* -------------------------------------------------------------------------------------- tensors */

static enum cairn_status check_type(const struct tensor_record *tensor, struct cairn_error *error)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(tensor->dtype);

	if (tensor->dtype == 0)
		return broken(error, "type 0");
	if (info == NULL)
		return tensor->block_bytes != 0
			       ? CAIRN_OK
			       : broken(error, "an unknown type has blocks of no size");
	if (tensor->block_elements != info->block_elements ||
	    tensor->block_bytes != info->block_bytes)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "type %s with blocks of %" PRIu32 " elements in %" PRIu32
				 " bytes, not %" PRIu32 " in %" PRIu32,
				 info->name, tensor->block_elements, tensor->block_bytes,
				 info->block_elements, info->block_bytes);
	if (tensor->name_space == NAME_SPACE_TENSOR && dtype_is_metadata_only(tensor->dtype))
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "type %s, which only metadata may have", info->name);
	if (tensor->name_space == NAME_SPACE_METADATA && tensor->rank > 1)
		return wrong(error, "metadata of rank", tensor->rank, 1);
	return CAIRN_OK;
}

static enum cairn_status check_size(const struct tensor_record *tensor, const uint64_t *dims,
				    uint64_t *elements, struct cairn_error *error)
{
	const struct packing packing = {tensor->block_elements, tensor->block_bytes,
					tensor->packing};
	uint64_t bytes = UINT64_MAX; /* more than any tensor has */
	enum cairn_status status;

	status = shape_elements(tensor->rank, dims, elements, error);
	if (status != CAIRN_OK)
		return broken(error, "its shape has 2^63 elements or more");
	if (dtype_is_variable(tensor->dtype)) {
		if (!checked_multiply(*elements, sizeof(uint64_t), &bytes) || tensor->size < bytes)
			return wrong(error, "bytes of a string tensor are", tensor->size, bytes);
		return CAIRN_OK;
	}
	status = shape_bytes(&packing, tensor->rank, dims, &bytes, error);
	if (status != CAIRN_OK)
		return broken(error, "its shape does not fit the blocks of its type");
	return tensor->size == bytes ? CAIRN_OK
				     : wrong(error, "bytes of the tensor are", tensor->size, bytes);
}

enum cairn_status index_check_shape(const struct tensor_record *tensor, const uint64_t *dims,
				    uint64_t *elements, struct cairn_error *error)
{
	const enum cairn_status status = check_type(tensor, error);

	return status == CAIRN_OK ? check_size(tensor, dims, elements, error) : status;
}

static enum cairn_status check_digest(struct checker *checker, const struct tensor_record *tensor,
				      uint64_t first_chunk, struct cairn_error *error)
{
	const uint8_t *digests;
	struct cairn_digest digest;
	enum cairn_status status;

	if (tensor->digest_kind == DIGEST_NONE)
		return all_zero(tensor->digest.bytes, DIGEST_SIZE)
			       ? CAIRN_OK
			       : broken(error, "a digest without a digest kind");
	if (tensor->digest_kind > DIGEST_XXH3_128) {
		note_unknown(checker, "digest kind", tensor->digest_kind);
		return CAIRN_OK;
	}
	status = index_chunk_digests(checker->index, first_chunk, checker->chunks - first_chunk,
				     &digests, error);
	if (status != CAIRN_OK)
		return status;
	digest = digest_of_chunks(digests, checker->chunks - first_chunk);
	return digest_equal(&digest, &tensor->digest)
		       ? CAIRN_OK
		       : broken(error, "its digest is not that of its chunk digests");
}

static enum cairn_status check_content(struct checker *checker, uint64_t number,
				       const struct tensor_record *tensor,
				       struct cairn_error *error)
{
	const uint64_t first_chunk = checker->chunks;
	const uint64_t *dims;
	uint64_t elements = 0;
	struct tensor_record holder;
	enum cairn_status status;

	if (tensor->dims_index != checker->dims)
		return wrong(error, "dims begin at", tensor->dims_index, checker->dims);
	checker->dims += tensor->rank;
	if ((status = index_dims(checker->index, tensor->dims_index, tensor->rank, &dims, error)) !=
		    CAIRN_OK ||
	    (status = index_check_shape(tensor, dims, &elements, error)) != CAIRN_OK)
		return status;
	if ((tensor->flags & TENSOR_ALIAS) != 0)
		return index_resolve_alias(checker->index, number, tensor, &holder, error);
	if (tensor->alias_of != 0)
		return wrong(error, "no alias, but names record", tensor->alias_of, 0);
	if (tensor->name_space == NAME_SPACE_METADATA && (tensor->flags & TENSOR_INCOMPLETE) != 0)
		return broken(error, "metadata that is flagged incomplete");
	status = check_slices(checker, tensor, dims, elements, error);
	return status == CAIRN_OK ? check_digest(checker, tensor, first_chunk, error) : status;
}

static enum cairn_status check_tensor(struct checker *checker, uint64_t number,
				      struct cairn_error *error)
{
	const bool was_known = checker->unknown.code == CAIRN_OK;
	struct tensor_record tensor;
	struct cairn_string name;
	enum cairn_status status;

	status = index_tensor_in_order(checker->index, number, &tensor, error);
	if (status == CAIRN_OK)
		status = index_name(checker->index, tensor.name_offset, tensor.name_size, &name,
				    error);
	if (status != CAIRN_OK)
		return status;
	checker->name_bytes += tensor.name_size;
	if (!utf8_valid(name.data, name.size))
		status = broken(error, "the name is not UTF-8");
	else if (tensor.slice_index != checker->slices)
		status = wrong(error, "slices begin at record", tensor.slice_index,
			       checker->slices);
	else
		status = check_content(checker, number, &tensor, error);
	if (was_known && checker->unknown.code != CAIRN_OK)
		error_prefix_tensor(&checker->unknown, CAIRN_UNSUPPORTED, name);
	return status == CAIRN_OK ? status : error_prefix_tensor(error, status, name);
}

/* --------------------------------------------------------------------------- shards and regions */

/* What a shard of its kind does not use is zero. */
static bool unused_is_zero(const struct shard_record *shard)
{
	struct shard_record rest = *shard;
	uint8_t bytes[SHARD_RECORD_SIZE];

	rest.name_offset = 0;
	rest.name_size = 0;
	rest.kind = 0;
	rest.size = shard->kind == SHARD_SELF ? shard->size : 0;
	if (shard->kind == SHARD_SIBLING) {
		rest.content_id = (struct cairn_digest){{0}};
	} else if (shard->kind == SHARD_FOREIGN) {
		rest.modified_ns = rest.changed_ns = rest.inode = rest.header_size = 0;
		rest.header_digest = (struct cairn_digest){{0}};
	} else if (shard->kind == SHARD_DERIVED) {
		rest.codec = 0;
		rest.parent = 0;
		rest.offset = rest.stored_size = 0;
	}
	shard_record_encode(&rest, bytes);
	return all_zero(bytes, sizeof(bytes));
}

static enum cairn_status check_shard(struct checker *checker, uint64_t number,
				     struct cairn_error *error)
{
	struct shard_record shard;
	struct cairn_string name;
	enum cairn_status status;

	status = index_shard(checker->index, number, &shard, error);
	if (status == CAIRN_OK && shard.name_offset != checker->name_bytes)
		status = wrong(error, "the name of a shard begins at", shard.name_offset,
			       checker->name_bytes);
	if (status == CAIRN_OK)
		status = index_name(checker->index, shard.name_offset, shard.name_size, &name,
				    error);
	if (status != CAIRN_OK)
		return status;
	checker->name_bytes += shard.name_size;
	if (shard.kind > SHARD_DERIVED || (number == 0) != (shard.kind == SHARD_SELF) ||
	    (shard.kind >= SHARD_FOREIGN && !checker->index->foreign))
		return wrong(error, "the kind of a shard is", shard.kind,
			     number == 0 ? SHARD_SELF : SHARD_SIBLING);
	if (!unused_is_zero(&shard))
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "shard %" PRIu64 " has a field that its kind does not use",
				 number);
	if (shard.kind == SHARD_SELF || shard.kind == SHARD_DERIVED)
		return name.size == 0 ? CAIRN_OK
				      : broken(error, "a shard that is no file has a name");
	return file_name_problem(name) == NULL && utf8_valid(name.data, name.size)
		       ? CAIRN_OK
		       : broken(error, "a shard's name is no plain file name");
}

static enum cairn_status check_regions(const struct checker *checker, struct cairn_error *error)
{
	uint64_t end = checker->index->foreign ? 0 : CONTAINER_PAGE_SIZE;

	for (uint64_t i = 0; i < checker->index->region_count; i++) {
		struct region_record region;
		enum cairn_status status;

		status = index_region(checker->index, i, &region, error);
		if (status != CAIRN_OK)
			return status;
		if (region.offset < end ||
		    !range_within(region.offset, region.size, checker->data_end))
			return error_set(error, CAIRN_CORRUPT, region.offset,
					 "region %" PRIu64 ": offset %" PRIu64 " + size %" PRIu64
					 " overlaps its neighbour or leaves the data, which ends "
					 "at %" PRIu64,
					 i, region.offset, region.size, checker->data_end);
		if (region.kind != REGION_DATA && region.kind != REGION_OPAQUE)
			return wrong(error, "the kind of a region is", region.kind, REGION_DATA);
		if (region.kind == REGION_DATA &&
		    (region.section_type != 0 || !all_zero(region.digest.bytes, DIGEST_SIZE)))
			return broken(error, "a data region with a section type or a digest");
		end = region.offset + region.size;
	}
	return CAIRN_OK;
}

/* ------------------------------------------------------------------------------------ all of it */

static enum cairn_status check_consumed(const struct checker *checker, struct cairn_error *error)
{
	const struct index *const index = checker->index;

	if (checker->name_bytes != index->sections[SECTION_NAMES].size)
		return wrong(error, "bytes of names:", index->sections[SECTION_NAMES].size,
			     checker->name_bytes);
	if (checker->dims != index->dim_count)
		return wrong(error, "dims:", index->dim_count, checker->dims);
	if (checker->slices != index->slice_count)
		return wrong(error, "slices:", index->slice_count, checker->slices);
	if (checker->extents != index->extent_count)
		return wrong(error, "extents:", index->extent_count, checker->extents);
	if (checker->chunks != index->chunk_count)
		return wrong(error, "chunk digests:", index->chunk_count, checker->chunks);
	return CAIRN_OK;
}

enum cairn_status index_check(const struct index *index, uint64_t data_end, struct arena *arena,
			      struct cairn_error *error)
{
	struct checker checker = {.index = index, .arena = arena, .data_end = data_end};
	const uint64_t records = index->tensor_count + index->metadata_count;
	enum cairn_status status;

	status = check_regions(&checker, error); /* first: extents are looked up in them */

	for (uint64_t i = 0; i < records && status == CAIRN_OK; i++)
		status = check_tensor(&checker, i, error);
	for (uint64_t i = 0; i < index->shard_count && status == CAIRN_OK; i++)
		status = check_shard(&checker, i, error);
	if (status == CAIRN_OK)
		status = check_consumed(&checker, error);
	if (status != CAIRN_OK || checker.unknown.code == CAIRN_OK)
		return status;
	if (error != NULL)
		*error = checker.unknown;
	return CAIRN_UNSUPPORTED;
}
