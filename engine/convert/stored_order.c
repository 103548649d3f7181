/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorting tensors by where they are stored. A tensor of several slices is where its first slice is:
 * slices of one tensor are copied together.
 */
#include "engine/convert/stored_order.h"

#include "engine/read/stored.h"
#include "format/error.h"
#include "format/sort_array.h"

static int compare_places(const void *a, const void *b)
{
	const struct stored_place *const left = a;
	const struct stored_place *const right = b;

	if (left->shard != right->shard)
		return left->shard < right->shard ? -1 : 1;
	return (left->offset > right->offset) - (left->offset < right->offset);
}

/* Also where bytes lie that are not handed out as they are stored: the files are read in order all
 * the same. */
static enum cairn_status find_place(const struct cairn_reader *reader, uint64_t number,
				    struct stored_place *place, struct cairn_error *error)
{
	struct cairn_tensor tensor;
	struct tensor_record record;
	struct tensor_record holder;
	struct stored stored = {.offset = CAIRN_NO_OFFSET};
	enum cairn_status status = cairn_reader_tensor_at(reader, number, &tensor, error);

	if (status == CAIRN_OK)
		status = index_tensor(&reader->index, tensor.record, &record, error);
	if (status == CAIRN_OK)
		status = index_resolve_alias(&reader->index, tensor.record, &record, &holder,
					     error);
	if (status == CAIRN_OK && holder.slice_count != 0)
		status = stored_open(reader, holder.slice_index, tensor.name, &stored, error);
	if (status != CAIRN_OK)
		return status;
	*place = (struct stored_place){.number = number,
				       .offset = stored.record.extent_count == 0 ? CAIRN_NO_OFFSET
										 : stored.offset,
				       .shard = stored.shard};
	return CAIRN_OK;
}

enum cairn_status stored_order(const struct cairn_reader *reader, struct arena *arena,
			       struct stored_place **result, struct cairn_error *error)
{
	const uint64_t count = cairn_reader_tensor_count(reader);
	struct stored_place *const places = arena_allocate_array(arena, count, sizeof(*places));
	uint32_t *order;

	if (places == NULL)
		return error_set_memory(error, "the order of the tensors");
	for (uint64_t i = 0; i < count; i++) {
		const enum cairn_status status = find_place(reader, i, &places[i], error);

		if (status != CAIRN_OK)
			return status;
	}
	order = sort_order(arena, places, count, sizeof(*places), compare_places);
	if (order == NULL)
		return error_set_memory(error, "sorting tensors");
	sort_apply(places, count, sizeof(*places), order);
	*result = places;
	return CAIRN_OK;
}
