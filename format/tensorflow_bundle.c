/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the bytes of an index to a bundle: one walk over the table, by which entries come in order
 * of their keys. Keys of slices begin with NUL and so come first; they are joined to their tensors
 * when all are known.
 */
#include "format/tensorflow_bundle.h"

#include <inttypes.h>

#include "format/error.h"
#include "format/tensorflow_bundle_entry.h"
#include "format/tensorflow_table.h"
#include "format/utf8.h"

/* Key, shape, place and checksum of a tensor, as they lie in an index. */
#define ENTRY_SIZE_TYPICAL 32u

uint64_t bundle_piece_elements(const struct bundle_tensor *tensor, const struct bundle_piece *piece)
{
	uint64_t elements = 1;

	if (piece->ranges == NULL)
		return tensor->elements;
	for (uint32_t d = 0; d < tensor->rank; d++) {
		const uint64_t length = piece->ranges[2 * d + 1];

		elements *= length == CAIRN_FULL ? tensor->dims[d] : length;
	}
	return elements;
}

/* -------------------------------------------------------------------------------------- parsing */

static enum cairn_status read_header(struct arena *arena, struct table_reader *table,
				     struct bundle_header *header, struct cairn_error *error)
{
	struct table_entry entry;
	bool found;
	const enum cairn_status status = table_next(table, &entry, &found, error);

	if (status != CAIRN_OK)
		return status;
	if (!found)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "it has no entries, not even a header");
	if (entry.key.size != 0)
		return error_set(error, CAIRN_CORRUPT, entry.offset,
				 "its first entry is %s instead of the header",
				 quote(entry.key).text);
	return bundle_parse_header(arena, entry.value, entry.value_size, header, error);
}

static bool begins_with_nul(struct cairn_string name)
{
	return name.data[0] == '\0';
}

enum cairn_status bundle_check_name(struct cairn_string name, struct cairn_error *error)
{
	if (name.size > CAIRN_NAME_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "its name has %zu bytes, more than %u", name.size,
				 CAIRN_NAME_SIZE_MAX);
	if (!utf8_valid(name.data, name.size))
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "its name is not UTF-8");
	return CAIRN_OK;
}

static enum cairn_status add_entry(struct arena *arena, const struct table_entry *entry,
				   struct bundle *bundle, uint64_t *capacity,
				   struct cairn_error *error)
{
	struct bundle_tensor *const tensors = arena_grow(
		arena, bundle->tensors, capacity, bundle->tensor_count + 1, sizeof(*tensors));
	struct bundle_tensor *tensor;
	enum cairn_status status;

	if (tensors == NULL)
		return error_set_memory(error, "the tensors of an index");
	bundle->tensors = tensors;
	tensor = &tensors[bundle->tensor_count];
	*tensor = (struct bundle_tensor){
		.name = {arena_copy(arena, entry->key.data, entry->key.size), entry->key.size},
	};
	if (tensor->name.data == NULL)
		return error_set_memory(error, "a name");
	bundle->tensor_count++;
	status = begins_with_nul(entry->key) ? CAIRN_OK : bundle_check_name(entry->key, error);
	if (status == CAIRN_OK)
		status = bundle_parse_entry(arena, &bundle->header, entry->value, entry->value_size,
					    tensor, error);
	return status == CAIRN_OK ? status : error_prefix_tensor(error, status, entry->key);
}

/* Room for about as many tensors as an index of so many bytes has: growing costs twice. */
static enum cairn_status make_room(struct arena *arena, uint64_t size, struct bundle *bundle,
				   uint64_t *capacity, struct cairn_error *error)
{
	*capacity = size / ENTRY_SIZE_TYPICAL + 1;
	bundle->tensors = arena_allocate_array(arena, *capacity, sizeof(*bundle->tensors));
	return bundle->tensors == NULL ? error_set_memory(error, "the tensors of an index")
				       : CAIRN_OK;
}

/* All entries behind the header; `slice_count` of them begin with NUL. */
static enum cairn_status read_entries(struct arena *arena, struct table_reader *table,
				      struct bundle *bundle, uint64_t *slice_count,
				      struct cairn_error *error)
{
	uint64_t capacity;
	enum cairn_status status = make_room(arena, table->size, bundle, &capacity, error);

	while (status == CAIRN_OK) {
		struct table_entry entry;
		bool found;

		status = table_next(table, &entry, &found, error);
		if (status != CAIRN_OK || !found)
			return status;
		*slice_count += begins_with_nul(entry.key);
		status = add_entry(arena, &entry, bundle, &capacity, error);
	}
	return status;
}

/* The tensors whose names begin with NUL were not looked at before they were known to be tensors.
 */
static enum cairn_status check_names_with_nul(const struct bundle *bundle,
					      struct cairn_error *error)
{
	for (uint64_t i = 0; i < bundle->tensor_count; i++) {
		const struct cairn_string name = bundle->tensors[i].name;
		enum cairn_status status;

		if (!begins_with_nul(name))
			break;
		status = bundle_check_name(name, error);
		if (status != CAIRN_OK)
			return error_prefix_tensor(error, status, name);
	}
	return CAIRN_OK;
}

enum cairn_status bundle_parse(struct arena *arena, const uint8_t *bytes, uint64_t size,
			       struct bundle *bundle, struct cairn_error *error)
{
	struct bundle parsed = {0};
	struct table_reader table;
	uint64_t slice_count = 0;
	enum cairn_status status = table_open(&table, arena, bytes, size, error);

	if (status == CAIRN_OK)
		status = read_header(arena, &table, &parsed.header, error);
	if (status == CAIRN_OK)
		status = read_entries(arena, &table, &parsed, &slice_count, error);
	if (status == CAIRN_OK)
		status = bundle_join_slices(arena, &parsed, slice_count, error);
	if (status == CAIRN_OK)
		status = check_names_with_nul(&parsed, error);
	if (status != CAIRN_OK)
		return status;
	*bundle = parsed;
	return CAIRN_OK;
}
