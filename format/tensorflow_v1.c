/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading one file of the first format: its first entry describes tensors and slices, each other
 * one holds the values of a slice, under the key that name and extents make. Both are walked side
 * by side in the order of the keys, so that every slice has its entry, and every entry its slice.
 */
#include "format/tensorflow_v1.h"

#include <inttypes.h>
#include <string.h>

#include "format/bytes.h"
#include "format/container.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/shape.h"
#include "format/sort_array.h"
#include "format/tensorflow_bundle_entry.h"
#include "format/tensorflow_slice_key.h"
#include "format/tensorflow_v1_fields.h"

/* Of an extent in a slice: tag and length. */
#define EXTENT_SIZE_MIN 2u

/* --------------------------------------------------------------------------------------- slices */

/* Where the slice lies: within the shape. */
static enum cairn_status resolve(const struct v1_tensor *tensor, struct v1_slice *slice,
				 struct cairn_error *error)
{
	uint64_t starts[CAIRN_RANK_MAX];
	uint64_t lengths[CAIRN_RANK_MAX];
	enum cairn_status status;

	for (uint32_t d = 0; d < tensor->rank; d++) {
		starts[d] = slice->ranges[2 * (size_t)d];
		lengths[d] = slice->ranges[2 * (size_t)d + 1];
		if (lengths[d] == 0)
			return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
					 "one of its slices has length 0 in dimension %" PRIu32, d);
	}
	status = shape_resolve_slice(tensor->rank, tensor->dims, starts, lengths, error);
	if (status != CAIRN_OK) { /* as for a caller's slice; but this one is the file's */
		if (error != NULL)
			error->code = CAIRN_CORRUPT;
		return CAIRN_CORRUPT;
	}
	slice->elements = 1; /* within the shape, whose product fits */
	for (uint32_t d = 0; d < tensor->rank; d++)
		slice->elements *= lengths[d];
	return CAIRN_OK;
}

/* The second walk over the description of a tensor: now its rank is known. */
static enum cairn_status parse_slices(struct arena *arena, const struct proto_field *message,
				      struct v1_tensor *tensor, struct cairn_error *error)
{
	const uint64_t values = 2 * (uint64_t)tensor->rank;
	struct proto_reader reader;
	struct proto_field field;
	uint64_t *ranges;
	uint32_t i = 0;
	enum cairn_status status = CAIRN_OK;

	tensor->slices = arena_allocate_array(arena, tensor->slice_count, sizeof(*tensor->slices));
	ranges = arena_allocate_array(arena, tensor->slice_count * values, sizeof(*ranges));
	if (tensor->slices == NULL || ranges == NULL)
		return error_set_memory(error, "slices");
	proto_reader_init(&reader, message->bytes, message->size);
	while (status == CAIRN_OK && i < tensor->slice_count && proto_next(&reader, &field)) {
		struct v1_slice *const slice = &tensor->slices[i];

		if (!proto_is(&field, TENSOR_SLICE, PROTO_BYTES))
			continue;
		*slice = (struct v1_slice){.ranges = ranges + i * values, .rank = tensor->rank};
		status = bundle_parse_slice(&field, tensor->rank, ranges + i * values, error);
		if (status == CAIRN_OK)
			status = resolve(tensor, slice, error);
		i++;
	}
	return status;
}

/* Looked at before room is made for them. */
static enum cairn_status check_slices(const struct v1_tensor *tensor, uint64_t size,
				      struct cairn_error *error)
{
	if (tensor->slice_count == 0)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET, "it has no slices");
	if (tensor->slice_count > SLICE_COUNT_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "it has more than %u slices", SLICE_COUNT_MAX);
	if (size / EXTENT_SIZE_MIN < (uint64_t)tensor->slice_count * tensor->rank)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "its %" PRIu32 " slices have %" PRIu64
				 " bytes, too few for extents of %d dimensions",
				 tensor->slice_count, size, tensor->rank);
	return CAIRN_OK;
}

/* -------------------------------------------------------------------------------------- tensors */

/* What the first walk over the description of a tensor found. */
struct description {
	struct cairn_string name;
	struct bundle_shape shape;
	uint32_t dtype;
	uint32_t slice_count;
	uint64_t slices_size;
};

