/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of tensors of one name in several checkpoints.
 *
 * Whole tensors must be equal in bytes (replicated parameters): the first stays. Slices are put
 * together: equal ones must be equal in bytes, and one stays; the rest must not overlap, and must
 * cover the tensor unless the caller allows gaps. Everything else is a mistake of whoever saved,
 * and each mistake has a message of its own that names both checkpoints.
 */
#include "engine/write/merge.h"

#include <inttypes.h>

#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"
#include "format/shape.h"
#include "format/sort.h"

static struct merge_cursor *member(const struct merge_part *part, uint32_t index)
{
	return &part->cursors[part->group.members[index]];
}

static const struct index *index_of(const struct merge_part *part, uint32_t source)
{
	return &part->merge->sources[source].index;
}

static const char *name_of(const struct merge_part *part, uint32_t source)
{
	return part->merge->sources[source].reader->name;
}

/* An error about two sources. */
static enum cairn_status conflict(const struct merge_part *part, enum cairn_status status,
				  const char *what, uint32_t a, uint32_t b,
				  struct cairn_error *error)
{
	const struct quoted first = quote(cairn_string_from(name_of(part, a)));
	const struct quoted second = quote(cairn_string_from(name_of(part, b)));

	error_set(error, status, CAIRN_ERROR_NO_OFFSET, "%s in %s and in %s", what, first.text,
		  second.text);
	return error_prefix_tensor(error, status, member(part, 0)->name);
}

/* ------------------------------------------------------------------------------------ agreement */

static enum cairn_status check_agreement(const struct merge_part *part, uint32_t index,
					 struct cairn_error *error)
{
	const struct merge_group *const group = &part->group;
	const struct tensor_record *const first = &member(part, 0)->record;
	const struct tensor_record *const other = &member(part, index)->record;
	const uint64_t *dims;
	enum cairn_status status;

	if (first->dtype != other->dtype || first->block_elements != other->block_elements ||
	    first->block_bytes != other->block_bytes || first->packing != other->packing)
		return conflict(part, CAIRN_MISMATCH, "it has different types", group->members[0],
				group->members[index], error);
	status = index_dims(index_of(part, group->members[index]), other->dims_index, other->rank,
			    &dims, error);
	if (status != CAIRN_OK)
		return status;
	if (first->rank != other->rank ||
	    memcmp(dims, group->dims, first->rank * sizeof(*dims)) != 0)
		return conflict(part, CAIRN_MISMATCH, "it has different shapes", group->members[0],
				group->members[index], error);
	return CAIRN_OK;
}

/* --------------------------------------------------------------------------------------- slices */

static enum cairn_status read_box(struct merge_part *part, struct merge_slice *slice,
				  struct cairn_error *error)
{
	struct merge_group *const group = &part->group;
	const uint32_t rank = member(part, 0)->record.rank;
	struct box *const box = &slice->box;

	box->rank = rank;
	box->starts = arena_allocate_array(&group->scratch, 2 * (uint64_t)rank, sizeof(uint64_t));
	if (box->starts == NULL)
		return error_set_memory(error, "slices");
	box->lengths = box->starts + rank;
	for (uint32_t d = 0; d < rank; d++) {
		box->starts[d] = slice->ranges[2 * (size_t)d];
		box->lengths[d] = slice->ranges[2 * (size_t)d + 1];
	}
	return shape_resolve_slice(rank, group->dims, box->starts, box->lengths, error);
}

static enum cairn_status read_digest(const struct index *index, struct merge_slice *slice,
				     struct cairn_error *error)
{
	const uint64_t chunks = divide_up(slice->record.size, slice->record.chunk_size);
	const uint8_t *digests;
	enum cairn_status status;

	if (slice->record.digest_kind == DIGEST_NONE)
		return CAIRN_OK;
	status = index_chunk_digests(index, slice->record.chunk_index, chunks, &digests, error);
	if (status == CAIRN_OK)
		slice->digest = digest_of_chunks(digests, chunks);
	return status;
}

