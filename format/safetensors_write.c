/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing safetensors headers, and the index of a sharded model. The text is produced twice by the
 * same code: once to count, once into memory of exactly that size. The bytes depend on the input
 * alone; of the official writer's they differ only where its own vary from run to run, in the order
 * of the metadata.
 */
#include "format/safetensors.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/bytes.h"
#include "format/container.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/index.h"
#include "format/json.h"
#include "format/shape.h"
#include "format/sort_array.h"
#include "format/utf8.h"

#define METADATA_KEY "__metadata__"

/* --------------------------------------------------------------------------------------- output */

/* Counts, and writes where there is memory. */
struct sink {
	char *out; /* NULL: only count */
	uint64_t size;
};

static void put(struct sink *sink, const char *text, size_t size)
{
	if (sink->out != NULL && size != 0)
		memcpy(sink->out + sink->size, text, size);
	sink->size += size;
}

static void put_text(struct sink *sink, const char *text)
{
	put(sink, text, strlen(text));
}

static void put_number(struct sink *sink, uint64_t number)
{
	char text[24];

	put(sink, text, (size_t)snprintf(text, sizeof(text), "%" PRIu64, number));
}

static void put_string(struct sink *sink, struct cairn_string string, enum json_escaping escaping)
{
	if (sink->out != NULL)
		sink->size = (uint64_t)(json_quote(sink->out + sink->size, string, escaping) -
					sink->out);
	else
		sink->size += json_quoted_size(string, escaping);
}

/* ------------------------------------------------------------------------------------- the plan */

static bool equals(struct cairn_string string, const char *text)
{
	return string.size == strlen(text) && memcmp(string.data, text, string.size) == 0;
}

static enum cairn_status no_utf8(const char *what, struct cairn_string string,
				 struct cairn_error *error)
{
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET, "%s %s is no UTF-8",
			 what, quote(string).text);
}

static enum cairn_status check_expressible(const struct safetensors_tensor *tensor,
					   struct cairn_error *error)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(tensor->dtype);

	if (!utf8_valid(tensor->name.data, tensor->name.size))
		return no_utf8("tensor", tensor->name, error);
	if (equals(tensor->name, METADATA_KEY))
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "safetensors cannot hold a tensor of the name '" METADATA_KEY "'");
	if (dtype_safetensors_name(tensor->dtype) == NULL)
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "tensor %s: safetensors has no type for %s",
				 quote(tensor->name).text,
				 info != NULL ? info->name : "an unknown type");
	return CAIRN_OK;
}

static int compare_for_writing(const void *a, const void *b)
{
	const struct safetensors_tensor *const left = a;
	const struct safetensors_tensor *const right = b;

	if (left->dtype != right->dtype)
		return dtype_safetensors_order(right->dtype) - dtype_safetensors_order(left->dtype);
	return index_name_compare(left->name, right->name);
}

static bool same_name(struct cairn_string a, struct cairn_string b)
{
	return index_name_compare(a, b) == 0;
}

static enum cairn_status check_names(struct arena *arena, const struct safetensors_tensor *tensors,
				     uint64_t count, struct cairn_error *error)
{
	uint32_t *order;

	if (count == 0)
		return CAIRN_OK;
	order = sort_order_by_name(arena, &tensors->name, sizeof(*tensors), count);
	if (order == NULL)
		return error_set_memory(error, "sorting names");
	for (uint64_t i = 1; i < count; i++) {
		if (same_name(tensors[order[i - 1]].name, tensors[order[i]].name))
			return error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET,
					 "tensor %s is there twice",
					 quote(tensors[order[i]].name).text);
	}
	return CAIRN_OK;
}

static enum cairn_status place(struct safetensors_tensor *tensor, uint64_t begin,
			       struct cairn_error *error)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(tensor->dtype);
	const struct packing packing = {info->block_elements, info->block_bytes, PACKING_FLAT};
	uint64_t size = 0;
	uint64_t end = 0;
	const enum cairn_status status = shape_bytes(&packing, tensor->rank, tensor->dims, &size,
						     error);

	if (status != CAIRN_OK)
		return error_prefix_tensor(error, status, tensor->name);
	if (!checked_add(begin, size, &end) || end >= CONTAINER_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "tensor %s: %" PRIu64 " bytes behind %" PRIu64
				 " others are 2^63 or more",
				 quote(tensor->name).text, size, begin);
	tensor->begin = begin;
	tensor->end = end;
	return CAIRN_OK;
}

