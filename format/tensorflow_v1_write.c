/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a file of the first format: what tensors there are, in the order given, under the empty
 * key; then the values of each piece, by keys. The bytes are those of TensorFlow's writer: fields
 * by ascending numbers, numbers packed, the values of nothing as an empty message.
 */
#include <string.h>

#include "format/bytes.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/sort.h"
#include "format/tensorflow_bundle_entry.h"
#include "format/tensorflow_slice_key.h"
#include "format/tensorflow_v1.h"
#include "format/tensorflow_v1_fields.h"

/* Messages are smaller than that, as protobuf has it. */
#define MESSAGE_SIZE_MAX ((uint64_t)INT32_MAX)

#define PRODUCER 1

/* An entry of the table. */
struct entry {
	struct cairn_string key;
	const struct v1_piece *piece;
};

/* A tensor of the description: the pieces of one name, which need not be neighbours. */
struct group {
	const struct v1_piece *first;
	uint64_t next; /* number of its next piece, by group; UINT64_MAX: none */
};

/* Room for one message. */
struct room {
	uint8_t *bytes;
	uint64_t capacity;
};

bool v1_can_write(enum cairn_dtype dtype)
{
	const struct value_kind *const kind = v1_find_kind(dtype);

	return kind != NULL && kind->is_written;
}

static enum cairn_status no_memory(struct cairn_error *error)
{
	return error_set_memory(error, "a file of TensorFlow's first format");
}

/* --------------------------------------------------------------------------------------- values */

/* Element `index` as the number of a varint. */
static uint64_t number_at(const struct value_kind *kind, const uint8_t *values, uint64_t index)
{
	const uint8_t *const at = values + index * kind->width;
	uint64_t value = 0;
	uint64_t sign;

	memcpy(&value, at, kind->width); /* little-endian, as the host */
	if (kind->field == VALUES_BOOL)
		return value != 0;
	sign = UINT64_C(1) << (8 * kind->width - 1);
	return kind->is_signed ? (value ^ sign) - sign : value;
}

static void put_numbers(struct proto_writer *writer, const struct v1_piece *piece,
			const struct value_kind *kind)
{
	for (uint64_t i = 0; i < piece->elements; i++)
		proto_put_number(writer, number_at(kind, piece->values, i));
}

static void put_strings(struct proto_writer *writer, const struct v1_piece *piece)
{
	const uint8_t *const text = piece->values + piece->elements * sizeof(uint64_t);
	uint64_t start = 0;

	for (uint64_t i = 0; i < piece->elements; i++) {
		const uint64_t end = load_u64(piece->values + i * sizeof(uint64_t));

		proto_put_bytes(writer, VALUES_STRING, text + start, end - start);
		start = end;
	}
}

/* The fields of a TensorProto. */
static void put_values(struct proto_writer *writer, const struct v1_piece *piece)
{
	const struct value_kind *const kind = v1_find_kind(piece->dtype);
	struct proto_writer packed = {0};

	if (piece->elements == 0)
		return;
	if (kind->type == PROTO_BYTES) {
		put_strings(writer, piece);
	} else if (kind->type == PROTO_VARINT) {
		put_numbers(&packed, piece, kind);
		proto_put_head(writer, kind->field, packed.size);
		put_numbers(writer, piece, kind);
	} else {
		proto_put_bytes(writer, kind->field, piece->values, piece->elements * kind->width);
	}
}

/* ------------------------------------------------------------------------------------- messages */

/* All of a tensor: each dimension as an empty extent. */
static const uint64_t *ranges_of(const struct v1_piece *piece, uint64_t all[2 * CAIRN_RANK_MAX])
{
	if (piece->ranges != NULL)
		return piece->ranges;
	for (uint32_t d = 0; d < piece->rank; d++) {
		all[2 * (size_t)d] = 0;
		all[2 * (size_t)d + 1] = CAIRN_FULL;
	}
	return all;
}

static void put_slice(struct proto_writer *writer, uint32_t field, const struct v1_piece *piece)
{
	uint64_t all[2 * CAIRN_RANK_MAX];
	const uint64_t *const ranges = ranges_of(piece, all);
	struct proto_writer slice = {0};

	bundle_put_slice(&slice, piece->rank, ranges);
	proto_put_head(writer, field, slice.size);
	bundle_put_slice(writer, piece->rank, ranges);
}