static enum cairn_status read_slice(struct merge_part *part, uint32_t source, uint64_t number,
				    struct merge_slice *slice, struct cairn_error *error)
{
	const struct merge_cursor *const from = &part->cursors[source];
	const struct index *const index = index_of(part, source);
	const uint32_t rank = from->record.rank;
	enum cairn_status status;

	slice->source = source;
	status = index_slice(index, number, &slice->record, error);
	if (status == CAIRN_OK && (slice->record.flags & SLICE_WHOLE) != 0 &&
	    from->record.slice_count != 1)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "tensor %s in %s: a whole slice is not the only one",
				 quote(from->name).text,
				 quote(cairn_string_from(name_of(part, source))).text);
	if (status != CAIRN_OK || (slice->record.flags & SLICE_WHOLE) != 0)
		return status == CAIRN_OK && part->group.count > 1
			       ? read_digest(index, slice, error)
			       : status;
	status = index_dims(index, slice->record.ranges_index, 2 * (uint64_t)rank, &slice->ranges,
			    error);
	if (status == CAIRN_OK)
		status = read_box(part, slice, error);
	return status == CAIRN_OK ? read_digest(index, slice, error) : status;
}

static enum cairn_status read_slices(struct merge_part *part, struct cairn_error *error)
{
	struct merge_group *const group = &part->group;
	uint64_t count = 0;
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < group->count; i++)
		count += member(part, i)->record.slice_count;
	if (count == 1) {
		group->only = (struct merge_slice){0};
		group->slices = &group->only;
	} else {
		group->slices = arena_allocate_array(&group->scratch, count,
						     sizeof(*group->slices));
	}
	if (group->slices == NULL)
		return error_set_memory(error, "slices");
	for (uint32_t i = 0; i < group->count; i++) {
		const struct tensor_record *const record = &member(part, i)->record;

		for (uint32_t k = 0; k < record->slice_count && status == CAIRN_OK; k++)
			status = read_slice(part, group->members[i], record->slice_index + k,
					    &group->slices[group->slice_count++], error);
	}
	return status;
}

/* ------------------------------------------------------------------------------------- replicas */

static int compare_slices(const void *a, const void *b)
{
	const struct box *const left = &((const struct merge_slice *)a)->box;
	const struct box *const right = &((const struct merge_slice *)b)->box;

	for (uint32_t d = 0; d < left->rank; d++) {
		if (left->starts[d] != right->starts[d])
			return left->starts[d] < right->starts[d] ? -1 : 1;
		if (left->lengths[d] != right->lengths[d])
			return left->lengths[d] < right->lengths[d] ? -1 : 1;
	}
	return 0;
}

static bool same_bytes(const struct merge_slice *a, const struct merge_slice *b)
{
	return a->record.digest_kind != DIGEST_NONE &&
	       a->record.digest_kind == b->record.digest_kind &&
	       a->record.chunk_size == b->record.chunk_size && a->record.size == b->record.size &&
	       digest_equal(&a->digest, &b->digest);
}

/* Equal slices lie side by side when they are sorted: the first of them stays. */
static enum cairn_status mark_replicas(struct merge_part *part, struct cairn_error *error)
{
	struct merge_group *const group = &part->group;
	const uint32_t count = group->slice_count;
	void **const order = arena_allocate_array(&group->scratch, 2 * (uint64_t)count,
						  sizeof(void *));
	struct merge_slice *kept;

	if (order == NULL)
		return error_set_memory(error, "slices");
	if (count == 0) /* tensors without elements need none */
		return CAIRN_OK;
	for (uint32_t i = 0; i < count; i++)
		order[i] = &group->slices[i];
	sort_pointers(order, order + count, count, compare_slices);
	kept = order[0];
	for (uint32_t i = 1; i < count; i++) {
		struct merge_slice *const slice = order[i];

		if (compare_slices(kept, slice) != 0) {
			kept = slice;
			continue;
		}
		if (!same_bytes(kept, slice))
			return conflict(part, CAIRN_EXISTS, "the same slice has different bytes",
					kept->source, slice->source, error);
		slice->dropped = true;
	}
	return CAIRN_OK;
}