static enum cairn_status take_field(const struct proto_field *field,
				    struct description *description, struct cairn_error *error)
{
	if (proto_is(field, TENSOR_NAME, PROTO_BYTES))
		description->name = (struct cairn_string){(const char *)field->bytes, field->size};
	else if (proto_is(field, TENSOR_SHAPE, PROTO_BYTES))
		return bundle_parse_shape(field, &description->shape, error);
	else if (proto_is(field, TENSOR_TYPE, PROTO_VARINT))
		description->dtype = (uint32_t)field->value;
	else if (proto_is(field, TENSOR_SLICE, PROTO_BYTES)) {
		description->slices_size += field->size;
		description->slice_count += description->slice_count <= SLICE_COUNT_MAX;
	}
	return CAIRN_OK;
}

static enum cairn_status describe(struct arena *arena, const struct proto_field *message,
				  const struct description *description, struct v1_tensor *tensor,
				  struct cairn_error *error)
{
	enum cairn_status status = bundle_check_name(description->name, error);

	tensor->rank = (uint8_t)description->shape.rank;
	tensor->slice_count = description->slice_count;
	if (status == CAIRN_OK)
		status = bundle_take_dtype(description->dtype, &tensor->dtype, error);
	if (status == CAIRN_OK)
		status = bundle_keep_shape(arena, &description->shape, &tensor->dims,
					   &tensor->elements, error);
	if (status == CAIRN_OK)
		status = check_slices(tensor, description->slices_size, error);
	return status == CAIRN_OK ? parse_slices(arena, message, tensor, error) : status;
}

static enum cairn_status parse_tensor(struct arena *arena, const struct proto_field *message,
				      struct v1_tensor *tensor, struct cairn_error *error)
{
	struct proto_reader reader;
	struct proto_field field;
	struct description description;
	enum cairn_status status = CAIRN_OK;

	description.name = (struct cairn_string){"", 0};
	description.shape.rank = 0;
	description.dtype = description.slice_count = 0;
	description.slices_size = 0;
	proto_reader_init(&reader, message->bytes, message->size);
	while (status == CAIRN_OK && proto_next(&reader, &field))
		status = take_field(&field, &description, error);
	if (status == CAIRN_OK)
		status = proto_reader_status(&reader, "the description of a tensor", error);
	if (status != CAIRN_OK)
		return status;
	tensor->name = (struct cairn_string){
		arena_copy(arena, description.name.data, description.name.size),
		description.name.size};
	if (tensor->name.data == NULL)
		return error_set_memory(error, "a name");
	status = describe(arena, message, &description, tensor, error);
	return status == CAIRN_OK ? status : error_prefix_tensor(error, status, tensor->name);
}

/* --------------------------------------------------------------------------------- descriptions */

struct reading {
	struct arena *arena;
	struct table_reader *table;
	struct v1_checkpoint *checkpoint;
	uint16_t shard;
	uint64_t first;              /* tensor of this file */
	struct bundle_header header; /* for its version */
	uint64_t bad_consumers_capacity;
	bool has_meta;
	uint8_t *key; /* room for the key that a slice must have */
	uint64_t key_capacity;
};

static enum cairn_status add_tensor(struct reading *reading, const struct proto_field *message,
				    struct cairn_error *error)
{
	struct v1_checkpoint *const checkpoint = reading->checkpoint;
	struct v1_tensor *const tensors = arena_grow(
		reading->arena, checkpoint->tensors, &checkpoint->capacity,
		checkpoint->tensor_count + 1, sizeof(*tensors));

	if (tensors == NULL)
		return error_set_memory(error, "the tensors of a checkpoint");
	checkpoint->tensors = tensors;
	tensors[checkpoint->tensor_count] = (struct v1_tensor){.shard = reading->shard};
	return parse_tensor(reading->arena, message, &tensors[checkpoint->tensor_count++], error);
}

static enum cairn_status parse_meta(struct reading *reading, const struct proto_field *message,
				    struct cairn_error *error)
{
	struct proto_reader reader;
	struct proto_field field;
	enum cairn_status status = CAIRN_OK;

	reading->has_meta = true;
	proto_reader_init(&reader, message->bytes, message->size);
	while (status == CAIRN_OK && proto_next(&reader, &field)) {
		if (proto_is(&field, META_TENSOR, PROTO_BYTES))
			status = add_tensor(reading, &field, error);
		else if (proto_is(&field, META_VERSIONS, PROTO_BYTES))
			status = bundle_parse_version(reading->arena, &field, &reading->header,
						      &reading->bad_consumers_capacity, error);
	}
	return status == CAIRN_OK
		       ? proto_reader_status(&reader, "the description of the tensors", error)
		       : status;
}