static void put_saved_slice(struct proto_writer *writer, const struct v1_piece *piece)
{
	struct proto_writer values = {0};

	put_values(&values, piece);
	proto_put_bytes(writer, DATA_NAME, piece->name.data, piece->name.size);
	put_slice(writer, DATA_SLICE, piece);
	proto_put_head(writer, DATA_VALUES, values.size);
	put_values(writer, piece);
}

/* A tensor with all its slices, which `groups` chains. */
static void put_tensor(struct proto_writer *writer, const struct v1_piece *pieces,
		       const struct group *groups, uint64_t number)
{
	const struct v1_piece *const piece = &pieces[number];
	struct proto_writer shape = {0};
	uint32_t dtype = 0;

	(void)dtype_tensorflow_number(piece->dtype, &dtype); /* checked before */
	bundle_put_shape(&shape, piece->rank, piece->dims, NULL);
	proto_put_bytes(writer, TENSOR_NAME, piece->name.data, piece->name.size);
	proto_put_head(writer, TENSOR_SHAPE, shape.size);
	bundle_put_shape(writer, piece->rank, piece->dims, NULL);
	proto_put_varint(writer, TENSOR_TYPE, dtype);
	for (uint64_t i = number; i != UINT64_MAX; i = groups[i].next)
		put_slice(writer, TENSOR_SLICE, &pieces[i]);
}

struct description {
	const struct v1_piece *pieces;
	const struct group *groups;
	uint64_t count;
};

static void put_meta(struct proto_writer *writer, const struct description *description)
{
	struct proto_writer version = {0};

	for (uint64_t i = 0; i < description->count; i++) {
		struct proto_writer tensor = {0};

		if (description->groups[i].first != &description->pieces[i])
			continue;
		put_tensor(&tensor, description->pieces, description->groups, i);
		proto_put_head(writer, META_TENSOR, tensor.size);
		put_tensor(writer, description->pieces, description->groups, i);
	}
	proto_put_varint(&version, VERSION_PRODUCER, PRODUCER);
	proto_put_head(writer, META_VERSIONS, version.size);
	proto_put_varint(writer, VERSION_PRODUCER, PRODUCER);
}

static enum cairn_status reserve(struct arena *arena, struct room *room, uint64_t size,
				 struct cairn_error *error)
{
	uint8_t *bytes;

	if (size > MESSAGE_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "2 GiB and more in one message of TensorFlow's first format");
	bytes = arena_grow(arena, room->bytes, &room->capacity, size == 0 ? 1 : size, 1);
	if (bytes == NULL)
		return no_memory(error);
	room->bytes = bytes;
	return CAIRN_OK;
}

static enum cairn_status add_meta(struct arena *arena, struct table_writer *table,
				  const struct description *description, struct room *room,
				  struct cairn_error *error)
{
	struct proto_writer meta = {0};
	struct proto_writer measured = {0};
	struct proto_writer writer;
	enum cairn_status status;

	put_meta(&meta, description);
	proto_put_head(&measured, ENTRY_META, meta.size);
	status = reserve(arena, room, measured.size + meta.size, error);
	if (status != CAIRN_OK)
		return status;
	writer = (struct proto_writer){room->bytes, measured.size + meta.size, 0};
	proto_put_head(&writer, ENTRY_META, meta.size);
	put_meta(&writer, description);
	return table_writer_add(table, (struct cairn_string){"", 0}, room->bytes, writer.size,
				error);
}

static enum cairn_status add_values(struct arena *arena, struct table_writer *table,
				    const struct entry *entry, struct room *room,
				    struct cairn_error *error)
{
	struct proto_writer data = {0};
	struct proto_writer measured = {0};
	struct proto_writer writer;
	enum cairn_status status;

	put_saved_slice(&data, entry->piece);
	proto_put_head(&measured, ENTRY_DATA, data.size);
	status = reserve(arena, room, measured.size + data.size, error);
	if (status == CAIRN_OK) {
		writer = (struct proto_writer){room->bytes, measured.size + data.size, 0};
		proto_put_head(&writer, ENTRY_DATA, data.size);
		put_saved_slice(&writer, entry->piece);
		status = table_writer_add(table, entry->key, room->bytes, writer.size, error);
	}
	return status == CAIRN_OK ? CAIRN_OK
				  : error_prefix_tensor(error, status, entry->piece->name);
}