static enum cairn_status place_all(struct safetensors_tensor *tensors, uint64_t count,
				   const uint32_t *order, uint64_t *data_size,
				   struct cairn_error *error)
{
	uint64_t end = 0;

	for (uint64_t i = 0; i < count; i++) {
		const enum cairn_status status = place(&tensors[order[i]], end, error);

		if (status != CAIRN_OK)
			return status;
		end = tensors[order[i]].end;
	}
	*data_size = end;
	return CAIRN_OK;
}

enum cairn_status safetensors_plan_order(struct arena *arena, struct safetensors_tensor *tensors,
					 uint64_t count, uint32_t **order, uint64_t *data_size,
					 struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;
	uint32_t *numbers;

	if (count > TENSOR_COUNT_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " tensors are too many", count);
	for (uint64_t i = 0; i < count && status == CAIRN_OK; i++)
		status = check_expressible(&tensors[i], error);
	if (status == CAIRN_OK)
		status = check_names(arena, tensors, count, error);
	if (status != CAIRN_OK)
		return status;
	numbers = sort_order(arena, tensors, count, sizeof(*tensors), compare_for_writing);
	if (numbers == NULL)
		return error_set_memory(error, "sorting tensors");
	status = place_all(tensors, count, numbers, data_size, error);
	if (status == CAIRN_OK)
		*order = numbers;
	return status;
}

/* ----------------------------------------------------------------------------------- the header */

static void put_pair(struct sink *sink, const struct safetensors_pair *pair)
{
	put_string(sink, pair->key, JSON_UTF8);
	put_text(sink, ":");
	put_string(sink, pair->value, JSON_UTF8);
}

static void put_metadata(struct sink *sink, const struct safetensors_pair *metadata, uint64_t count)
{
	put_text(sink, "\"" METADATA_KEY "\":{");
	for (uint64_t i = 0; i < count; i++) {
		put_text(sink, i == 0 ? "" : ",");
		put_pair(sink, &metadata[i]);
	}
	put_text(sink, "}");
}

static void put_tensor(struct sink *sink, const struct safetensors_tensor *tensor)
{
	put_string(sink, tensor->name, JSON_UTF8);
	put_text(sink, ":{\"dtype\":\"");
	put_text(sink, dtype_safetensors_name(tensor->dtype));
	put_text(sink, "\",\"shape\":[");
	for (uint32_t d = 0; d < tensor->rank; d++) {
		put_text(sink, d == 0 ? "" : ",");
		put_number(sink, tensor->dims[d]);
	}
	put_text(sink, "],\"data_offsets\":[");
	put_number(sink, tensor->begin);
	put_text(sink, ",");
	put_number(sink, tensor->end);
	put_text(sink, "]}");
}

/* The JSON without padding. `metadata` is in key order. */
static void put_header(struct sink *sink, const struct safetensors_header_input *input)
{
	put_text(sink, "{");
	if (input->metadata_count > 0)
		put_metadata(sink, input->metadata, input->metadata_count);
	for (uint64_t i = 0; i < input->tensor_count; i++) {
		put_text(sink, i == 0 && input->metadata_count == 0 ? "" : ",");
		put_tensor(sink, &input->tensors[input->order[i]]);
	}
	put_text(sink, "}");
}

/* A copy of the pairs in key order; NULL: no memory. */
static struct safetensors_pair *sort_pairs(struct arena *arena,
					   const struct safetensors_pair *pairs, uint64_t count)
{
	struct safetensors_pair *const copy = arena_copy(arena, pairs, count * sizeof(*copy));
	uint32_t *order;

	if (copy == NULL)
		return NULL;
	order = sort_order_by_name(arena, &copy->key, sizeof(*copy), count);
	if (order == NULL)
		return NULL;
	sort_apply(copy, count, sizeof(*copy), order);
	return copy;
}

static enum cairn_status check_pairs(const struct safetensors_pair *pairs, uint64_t count,
				     struct cairn_error *error)
{
	for (uint64_t i = 0; i < count; i++) {
		if (!utf8_valid(pairs[i].key.data, pairs[i].key.size) ||
		    !utf8_valid(pairs[i].value.data, pairs[i].value.size))
			return no_utf8("metadata key or value of", pairs[i].key, error);
		if (i > 0 && same_name(pairs[i - 1].key, pairs[i].key))
			return error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET,
					 "metadata key %s is there twice",
					 quote(pairs[i].key).text);
	}
	return CAIRN_OK;
}