static enum cairn_status no_meta(struct cairn_error *error)
{
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "it does not begin with a description of tensors: no TensorFlow V1 "
			 "checkpoint, perhaps the index of a newer one");
}

static enum cairn_status read_meta(struct reading *reading, struct cairn_error *error)
{
	struct table_entry entry;
	struct proto_reader reader;
	struct proto_field field;
	bool found;
	enum cairn_status status = table_next(reading->table, &entry, &found, error);

	if (status != CAIRN_OK)
		return status;
	if (!found || entry.key.size != 0)
		return no_meta(error);
	proto_reader_init(&reader, entry.value, entry.value_size);
	while (status == CAIRN_OK && proto_next(&reader, &field)) {
		if (proto_is(&field, ENTRY_META, PROTO_BYTES))
			status = parse_meta(reading, &field, error);
	}
	if (status == CAIRN_OK)
		status = proto_reader_status(&reader, "the description of the tensors", error);
	if (status == CAIRN_OK && !reading->has_meta)
		status = no_meta(error);
	return status == CAIRN_OK ? bundle_check_version(&reading->header, error) : status;
}

/* -------------------------------------------------------------------------------- order of keys */

static bool same_name(struct cairn_string a, struct cairn_string b)
{
	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* The tensors of this file by name. */
static enum cairn_status sort_tensors(struct reading *reading, struct cairn_error *error)
{
	const uint64_t count = reading->checkpoint->tensor_count - reading->first;
	struct v1_tensor *tensors;
	uint32_t *order;

	if (count == 0)
		return CAIRN_OK;
	tensors = reading->checkpoint->tensors + reading->first;
	order = sort_order_by_name(reading->arena, &tensors[0].name, sizeof(*tensors), count);
	if (order == NULL)
		return error_set_memory(error, "the order of tensors");
	sort_apply(tensors, count, sizeof(*tensors), order);
	for (uint64_t i = 1; i < count; i++) {
		if (same_name(tensors[i - 1].name, tensors[i].name)) {
			error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				  "it is described twice");
			return error_prefix_tensor(error, CAIRN_CORRUPT, tensors[i].name);
		}
	}
	return CAIRN_OK;
}

/* As keys lie: "all of the dimension" is a length of -1. */
static int compare_ranges(const void *a, const void *b)
{
	const struct v1_slice *const left = a;
	const struct v1_slice *const right = b;

	for (uint32_t i = 0; i < 2 * (uint32_t)left->rank; i++) {
		const int64_t left_value = (int64_t)left->ranges[i];
		const int64_t right_value = (int64_t)right->ranges[i];

		if (left_value != right_value)
			return left_value < right_value ? -1 : 1;
	}
	return 0;
}

/* --------------------------------------------------------------------------------------- values */

/* The only field of that number. */
static enum cairn_status find_message(const uint8_t *bytes, uint64_t size, uint32_t number,
				      const char *what, struct proto_field *message,
				      struct cairn_error *error)
{
	struct proto_reader reader;
	struct proto_field field;
	uint64_t count = 0;
	enum cairn_status status;

	proto_reader_init(&reader, bytes, size);
	while (proto_next(&reader, &field)) {
		if (!proto_is(&field, number, PROTO_BYTES))
			continue;
		*message = field;
		count++;
	}
	status = proto_reader_status(&reader, "its entry", error);
	if (status == CAIRN_OK && count != 1)
		status = error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				   "its entry has %s %" PRIu64 " times", what, count);
	return status;
}

static enum cairn_status locate(struct reading *reading, const struct v1_tensor *tensor,
				const struct table_entry *entry, struct v1_slice *slice,
				struct cairn_error *error)
{
	struct v1_message message = {
		.offset = CAIRN_ERROR_NO_OFFSET, .shard = reading->shard, .dtype = tensor->dtype};
	struct proto_field data = {0};
	struct proto_field values = {0};
	enum cairn_status status = find_message(entry->value, entry->value_size, ENTRY_DATA, "data",
						&data, error);

