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
#include "format/digest.h"
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

static enum cairn_status wrong_name_space(uint64_t number, int found, int expected,
					  struct cairn_error *error)
{
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "tensor record %" PRIu64 " is in namespace %d instead of %d", number,
			 found, expected);
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
		return wrong_name_space(number, record->name_space, (int)name_space, error);
	return index_name(index, record->name_offset, record->name_size, name, error);
}

/* A binary search that has not ended: the numbers that are left, and the nearest names met so far
 * on either side. */
struct search {
	uint64_t low;
	uint64_t high;
	struct cairn_string below;
	struct cairn_string above;
};

/* Half of the search's time is waiting for records: the two that may be next are asked for before
 * names are compared. */
static void prefetch_next(const struct index *index, const struct search *search, uint64_t middle)
{
	index_prefetch(index, search->low + (middle - search->low) / 2);
	index_prefetch(index, middle + 1 + (search->high - middle - 1) / 2);
}

/* Goes on in one of the halves. CORRUPT when the name in the middle does not lie between those
 * beside it. */
static enum cairn_status narrow(struct search *search, uint64_t middle, struct cairn_string name,
				int order, struct cairn_error *error)
{
	if ((order <= 0 && search->below.data != NULL &&
	     index_name_compare(search->below, name) >= 0) ||
	    (order >= 0 && search->above.data != NULL &&
	     index_name_compare(name, search->above) >= 0))
		return out_of_order(middle, name, error);
	if (order < 0) {
		search->low = middle + 1;
		search->below = name;
	} else {
		search->high = middle;
		search->above = name;
	}
	return CAIRN_OK;
}

/* The record that the search ended at; only now is all of it looked at. */
static enum cairn_status found(const struct index *index, enum name_space name_space,
			       uint64_t middle, uint64_t *number, struct tensor_record *record,
			       struct cairn_error *error)
{
	struct cairn_string name;
	const enum cairn_status status = record_name(index, middle, name_space, record, &name,
						     error);

	if (status == CAIRN_OK)
		*number = middle;
	return status;
}

enum cairn_status index_find(const struct index *index, enum name_space name_space,
			     struct cairn_string name, uint64_t *number,
			     struct tensor_record *record, struct cairn_error *error)
{
	const bool metadata = name_space == NAME_SPACE_METADATA;
	struct search search = {.low = metadata ? index->tensor_count : 0};

	search.high = search.low + (metadata ? index->metadata_count : index->tensor_count);
	while (search.low < search.high) {
		const uint64_t middle = search.low + (search.high - search.low) / 2;
		struct cairn_string probed;
		uint8_t probed_space = 0;
		enum cairn_status status;
		int order;

		prefetch_next(index, &search, middle);
		status = index_probe(index, middle, &probed_space, &probed, error);
		if (status != CAIRN_OK)
			return status;
		if (probed_space != name_space)
			return wrong_name_space(middle, probed_space, (int)name_space, error);
		order = index_name_compare(probed, name);
		status = narrow(&search, middle, probed, order, error);
		if (status != CAIRN_OK)
			return status;
		if (order == 0)
			return found(index, name_space, middle, number, record, error);
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

/* An alias makes the same promises about the bytes. */
static enum cairn_status check_promises(const struct tensor_record *alias,
					const struct tensor_record *holder,
					struct cairn_error *error)
{
	if (alias->digest_kind != holder->digest_kind ||
	    !digest_equal(&alias->digest, &holder->digest))
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "an alias with another digest than the tensor that it names");
	if (((alias->flags ^ holder->flags) & TENSOR_INCOMPLETE) != 0)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "an alias is incomplete and the tensor that it names is not, "
				 "or the other way round");
	return CAIRN_OK;
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
	status = check_promises(record, &target, error);
	if (status == CAIRN_OK)
		*holder = target;
	return status;
}