static enum cairn_status prepare_pairs(struct arena *arena, struct safetensors_header_input *input,
				       struct cairn_error *error)
{
	if (input->metadata_count == 0)
		return CAIRN_OK;
	input->metadata = sort_pairs(arena, input->metadata, input->metadata_count);
	if (input->metadata == NULL)
		return error_set_memory(error, "metadata");
	return check_pairs(input->metadata, input->metadata_count, error);
}

/* Length, JSON, and blanks up to `size`. */
static void fill_header(uint8_t *bytes, uint64_t size, const struct safetensors_header_input *input)
{
	struct sink sink = {.out = (char *)bytes + SAFETENSORS_PREFIX_SIZE};

	store_u64(bytes, size - SAFETENSORS_PREFIX_SIZE);
	put_header(&sink, input);
	assert(SAFETENSORS_PREFIX_SIZE + sink.size <= size);
	memset(bytes + SAFETENSORS_PREFIX_SIZE + sink.size, ' ',
	       size - SAFETENSORS_PREFIX_SIZE - sink.size);
}

enum cairn_status safetensors_header_write(struct arena *arena,
					   const struct safetensors_header_input *input,
					   uint8_t **bytes, uint64_t *size,
					   struct cairn_error *error)
{
	struct safetensors_header_input sorted = *input;
	struct sink counter = {0};
	uint64_t total;
	uint8_t *memory;
	enum cairn_status status = CAIRN_OK;

	if (sorted.alignment == 0)
		sorted.alignment = SAFETENSORS_PREFIX_SIZE;
	if (!is_power_of_two(sorted.alignment) || sorted.alignment < SAFETENSORS_PREFIX_SIZE)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "alignment %" PRIu64 " is no power of two from %u up",
				 sorted.alignment, SAFETENSORS_PREFIX_SIZE);
	for (uint64_t i = 0; i < input->tensor_count && status == CAIRN_OK; i++)
		status = check_expressible(&input->tensors[i], error);
	if (status == CAIRN_OK)
		status = prepare_pairs(arena, &sorted, error);
	if (status != CAIRN_OK)
		return status;
	put_header(&counter, &sorted);
	total = align_up(SAFETENSORS_PREFIX_SIZE + counter.size, sorted.alignment);
	if (total - SAFETENSORS_PREFIX_SIZE > SAFETENSORS_HEADER_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "the header would have %" PRIu64 " bytes, safetensors allows %u",
				 total - SAFETENSORS_PREFIX_SIZE, SAFETENSORS_HEADER_SIZE_MAX);
	memory = arena_allocate(arena, total);
	if (memory == NULL)
		return error_set_memory(error, "a safetensors header");
	fill_header(memory, total, &sorted);
	*bytes = memory;
	*size = total;
	return CAIRN_OK;
}

/* ----------------------------------------------------------------- the index of a sharded model */

static void put_index_metadata(struct sink *sink, const struct safetensors_index *index)
{
	put_text(sink, "  \"metadata\": {\n    \"total_size\": ");
	put_number(sink, index->total_size);
	for (uint64_t i = 0; i < index->metadata_count; i++) {
		const struct safetensors_index_metadata *const metadata = &index->metadata[i];

		if (equals(metadata->key, "total_size"))
			continue;
		put_text(sink, ",\n    ");
		put_string(sink, metadata->key, JSON_ASCII);
		put_text(sink, ": ");
		if (metadata->is_string)
			put_string(sink, metadata->value, JSON_ASCII);
		else
			put(sink, metadata->value.data, metadata->value.size);
	}
	put_text(sink, "\n  },\n");
}

static void put_weight_map(struct sink *sink, const struct safetensors_index *index)
{
	put_text(sink, "  \"weight_map\": {");
	for (uint64_t i = 0; i < index->entry_count; i++) {
		put_text(sink, i == 0 ? "\n    " : ",\n    ");
		put_string(sink, index->entries[i].name, JSON_ASCII);
		put_text(sink, ": ");
		put_string(sink, index->shards[index->entries[i].shard], JSON_ASCII);
	}
	put_text(sink, index->entry_count == 0 ? "}\n" : "\n  }\n");
}

static void put_index(struct sink *sink, const struct safetensors_index *index)
{
	put_text(sink, "{\n");
	put_index_metadata(sink, index);
	put_weight_map(sink, index);
	put_text(sink, "}");
}