static void drop_replicas(struct merge_group *group)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < group->slice_count; i++) {
		if (!group->slices[i].dropped)
			group->slices[kept++] = group->slices[i];
	}
	group->slice_count = kept;
}

/* ---------------------------------------------------------------------------------------- cover */

static enum cairn_status check_overlap(struct merge_part *part, struct cairn_error *error)
{
	struct merge_group *const group = &part->group;
	struct box *const boxes = arena_allocate_array(&group->scratch, group->slice_count,
						       sizeof(*boxes));
	enum cairn_status status;

	if (group->slice_count > SLICE_COUNT_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu32 " slices, at most %u are allowed", group->slice_count,
				 SLICE_COUNT_MAX);
	if (boxes == NULL)
		return error_set_memory(error, "slices");
	for (uint32_t i = 0; i < group->slice_count; i++)
		boxes[i] = group->slices[i].box;
	status = boxes_check_overlap(&group->scratch, boxes, group->slice_count, error);
	if (status == CAIRN_CORRUPT)
		status = error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET,
				   "two slices overlap without being the same");
	return status == CAIRN_OK ? status
				  : error_prefix_tensor(error, status, member(part, 0)->name);
}

static enum cairn_status check_cover(struct merge_part *part, struct cairn_error *error)
{
	struct merge_group *const group = &part->group;
	uint64_t elements = 0;
	uint64_t covered = 0;
	enum cairn_status status;

	status = shape_elements(member(part, 0)->record.rank, group->dims, &elements, error);
	if (status != CAIRN_OK)
		return status;
	for (uint32_t i = 0; i < group->slice_count; i++)
		covered += box_elements(&group->slices[i].box);
	group->incomplete = covered < elements;
	if (!group->incomplete || part->merge->allow_incomplete)
		return CAIRN_OK;
	error_set(error, CAIRN_PRECONDITION, CAIRN_ERROR_NO_OFFSET,
		  "slices are missing: %" PRIu64 " of %" PRIu64 " elements are there", covered,
		  elements);
	return error_prefix_tensor(error, CAIRN_PRECONDITION, member(part, 0)->name);
}

/* -------------------------------------------------------------------------------------- digests */

/* The digest of the tensor that the kept slices make. */
static enum cairn_status combine_digests(struct merge_part *part, struct cairn_error *error)
{
	struct merge_group *const group = &part->group;
	uint64_t chunks = 0;
	uint8_t *list;
	uint8_t *next;

	for (uint32_t i = 0; i < group->slice_count; i++) {
		if (group->slices[i].record.digest_kind == DIGEST_NONE)
			return CAIRN_OK; /* a tensor without a digest */
		chunks += divide_up(group->slices[i].record.size,
				    group->slices[i].record.chunk_size);
	}
	list = next = arena_allocate_array(&group->scratch, chunks, DIGEST_SIZE);
	if (list == NULL)
		return error_set_memory(error, "digests");
	for (uint32_t i = 0; i < group->slice_count; i++) {
		const struct merge_slice *const slice = &group->slices[i];
		const uint64_t count = divide_up(slice->record.size, slice->record.chunk_size);
		const uint8_t *digests;
		const enum cairn_status status = index_chunk_digests(index_of(part, slice->source),
								     slice->record.chunk_index,
								     count, &digests, error);

		if (status != CAIRN_OK)
			return status;
		memcpy(next, digests, count * DIGEST_SIZE);
		next += count * DIGEST_SIZE;
	}
	group->digest = digest_of_chunks(list, chunks);
	group->digest_kind = DIGEST_XXH3_128;
	return CAIRN_OK;
}

