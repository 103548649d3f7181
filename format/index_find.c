/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding tensors in an index, and walking through it.
 *
 * Both check the order that they rely on as they go: names strictly ascending where they were
 * compared, ranges beginning where the record before ended. A damaged or dishonest order is CORRUPT
 * where it shows; a lookup that never meets it can give a wrong NOT_FOUND, never a wild access.
 * CAIRN_OPEN_CHECK_INDEX rules that out.
 */
#include "format/index.h"

#include <inttypes.h>

#include "format/bytes.h"
#include "format/error.h"

int index_name_compare(struct cairn_string a, struct cairn_string b)
{
	const size_t common = a.size < b.size ? a.size : b.size;
	const int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

	if (order != 0)
		return order;
	return (a.size > b.size) - (a.size < b.size);
}

static enum cairn_status out_of_order(uint64_t number, struct cairn_string name,
				      struct cairn_error *error)
{
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "tensor record %" PRIu64
			 " named %s is not in its place in the order of names",
			 number, quote(name).text);
}

static enum cairn_status record_name(const struct index *index, uint64_t number,
				     enum name_space name_space, struct tensor_record *record,
				     struct cairn_string *name, struct cairn_error *error)
{
	enum cairn_status status;

	status = index_tensor(index, number, record, error);
	if (status != CAIRN_OK)
		return status;
	if (record->name_space != name_space)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "tensor record %" PRIu64 " is in namespace %d instead of %d",
				 number, record->name_space, (int)name_space);
	return index_name(index, record->name_offset, record->name_size, name, error);
}

enum cairn_status index_find(const struct index *index, enum name_space name_space,
			     struct cairn_string name, uint64_t *number,
			     struct tensor_record *record, struct cairn_error *error)
{
	uint64_t low = name_space == NAME_SPACE_TENSOR ? 0 : index->tensor_count;
	uint64_t high = low + (name_space == NAME_SPACE_TENSOR ? index->tensor_count
							       : index->metadata_count);
	struct cairn_string below = {NULL, 0}; /* the nearest names met so far on either side */
	struct cairn_string above = {NULL, 0};

	while (low < high) {
		const uint64_t middle = low + (high - low) / 2;
		struct tensor_record probed;
		struct cairn_string probed_name;
		enum cairn_status status;
		int order;

		status = record_name(index, middle, name_space, &probed, &probed_name, error);
		if (status != CAIRN_OK)
			return status;
		order = index_name_compare(probed_name, name);
		if ((order <= 0 && below.data != NULL &&
		     index_name_compare(below, probed_name) >= 0) ||
		    (order >= 0 && above.data != NULL &&
		     index_name_compare(probed_name, above) >= 0))
			return out_of_order(middle, probed_name, error);
		if (order == 0) {
			*number = middle;
			*record = probed;
			return CAIRN_OK;
		}
		if (order < 0) {
			low = middle + 1;
			below = probed_name;
		} else {
			high = middle;
			above = probed_name;
		}
	}
	return CAIRN_NOT_FOUND;
}

/* Where the ranges of the first record of the index begin: at the beginning. */
static bool begins_at_zero(const struct tensor_record *record)
{
	return record->name_offset == 0 && record->dims_index == 0 && record->slice_index == 0;
}

/* Names and slices of a record begin where those of the one before ended. (Its dims follow those of
 * the other's slices too: index_check counts them.) */
static bool follows(const struct tensor_record *record, const struct tensor_record *before)
{
	return record->name_offset == before->name_offset + before->name_size &&
	       record->slice_index == before->slice_index + before->slice_count &&
	       record->dims_index >= before->dims_index + before->rank;
}

enum cairn_status index_tensor_in_order(const struct index *index, uint64_t number,
					struct tensor_record *record, struct cairn_error *error)
{
	const enum name_space name_space = number < index->tensor_count ? NAME_SPACE_TENSOR
									: NAME_SPACE_METADATA;
	struct tensor_record before;
	struct tensor_record decoded;
	struct cairn_string name_before;
	struct cairn_string name;
	enum cairn_status status;

	status = record_name(index, number, name_space, &decoded, &name, error);
	if (status != CAIRN_OK)
		return status;
	if (number == 0 && !begins_at_zero(&decoded))
		return out_of_order(number, name, error);
	if (number != 0) {
		status = index_tensor(index, number - 1, &before, error);
		if (status == CAIRN_OK)
			status = index_name(index, before.name_offset, before.name_size,
					    &name_before, error);
		if (status != CAIRN_OK)
			return status;
		if (!follows(&decoded, &before) || before.name_space > decoded.name_space ||
		    (before.name_space == decoded.name_space &&
		     index_name_compare(name_before, name) >= 0))
			return out_of_order(number, name, error);
	}
	*record = decoded;
	return CAIRN_OK;
}

/* An alias says about itself what its holder says. */
static bool same_content(const struct index *index, const struct tensor_record *a,
			 const struct tensor_record *b)
{
	const uint64_t *a_dims;
	const uint64_t *b_dims;

	return a->size == b->size && a->dtype == b->dtype && a->name_space == b->name_space &&
	       a->rank == b->rank && a->block_elements == b->block_elements &&
	       a->block_bytes == b->block_bytes && a->packing == b->packing &&
	       index_dims(index, a->dims_index, a->rank, &a_dims, NULL) == CAIRN_OK &&
	       index_dims(index, b->dims_index, b->rank, &b_dims, NULL) == CAIRN_OK &&
	       memcmp(a_dims, b_dims, a->rank * sizeof(*a_dims)) == 0;
}

enum cairn_status index_resolve_alias(const struct index *index, uint64_t number,
				      const struct tensor_record *record,
				      struct tensor_record *holder, struct cairn_error *error)
{
	struct tensor_record target;
	enum cairn_status status;

	if ((record->flags & TENSOR_ALIAS) == 0) {
		*holder = *record;
		return CAIRN_OK;
	}
	if (record->alias_of >= number)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "tensor record %" PRIu64 " is an alias of record %" PRIu64
				 ", which is not before it",
				 number, record->alias_of);
	status = index_tensor(index, record->alias_of, &target, error);
	if (status != CAIRN_OK)
		return status;
	if ((target.flags & TENSOR_ALIAS) != 0 || record->slice_count != 0 ||
	    !same_content(index, record, &target))
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "tensor record %" PRIu64 " is an alias of record %" PRIu64
				 ", which is an alias itself or has another type or shape",
				 number, record->alias_of);
	*holder = target;
	return CAIRN_OK;
}