static enum cairn_status check_entries(const struct safetensors_index *index,
				       struct cairn_error *error)
{
	for (uint64_t i = 0; i < index->entry_count; i++) {
		const struct safetensors_index_entry *const entry = &index->entries[i];

		if (!utf8_valid(entry->name.data, entry->name.size))
			return no_utf8("tensor", entry->name, error);
		if (entry->shard >= index->shard_count)
			return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
					 "tensor %s: shard %" PRIu32 " of %" PRIu32,
					 quote(entry->name).text, entry->shard, index->shard_count);
		if (i > 0 && same_name(index->entries[i - 1].name, entry->name))
			return error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET,
					 "tensor %s is there twice", quote(entry->name).text);
	}
	for (uint32_t i = 0; i < index->shard_count; i++) {
		if (!utf8_valid(index->shards[i].data, index->shards[i].size))
			return no_utf8("shard", index->shards[i], error);
	}
	return CAIRN_OK;
}

static enum cairn_status check_index_metadata(const struct safetensors_index *index,
					      struct cairn_error *error)
{
	for (uint64_t i = 0; i < index->metadata_count; i++) {
		const struct safetensors_index_metadata *const metadata = &index->metadata[i];

		if (!utf8_valid(metadata->key.data, metadata->key.size) ||
		    !utf8_valid(metadata->value.data, metadata->value.size))
			return no_utf8("metadata key or value of", metadata->key, error);
		if (i > 0 && same_name(index->metadata[i - 1].key, metadata->key))
			return error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET,
					 "metadata key %s is there twice",
					 quote(metadata->key).text);
	}
	return CAIRN_OK;
}

static enum cairn_status sort_entries(struct arena *arena, struct safetensors_index *index)
{
	const uint64_t count = index->entry_count;
	const size_t size = sizeof(*index->entries);
	uint32_t *order;

	if (count == 0)
		return CAIRN_OK;
	index->entries = arena_copy(arena, index->entries, count * size);
	if (index->entries == NULL)
		return CAIRN_NO_MEMORY;
	order = sort_order_by_name(arena, &index->entries->name, size, count);
	if (order == NULL)
		return CAIRN_NO_MEMORY;
	sort_apply(index->entries, count, size, order);
	return CAIRN_OK;
}

static enum cairn_status sort_index_metadata(struct arena *arena, struct safetensors_index *index)
{
	const uint64_t count = index->metadata_count;
	const size_t size = sizeof(*index->metadata);
	uint32_t *order;

	if (count == 0)
		return CAIRN_OK;
	index->metadata = arena_copy(arena, index->metadata, count * size);
	if (index->metadata == NULL)
		return CAIRN_NO_MEMORY;
	order = sort_order_by_name(arena, &index->metadata->key, size, count);
	if (order == NULL)
		return CAIRN_NO_MEMORY;
	sort_apply(index->metadata, count, size, order);
	return CAIRN_OK;
}

/* Copies what has to be in order, so that the caller's arrays stay as they are. */
static enum cairn_status sort_index(struct arena *arena, struct safetensors_index *index,
				    struct cairn_error *error)
{
	if (sort_entries(arena, index) != CAIRN_OK || sort_index_metadata(arena, index) != CAIRN_OK)
		return error_set_memory(error, "the index of a sharded model");
	return CAIRN_OK;
}

enum cairn_status safetensors_index_write(struct arena *arena,
					  const struct safetensors_index *index, char **json,
					  uint64_t *size, struct cairn_error *error)
{
	struct safetensors_index sorted = *index;
	struct sink sink = {0};
	enum cairn_status status = sort_index(arena, &sorted, error);

	if (status == CAIRN_OK)
		status = check_entries(&sorted, error);
	if (status == CAIRN_OK)
		status = check_index_metadata(&sorted, error);
	if (status != CAIRN_OK)
		return status;
	put_index(&sink, &sorted);
	if (sink.size > SAFETENSORS_HEADER_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "the index would have %" PRIu64 " bytes, %u are allowed",
				 sink.size, SAFETENSORS_HEADER_SIZE_MAX);
	sink = (struct sink){.out = arena_allocate(arena, sink.size)};
	if (sink.out == NULL)
		return error_set_memory(error, "the index of a sharded model");
	put_index(&sink, &sorted);
	*json = sink.out;
	*size = sink.size;
	return CAIRN_OK;
}
