/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metadata of a merge. There is little of it: all values are read into memory, sorted by key, and
 * one of each key is kept; sources that disagree about one are a mistake.
 */
#include "engine/write/merge.h"

#include <string.h>

#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"
#include "format/sort.h"

static enum cairn_status read_value(struct merge *merge, uint32_t source, uint64_t index,
				    struct merge_value *value, struct cairn_error *error)
{
	struct cairn_view view = {0};
	enum cairn_status status;

	status = cairn_reader_metadata_at(merge->sources[source].reader, index, &value->value,
					  error);
	if (status == CAIRN_OK)
		status = cairn_tensor_view(&value->value, &view, error);
	if (status != CAIRN_OK)
		return status;
	value->source = source;
	value->size = view.size;
	value->bytes = arena_copy(&merge->arena, view.data, view.size);
	cairn_view_release(&view);
	return value->bytes == NULL ? error_set_memory(error, "metadata") : CAIRN_OK;
}

static int compare_values(const void *a, const void *b)
{
	return index_name_compare(((const struct merge_value *)a)->value.name,
				  ((const struct merge_value *)b)->value.name);
}

static bool same_value(const struct merge_value *a, const struct merge_value *b)
{
	return a->value.dtype == b->value.dtype && a->value.rank == b->value.rank &&
	       a->size == b->size && (a->value.rank == 0 || a->value.dims[0] == b->value.dims[0]) &&
	       memcmp(a->bytes, b->bytes, a->size) == 0;
}

static enum cairn_status differing_values(const struct merge *merge, const struct merge_value *a,
					  const struct merge_value *b, struct cairn_error *error)
{
	const struct quoted first = quote(
		cairn_string_from(merge->sources[a->source].reader->name));
	const struct quoted second = quote(
		cairn_string_from(merge->sources[b->source].reader->name));

	return error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET,
			 "metadata key %s has different values in %s and in %s",
			 quote(a->value.name).text, first.text, second.text);
}

/* Sorts the values and keeps one of each key. */
static enum cairn_status join_values(struct merge *merge, struct merge_value *all, uint64_t count,
				     struct cairn_error *error)
{
	void **const order = arena_allocate_array(&merge->arena, 2 * count, sizeof(void *));

	merge->values = arena_allocate_array(&merge->arena, count, sizeof(*merge->values));
	if (order == NULL || merge->values == NULL)
		return error_set_memory(error, "metadata");
	for (uint64_t i = 0; i < count; i++)
		order[i] = &all[i];
	sort_pointers(order, order + count, count, compare_values);
	for (uint64_t i = 0; i < count; i++) {
		const struct merge_value *const value = order[i];
		const struct merge_value *const last =
			merge->value_count == 0 ? NULL : &merge->values[merge->value_count - 1];

		if (last == NULL || compare_values(last, value) != 0)
			merge->values[merge->value_count++] = *value;
		else if (!same_value(last, value))
			return differing_values(merge, last, value, error);
	}
	return CAIRN_OK;
}

static bool digest_value(struct merge *merge, struct merge_value *value)
{
	const uint64_t chunks = divide_up(value->size, CHUNK_SIZE_DEFAULT);
	uint8_t *const digests = arena_allocate_array(&merge->arena, chunks, DIGEST_SIZE);

	for (uint64_t i = 0; digests != NULL && i < chunks; i++) {
		const uint64_t start = i * CHUNK_SIZE_DEFAULT;
		const uint64_t left = value->size - start;
		const struct cairn_digest digest = digest_bytes(
			value->bytes + start,
			left < CHUNK_SIZE_DEFAULT ? left : CHUNK_SIZE_DEFAULT);

		memcpy(digests + i * DIGEST_SIZE, digest.bytes, DIGEST_SIZE);
	}
	value->digests = digests;
	return digests != NULL;
}

/* Values lie in the index container itself, one after the other. */
static enum cairn_status place_values(struct merge *merge, struct cairn_error *error)
{
	uint64_t end = CONTAINER_PAGE_SIZE;

	for (uint64_t i = 0; i < merge->value_count; i++) {
		struct merge_value *const value = &merge->values[i];

		value->offset = align_up(end, value->size >= CONTAINER_LARGE_SIZE
						      ? CONTAINER_PAGE_SIZE
						      : CONTAINER_SMALL_ALIGNMENT);
		if (value->size != 0)
			end = value->offset + value->size;
		if (!digest_value(merge, value))
			return error_set_memory(error, "metadata");
	}
	merge->data_end = end;
	return CAIRN_OK;
}

enum cairn_status merge_plan_values(struct merge *merge, struct cairn_error *error)
{
	struct merge_value *all;
	uint64_t count = 0;
	uint64_t used = 0;
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < merge->source_count; i++)
		count += merge->sources[i].reader->index.metadata_count;
	all = arena_allocate_array(&merge->arena, count, sizeof(*all));
	if (all == NULL)
		return error_set_memory(error, "metadata");
	for (uint32_t i = 0; i < merge->source_count; i++) {
		for (uint64_t k = 0;
		     k < merge->sources[i].reader->index.metadata_count && status == CAIRN_OK; k++)
			status = read_value(merge, i, k, &all[used++], error);
	}
	if (status == CAIRN_OK)
		status = join_values(merge, all, used, error);
	return status == CAIRN_OK ? place_values(merge, error) : status;
}