/* -------------------------------------------------------------------------------------- entries */

static int compare_strings(struct cairn_string a, struct cairn_string b)
{
	const int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int by_key(const void *a, const void *b)
{
	return compare_strings(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

static int by_name(const void *a, const void *b)
{
	return compare_strings((*(const struct v1_piece *const *)a)->name,
			       (*(const struct v1_piece *const *)b)->name);
}

static enum cairn_status make_entry(struct arena *arena, const struct v1_piece *piece,
				    struct entry *entry, struct cairn_error *error)
{
	uint64_t all[2 * CAIRN_RANK_MAX];
	const uint64_t *const ranges = ranges_of(piece, all);
	const uint64_t size = slice_key_size(piece->name, piece->rank, ranges);
	uint8_t *key;

	if (!v1_can_write(piece->dtype)) {
		error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
			  "a type that TensorFlow's first format does not hold");
		return error_prefix_tensor(error, CAIRN_INVALID_ARGUMENT, piece->name);
	}
	key = arena_allocate(arena, size);
	if (key == NULL)
		return no_memory(error);
	slice_key_write(piece->name, piece->rank, ranges, key);
	*entry = (struct entry){{(const char *)key, size}, piece};
	return CAIRN_OK;
}

/* Entries by key. */
static enum cairn_status make_entries(struct arena *arena, const struct v1_piece *pieces,
				      uint64_t count, struct entry ***result,
				      struct cairn_error *error)
{
	struct entry *const entries = arena_allocate_array(arena, count, sizeof(*entries));
	struct entry **const sorted = arena_allocate_array(arena, count, sizeof(*sorted));
	void **const scratch = arena_allocate_array(arena, count, sizeof(*scratch));
	enum cairn_status status = CAIRN_OK;

	if (entries == NULL || sorted == NULL || scratch == NULL)
		return no_memory(error);
	for (uint64_t i = 0; i < count && status == CAIRN_OK; i++) {
		status = make_entry(arena, &pieces[i], &entries[i], error);
		sorted[i] = &entries[i];
	}
	if (status != CAIRN_OK)
		return status;
	sort_pointers((void **)sorted, scratch, count, by_key);
	*result = sorted;
	return CAIRN_OK;
}

/* Chains the pieces of each name. */
static enum cairn_status make_groups(struct arena *arena, const struct v1_piece *pieces,
				     uint64_t count, struct group **result,
				     struct cairn_error *error)
{
	struct group *const groups = arena_allocate_array(arena, count, sizeof(*groups));
	struct group **const sorted = arena_allocate_array(arena, count, sizeof(*sorted));
	void **const scratch = arena_allocate_array(arena, count, sizeof(*scratch));

	if (groups == NULL || sorted == NULL || scratch == NULL)
		return no_memory(error);
	for (uint64_t i = 0; i < count; i++) {
		groups[i] = (struct group){.first = &pieces[i], .next = UINT64_MAX};
		sorted[i] = &groups[i];
	}
	sort_pointers((void **)sorted, scratch, count, by_name);
	for (uint64_t i = 1; i < count; i++) {
		if (by_name(sorted[i - 1], sorted[i]) != 0)
			continue;
		sorted[i - 1]->next = (uint64_t)(sorted[i] - groups);
		sorted[i]->first = sorted[i - 1]->first;
	}
	*result = groups;
	return CAIRN_OK;
}

enum cairn_status v1_write(struct arena *arena, const struct v1_piece *pieces, uint64_t count,
			   uint8_t **bytes, uint64_t *size, struct cairn_error *error)
{
	struct entry **entries = NULL;
	struct group *groups = NULL;
	struct table_writer table;
	struct room room = {.bytes = NULL};
	enum cairn_status status;

	if ((status = make_entries(arena, pieces, count, &entries, error)) != CAIRN_OK ||
	    (status = make_groups(arena, pieces, count, &groups, error)) != CAIRN_OK ||
	    (status = table_writer_open(&table, arena, TABLE_BLOCK_SIZE, error)) != CAIRN_OK)
		return status;
	status = add_meta(arena, &table, &(struct description){pieces, groups, count}, &room,
			  error);
	for (uint64_t i = 0; i < count && status == CAIRN_OK; i++)
		status = add_values(arena, &table, entries[i], &room, error);
	return status == CAIRN_OK ? table_writer_finish(&table, bytes, size, error) : status;
}