	if (status == CAIRN_OK)
		status = find_message(data.bytes, data.size, DATA_VALUES, "values", &values, error);
	if (status != CAIRN_OK)
		return status;
	message.bytes = values.bytes;
	message.size = values.size;
	if (entry->offset != CAIRN_ERROR_NO_OFFSET)
		message.offset = entry->offset + (uint64_t)(values.bytes - entry->value);
	return v1_locate_values(reading->arena, &message, &reading->checkpoint->literal, slice,
				error);
}

static int compare(struct cairn_string a, struct cairn_string b)
{
	const size_t common = a.size < b.size ? a.size : b.size;
	const int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static enum cairn_status stray_entry(const struct table_entry *entry, struct cairn_error *error)
{
	return error_set(error, CAIRN_CORRUPT, entry->offset,
			 "the entry by the key %s belongs to no slice of a tensor",
			 quote(entry->key).text);
}

/* The next entry must be this slice's. */
static enum cairn_status read_slice(struct reading *reading, const struct v1_tensor *tensor,
				    struct v1_slice *slice, struct cairn_error *error)
{
	const uint64_t size = slice_key_size(tensor->name, tensor->rank, slice->ranges);
	uint8_t *const key = arena_grow(reading->arena, reading->key, &reading->key_capacity, size,
					1);
	struct table_entry entry;
	bool found;
	enum cairn_status status;
	int order;

	if (key == NULL)
		return error_set_memory(error, "the key of a slice");
	reading->key = key;
	slice_key_write(tensor->name, tensor->rank, slice->ranges, key);
	status = table_next(reading->table, &entry, &found, error);
	if (status != CAIRN_OK)
		return status;
	order = found ? compare(entry.key, (struct cairn_string){(const char *)key, size}) : 1;
	if (order < 0)
		return stray_entry(&entry, error);
	if (order > 0)
		return error_prefix_tensor(error,
					   error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
						     "one of its slices has no entry"),
					   tensor->name);
	slice->storage_rank = (uint32_t)reading->checkpoint->slice_count++;
	status = locate(reading, tensor, &entry, slice, error);
	return status == CAIRN_OK ? status : error_prefix_tensor(error, status, tensor->name);
}

static enum cairn_status read_slices(struct reading *reading, struct v1_tensor *tensor,
				     struct cairn_error *error)
{
	const uint32_t *const order = sort_order(reading->arena, tensor->slices,
						 tensor->slice_count, sizeof(*tensor->slices),
						 compare_ranges);
	enum cairn_status status = CAIRN_OK;

	if (order == NULL)
		return error_set_memory(error, "the order of slices");
	for (uint32_t i = 0; i < tensor->slice_count && status == CAIRN_OK; i++)
		status = read_slice(reading, tensor, &tensor->slices[order[i]], error);
	return status;
}

static enum cairn_status read_end(struct reading *reading, struct cairn_error *error)
{
	struct table_entry entry;
	bool found;
	const enum cairn_status status = table_next(reading->table, &entry, &found, error);

	return status == CAIRN_OK && found ? stray_entry(&entry, error) : status;
}

/* All slices have a number. */
static enum cairn_status count_slices(const struct reading *reading, struct cairn_error *error)
{
	const struct v1_checkpoint *const checkpoint = reading->checkpoint;
	uint64_t count = checkpoint->slice_count;

	for (uint64_t i = reading->first; i < checkpoint->tensor_count; i++)
		count += checkpoint->tensors[i].slice_count;
	return count <= UINT32_MAX
		       ? CAIRN_OK
		       : error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				   "%" PRIu64 " tensors and slices are too many", count);
}

enum cairn_status v1_read_file(struct arena *arena, struct table_reader *table, uint16_t shard,
			       struct v1_checkpoint *checkpoint, struct cairn_error *error)
{
	struct reading reading = {
		.arena = arena,
		.table = table,
		.checkpoint = checkpoint,
		.shard = shard,
		.first = checkpoint->tensor_count,
	};
	enum cairn_status status = read_meta(&reading, error);

	if (status == CAIRN_OK)
		status = count_slices(&reading, error);
	if (status == CAIRN_OK)
		status = sort_tensors(&reading, error);
	for (uint64_t i = reading.first; i < checkpoint->tensor_count && status == CAIRN_OK; i++)
		status = read_slices(&reading, &checkpoint->tensors[i], error);
	return status == CAIRN_OK ? read_end(&reading, error) : status;
}
