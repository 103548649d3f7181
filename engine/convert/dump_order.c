/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order of the pieces of a checkpoint.
 *
 * A container numbers its slices in the order of the add calls. An alias was a call, too, but has
 * no slice: it left a gap in the numbers. Which alias stands in which gap makes no difference to
 * the bytes, so they fill the gaps in the order of their names.
 *
 * Records are read in order, which makes sure that no two of them claim the same slices: there are
 * no more pieces than the index has records.
 */
#include "engine/convert/dump_order.h"

#include <string.h>

#include "engine/read/stored.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/sort_array.h"

struct collector {
	const struct cairn_reader *reader;
	struct arena *arena;
	struct dump_piece *pieces; /* with slices, or all of a tensor */
	uint64_t count;
	uint64_t capacity;
	struct dump_piece *aliases;
	uint64_t alias_count;
	uint64_t alias_capacity;
	bool is_container;
};

static enum cairn_status add_piece(struct collector *collector, const struct dump_piece *piece,
				   struct cairn_error *error)
{
	struct dump_piece *const pieces = arena_grow(collector->arena, collector->pieces,
						     &collector->capacity, collector->count + 1,
						     sizeof(*pieces));

	if (pieces == NULL)
		return error_set_memory(error, "the order of the tensors");
	collector->pieces = pieces;
	pieces[collector->count++] = *piece;
	return CAIRN_OK;
}

static enum cairn_status add_alias(struct collector *collector, uint64_t number,
				   struct cairn_error *error)
{
	struct dump_piece *const aliases = arena_grow(collector->arena, collector->aliases,
						      &collector->alias_capacity,
						      collector->alias_count + 1, sizeof(*aliases));

	if (aliases == NULL)
		return error_set_memory(error, "the order of the tensors");
	collector->aliases = aliases;
	aliases[collector->alias_count++] = (struct dump_piece){
		.number = number, .slice = DUMP_WHOLE, .is_alias = true};
	return CAIRN_OK;
}

/* Where a stored slice lies. */
static enum cairn_status find_place(const struct collector *collector, uint64_t slice,
				    struct dump_piece *piece, struct cairn_error *error)
{
	const struct cairn_string nameless = {"", 0};
	struct slice_record record;
	struct stored stored;
	enum cairn_status status;

	if (collector->is_container) {
		status = index_slice(&collector->reader->index, slice, &record, error);
		piece->place = record.storage_rank;
		return status;
	}
	status = stored_open(collector->reader, slice, nameless, &stored, error);
	if (status == CAIRN_OK) {
		piece->place = stored.record.extent_count == 0 ? CAIRN_NO_OFFSET : stored.offset;
		piece->shard = stored.shard;
	}
	return status;
}

/* Strings that are stored in slices are joined: the slices of a container have a fixed size. */
static bool is_joined(const struct tensor_record *record)
{
	return record->slice_count == 0 || dtype_is_variable((enum cairn_dtype)record->dtype);
}

static enum cairn_status collect_tensor(struct collector *collector, uint64_t number,
					const struct tensor_record *record,
					struct cairn_error *error)
{
	const uint32_t count = is_joined(record) ? 1 : record->slice_count;
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < count && status == CAIRN_OK; i++) {
		struct dump_piece piece = {.number = number,
					   .place = CAIRN_NO_OFFSET,
					   .slice = is_joined(record) ? DUMP_WHOLE : i};

		if (record->slice_count != 0)
			status = find_place(collector, record->slice_index + i, &piece, error);
		if (status == CAIRN_OK)
			status = add_piece(collector, &piece, error);
	}
	return status;
}

static enum cairn_status collect(struct collector *collector, struct cairn_error *error)
{
	const struct index *const index = &collector->reader->index;
	const uint64_t count = index->tensor_count + index->metadata_count;
	enum cairn_status status = CAIRN_OK;

	for (uint64_t number = 0; number < count && status == CAIRN_OK; number++) {
		struct tensor_record record;

		status = index_tensor_in_order(index, number, &record, error);
		if (status != CAIRN_OK)
			return status;
		status = (record.flags & TENSOR_ALIAS) != 0
				 ? add_alias(collector, number, error)
				 : collect_tensor(collector, number, &record, error);
	}
	return status;
}

static int compare_pieces(const void *a, const void *b)
{
	const struct dump_piece *const left = a;
	const struct dump_piece *const right = b;

	if (left->shard != right->shard)
		return left->shard < right->shard ? -1 : 1;
	return (left->place > right->place) - (left->place < right->place);
}

static enum cairn_status sort_pieces(struct collector *collector, struct cairn_error *error)
{
	uint32_t *order;

	if (collector->count + collector->alias_count > UINT32_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "more than 2^32 tensors and slices");
	order = sort_order(collector->arena, collector->pieces, collector->count,
			   sizeof(*collector->pieces), compare_pieces);
	if (order == NULL)
		return error_set_memory(error, "sorting tensors");
	sort_apply(collector->pieces, collector->count, sizeof(*collector->pieces), order);
	return CAIRN_OK;
}

static enum cairn_status merge_aliases(const struct collector *collector, struct dump_order *order,
				       struct cairn_error *error)
{
	const uint64_t count = collector->count + collector->alias_count;
	struct dump_piece *const pieces = arena_reserve_array(collector->arena, count,
							      sizeof(*pieces));
	uint64_t alias = 0;
	uint64_t used = 0;

	if (pieces == NULL)
		return error_set_memory(error, "the order of the tensors");
	for (uint64_t i = 0; i < collector->count; i++) {
		while (collector->is_container && alias < collector->alias_count &&
		       used < collector->pieces[i].place)
			pieces[used++] = collector->aliases[alias++];
		pieces[used++] = collector->pieces[i];
	}
	while (alias < collector->alias_count)
		pieces[used++] = collector->aliases[alias++];
	order->pieces = pieces;
	order->count = used;
	return CAIRN_OK;
}

enum cairn_status dump_order(const struct cairn_reader *reader, struct arena *arena,
			     struct dump_order *order, struct cairn_error *error)
{
	struct collector collector = {.reader = reader,
				      .arena = arena,
				      .is_container = !reader->index.foreign &&
						      reader->index.shard_count == 1};
	enum cairn_status status;

	order->is_container = collector.is_container;
	status = collect(&collector, error);
	if (status == CAIRN_OK)
		status = sort_pieces(&collector, error);
	return status == CAIRN_OK ? merge_aliases(&collector, order, error) : status;
}