static void take_first(struct merge_part *part)
{
	struct merge_group *const group = &part->group;
	const struct tensor_record *const first = &member(part, 0)->record;

	group->is_alias = (first->flags & TENSOR_ALIAS) != 0;
	group->incomplete = (first->flags & TENSOR_INCOMPLETE) != 0;
	group->digest = first->digest;
	group->digest_kind = first->digest_kind;
}

/* --------------------------------------------------------------------------------------- groups */

static bool is_whole(const struct merge_part *part, uint32_t index)
{
	const struct tensor_record *const record = &member(part, index)->record;
	const struct merge_group *const group = &part->group;

	if ((record->flags & TENSOR_ALIAS) != 0)
		return true;
	for (uint32_t i = 0; i < group->slice_count; i++) {
		if (group->slices[i].source == group->members[index] &&
		    group->slices[i].ranges != NULL)
			return false;
	}
	return record->slice_count == 1;
}

/* Copies of one tensor: all the same, or a mistake. The first stays. */
static enum cairn_status resolve_whole(struct merge_part *part, struct cairn_error *error)
{
	struct merge_group *const group = &part->group;
	const struct tensor_record *const first = &member(part, 0)->record;

	for (uint32_t i = 1; i < group->count; i++) {
		const struct tensor_record *const other = &member(part, i)->record;

		if (first->digest_kind == DIGEST_NONE || first->digest_kind != other->digest_kind ||
		    !digest_equal(&first->digest, &other->digest))
			return conflict(part, CAIRN_EXISTS, "it has different bytes",
					group->members[0], group->members[i], error);
	}
	take_first(part);
	group->slice_count = group->is_alias ? 0 : first->slice_count;
	return CAIRN_OK;
}

static enum cairn_status resolve_sliced(struct merge_part *part, struct cairn_error *error)
{
	struct merge_group *const group = &part->group;
	enum cairn_status status;

	if ((status = mark_replicas(part, error)) != CAIRN_OK)
		return status;
	drop_replicas(group);
	if ((status = check_overlap(part, error)) != CAIRN_OK ||
	    (status = check_cover(part, error)) != CAIRN_OK)
		return status;
	return combine_digests(part, error);
}

static enum cairn_status resolve_several(struct merge_part *part, struct cairn_error *error)
{
	struct merge_group *const group = &part->group;
	const bool whole = is_whole(part, 0);

	for (uint32_t i = 1; i < group->count; i++) {
		if (is_whole(part, i) != whole)
			return conflict(part, CAIRN_EXISTS,
					"it is whole in one and sliced in the other:",
					group->members[0], group->members[i], error);
	}
	return whole ? resolve_whole(part, error) : resolve_sliced(part, error);
}

/* A tensor of one source only stays as it is; gaps are the only thing that can be wrong with it. */
static enum cairn_status resolve_single(struct merge_part *part, struct cairn_error *error)
{
	take_first(part);
	if (part->group.slice_count != 0 && part->group.slices[0].ranges != NULL)
		return check_cover(part, error);
	return CAIRN_OK;
}

enum cairn_status merge_resolve_group(struct merge_part *part, struct cairn_error *error)
{
	struct merge_group *const group = &part->group;
	const struct merge_cursor *const first = member(part, 0);
	enum cairn_status status;

	arena_reset(&group->scratch);
	group->slice_count = 0;
	group->is_alias = false;
	group->incomplete = false;
	group->digest_kind = DIGEST_NONE;
	memset(&group->digest, 0, sizeof(group->digest));
	status = index_dims(index_of(part, group->members[0]), first->record.dims_index,
			    first->record.rank, &group->dims, error);
	for (uint32_t i = 1; i < group->count && status == CAIRN_OK; i++)
		status = check_agreement(part, i, error);
	if (status == CAIRN_OK)
		status = read_slices(part, error);
	if (status != CAIRN_OK)
		return status;
	return group->count == 1 ? resolve_single(part, error) : resolve_several(part, error);
}
