/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adding tensors and metadata: checks what the caller says, copies the description, and notes where
 * the bytes will come from. Nothing is written here.
 */
#include <inttypes.h>

#include "engine/write/writer.h"
#include "format/bytes.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/shape.h"
#include "format/utf8.h"

/* --------------------------------------------------------------------------------------- checks */

static enum cairn_status invalid(struct cairn_string name, const char *what,
				 struct cairn_error *error)
{
	error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET, "%s", what);
	return error_prefix_tensor(error, CAIRN_INVALID_ARGUMENT, name);
}

static enum cairn_status check_open(const struct cairn_writer *writer, struct cairn_error *error)
{
	if (writer->finished)
		return error_set(error, CAIRN_PRECONDITION, CAIRN_ERROR_NO_OFFSET,
				 "the writer is finished or aborted: nothing can be added");
	return CAIRN_OK;
}

static enum cairn_status check_name(struct cairn_string name, struct cairn_error *error)
{
	if ((name.data == NULL && name.size != 0) || name.size > CAIRN_NAME_SIZE_MAX)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "a name of %zu bytes, at most %u are allowed", name.size,
				 CAIRN_NAME_SIZE_MAX);
	return utf8_valid(name.data, name.size) ? CAIRN_OK
						: invalid(name, "the name is not UTF-8", error);
}

/* The blocks of the type: the table's for a known type, the caller's for an unknown one. */
static enum cairn_status take_type(const struct cairn_tensor_spec *spec, struct item *item,
				   struct cairn_error *error)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(spec->dtype);

	item->dtype = spec->dtype;
	if (info != NULL) {
		item->block_elements = info->block_elements;
		item->block_bytes = info->block_bytes;
		return CAIRN_OK;
	}
	item->block_elements = spec->block_elements;
	item->block_bytes = spec->block_bytes;
	if (spec->block_elements == 0 || spec->block_bytes == 0 || (unsigned)spec->dtype == 0 ||
	    (unsigned)spec->dtype > UINT16_MAX)
		return invalid(spec->name, "an unknown type without the size of its blocks", error);
	return CAIRN_OK;
}

/* ---------------------------------------------------------------------------------------- items */

static struct item *new_item(struct cairn_writer *writer)
{
	struct item *const items = arena_grow(&writer->arena, writer->items, &writer->item_capacity,
					      writer->item_count + 1, sizeof(struct item));

	if (items == NULL)
		return NULL;
	writer->items = items;
	return &items[writer->item_count];
}

static bool copy_string(struct cairn_writer *writer, struct cairn_string from,
			struct cairn_string *to)
{
	to->data = arena_copy(&writer->arena, from.data, from.size);
	to->size = from.size;
	return to->data != NULL;
}

static const uint64_t *copy_ranges(struct cairn_writer *writer,
				   const struct cairn_tensor_spec *spec)
{
	uint64_t *const ranges = arena_allocate(&writer->arena,
						(size_t)2 * spec->rank * sizeof(uint64_t));

	for (uint32_t d = 0; ranges != NULL && d < spec->rank; d++) {
		ranges[2 * (size_t)d] = spec->starts[d];
		ranges[2 * (size_t)d + 1] = spec->lengths[d];
	}
	return ranges;
}

/* Bytes of the slice that a spec describes. Packed types can only be cut between blocks: readers
 * could not find a row else. */
static enum cairn_status measure_slice(const struct cairn_tensor_spec *spec,
				       const struct packing *packing, uint64_t *size,
				       struct cairn_error *error)
{
	uint64_t starts[CAIRN_RANK_MAX];
	uint64_t lengths[CAIRN_RANK_MAX];
	enum cairn_status status;

	memcpy(starts, spec->starts, spec->rank * sizeof(*starts));
	memcpy(lengths, spec->lengths, spec->rank * sizeof(*lengths));
	status = shape_resolve_slice(spec->rank, spec->dims, starts, lengths, error);
	if (status == CAIRN_OK &&
	    !shape_slice_keeps_blocks(packing, spec->rank, spec->dims, starts, lengths))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "a slice that cuts through a block of %" PRIu32 " elements",
				 packing->block_elements);
	if (status == CAIRN_OK)
		status = shape_bytes(packing, spec->rank, lengths, size, error);
	return status == CAIRN_MISMATCH ? CAIRN_INVALID_ARGUMENT : status;
}

/* Elements of what a spec describes: a tensor, or a slice of one. */
static enum cairn_status count_elements(const struct cairn_tensor_spec *spec, uint64_t *elements,
					struct cairn_error *error)
{
	uint64_t starts[CAIRN_RANK_MAX];
	uint64_t lengths[CAIRN_RANK_MAX];
	enum cairn_status status;

	status = shape_elements(spec->rank, spec->dims, elements, error);
	if (status != CAIRN_OK || spec->starts == NULL)
		return status;
	memcpy(starts, spec->starts, spec->rank * sizeof(*starts));
	memcpy(lengths, spec->lengths, spec->rank * sizeof(*lengths));
	status = shape_resolve_slice(spec->rank, spec->dims, starts, lengths, error);
	if (status == CAIRN_OK)
		status = shape_elements(spec->rank, lengths, elements, error);
	return status == CAIRN_MISMATCH ? CAIRN_INVALID_ARGUMENT : status;
}

/* The sizes of item and tensor; those of variable-size elements are the caller's to set. */
static enum cairn_status measure(const struct cairn_tensor_spec *spec, struct item *item,
				 struct cairn_error *error)
{
	const struct packing packing = {item->block_elements, item->block_bytes, item->packing};
	uint64_t elements;
	enum cairn_status status;

	if (item->block_bytes == 0)
		return count_elements(spec, &elements, error);
	status = shape_bytes(&packing, spec->rank, spec->dims, &item->tensor_size, error);
	if (status == CAIRN_MISMATCH)
		status = CAIRN_INVALID_ARGUMENT;
	item->size = item->tensor_size;
	if (status == CAIRN_OK && spec->starts != NULL)
		status = measure_slice(spec, &packing, &item->size, error);
	return status;
}

static enum cairn_status check_spec(const struct cairn_tensor_spec *spec, struct cairn_error *error)
{
	enum cairn_status status;

	status = check_name(spec->name, error);
	if (status != CAIRN_OK)
		return status;
	if (spec->rank > CAIRN_RANK_MAX || (spec->rank != 0 && spec->dims == NULL))
		return invalid(spec->name, "a rank over the limit, or no dims", error);
	if ((spec->starts == NULL) != (spec->lengths == NULL))
		return invalid(spec->name, "starts and lengths of a slice go together", error);
	if (spec->starts != NULL && spec->rank == 0)
		return invalid(spec->name, "a scalar has no slices", error);
	if ((unsigned)spec->compression > CAIRN_COMPRESSION_LZ4_SHUFFLE)
		return invalid(spec->name, "an unknown compression", error);
	return CAIRN_OK;
}

static enum cairn_status check_shard(const struct cairn_writer *writer,
				     const struct cairn_tensor_spec *spec,
				     struct cairn_error *error)
{
	const uint32_t count = writer->options.shard_count;

	if (spec->shard == 0 || spec->shard < count)
		return CAIRN_OK;
	error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
		  "shard %" PRIu32 " of %" PRIu32, spec->shard, count == 0 ? 1 : count);
	return error_prefix_tensor(error, CAIRN_INVALID_ARGUMENT, spec->name);
}

/* Checks and copies a description into a new item, which is not counted yet. */
static enum cairn_status describe_packed(struct cairn_writer *writer,
					 const struct cairn_tensor_spec *spec,
					 enum name_space name_space, uint8_t packing,
					 struct item **result, struct cairn_error *error)
{
	struct item item = {.rank = (uint8_t)spec->rank,
			    .name_space = (uint8_t)name_space,
			    .packing = packing,
			    .shard = spec->shard};

	if (name_space == NAME_SPACE_TENSOR)
		item.compression = (uint8_t)(spec->compression == CAIRN_COMPRESSION_DEFAULT
						     ? writer->options.compression
						     : spec->compression);
	struct item *slot;
	enum cairn_status status;

	if ((status = check_open(writer, error)) != CAIRN_OK ||
	    (status = check_spec(spec, error)) != CAIRN_OK ||
	    (status = check_shard(writer, spec, error)) != CAIRN_OK ||
	    (status = take_type(spec, &item, error)) != CAIRN_OK)
		return status;
	if (name_space == NAME_SPACE_TENSOR && dtype_is_metadata_only(spec->dtype))
		return invalid(spec->name, "a type that only metadata may have", error);
	if (name_space == NAME_SPACE_METADATA && spec->rank > 1)
		return invalid(spec->name, "metadata has rank 0 or 1", error);
	status = measure(spec, &item, error);
	if (status != CAIRN_OK)
		return error_prefix_tensor(error, status, spec->name);
	slot = new_item(writer);
	item.dims = arena_copy(&writer->arena, spec->dims, spec->rank * sizeof(uint64_t));
	item.ranges = spec->starts == NULL ? NULL : copy_ranges(writer, spec);
	if (slot == NULL || item.dims == NULL || (spec->starts != NULL && item.ranges == NULL) ||
	    !copy_string(writer, spec->name, &item.name))
		return error_set_memory(error, "a tensor's description");
	*slot = item;
	*result = slot;
	return CAIRN_OK;
}

/* The same, packed as is usual for the type. */
static enum cairn_status describe(struct cairn_writer *writer, const struct cairn_tensor_spec *spec,
				  enum name_space name_space, struct item **result,
				  struct cairn_error *error)
{
	return describe_packed(writer, spec, name_space, dtype_packing(spec->dtype), result, error);
}

/* -------------------------------------------------------------------------------------- tensors */

enum cairn_status cairn_writer_add_spec(struct cairn_writer *writer,
					const struct cairn_tensor_spec *spec, const void *data,
					struct cairn_error *error)
{
	struct item *item = NULL;
	enum cairn_status status;

	status = describe(writer, spec, NAME_SPACE_TENSOR, &item, error);
	if (status == CAIRN_OK && item->block_bytes == 0)
		status = invalid(spec->name,
				 "elements of variable size are added with "
				 "cairn_writer_add_variable",
				 error);
	if (status == CAIRN_OK && data == NULL && item->size != 0)
		status = invalid(spec->name, "no data", error);
	if (status != CAIRN_OK)
		return writer_failed(writer, status, error);
	item->source = SOURCE_MEMORY;
	item->from.memory = data;
	item->is_borrowed = true;
	writer->item_count++;
	return CAIRN_OK;
}

enum cairn_status cairn_writer_add(struct cairn_writer *writer, const char *name,
				   enum cairn_dtype dtype, uint32_t rank, const uint64_t *dims,
				   const void *data, struct cairn_error *error)
{
	const struct cairn_tensor_spec spec = {
		.name = cairn_string_from(name), .dtype = dtype, .rank = rank, .dims = dims};

	return cairn_writer_add_spec(writer, &spec, data, error);
}

/* Replaces borrowed memory of the newest item by a copy. */
static enum cairn_status keep_copy(struct cairn_writer *writer, struct cairn_error *error)
{
	struct item *const item = &writer->items[writer->item_count - 1];
	const uint8_t *const copy = arena_copy(&writer->arena, item->from.memory, item->size);

	if (copy == NULL) {
		writer->item_count--;
		return writer_failed(writer, error_set_memory(error, "a copy of a tensor"), error);
	}
	item->from.memory = copy;
	item->is_borrowed = false;
	return CAIRN_OK;
}

enum cairn_status cairn_writer_add_copy(struct cairn_writer *writer, const char *name,
					enum cairn_dtype dtype, uint32_t rank, const uint64_t *dims,
					const void *data, struct cairn_error *error)
{
	const enum cairn_status status = cairn_writer_add(writer, name, dtype, rank, dims, data,
							  error);

	return status == CAIRN_OK ? keep_copy(writer, error) : status;
}

enum cairn_status cairn_writer_add_callback(struct cairn_writer *writer,
					    const struct cairn_tensor_spec *spec,
					    cairn_produce produce, void *context,
					    struct cairn_error *error)
{
	struct item *item = NULL;
	enum cairn_status status;

	status = describe(writer, spec, NAME_SPACE_TENSOR, &item, error);
	if (status == CAIRN_OK && (item->block_bytes == 0 || produce == NULL))
		status = invalid(spec->name, "no callback, or a type of variable size", error);
	if (status != CAIRN_OK)
		return writer_failed(writer, status, error);
	item->source = SOURCE_CALLBACK;
	item->from.callback.produce = produce;
	item->from.callback.context = context;
	writer->item_count++;
	return CAIRN_OK;
}

enum cairn_status writer_add_produced(struct cairn_writer *writer,
				      const struct cairn_tensor_spec *spec,
				      enum name_space name_space, uint8_t packing,
				      uint64_t variable_size, cairn_produce produce, void *context,
				      uint64_t *size, struct cairn_error *error)
{
	const bool is_variable = dtype_is_variable(spec->dtype);
	struct item *item = NULL;
	enum cairn_status status;

	status = describe_packed(writer, spec, name_space, packing, &item, error);
	if (status == CAIRN_OK && is_variable && spec->starts != NULL)
		status = invalid(spec->name, "elements of variable size in slices", error);
	if (status != CAIRN_OK)
		return writer_failed(writer, status, error);
	if (is_variable) {
		item->size = variable_size;
		item->tensor_size = variable_size;
	}
	item->source = SOURCE_CALLBACK;
	item->from.callback.produce = produce;
	item->from.callback.context = context;
	*size = item->size;
	writer->item_count++;
	return CAIRN_OK;
}

/* -------------------------------------------------------------------------------------- strings */

/* End offsets, then bytes: what a tensor of strings looks like. NULL when it does not fit or there
 * is no memory. */
static uint8_t *encode_strings(struct cairn_writer *writer, uint64_t count,
			       const struct cairn_string *strings, uint64_t *size)
{
	uint64_t total = 0;
	uint64_t table;
	uint8_t *bytes;

	if (!checked_multiply(count, sizeof(uint64_t), &table))
		return NULL;
	*size = table;
	for (uint64_t i = 0; i < count; i++) {
		if (!checked_add(*size, strings[i].size, size))
			return NULL;
	}
	bytes = arena_allocate(&writer->arena, *size);
	for (uint64_t i = 0; bytes != NULL && i < count; i++) {
		if (strings[i].size != 0)
			memcpy(bytes + table + total, strings[i].data, strings[i].size);
		total += strings[i].size;
		store_u64(bytes + i * sizeof(uint64_t), total);
	}
	return bytes;
}

static enum cairn_status add_strings(struct cairn_writer *writer,
				     const struct cairn_tensor_spec *spec,
				     enum name_space name_space, const struct cairn_string *strings,
				     struct cairn_error *error)
{
	struct item *item = NULL;
	uint64_t count = 0;
	enum cairn_status status;

	status = describe(writer, spec, name_space, &item, error);
	if (status == CAIRN_OK)
		status = count_elements(spec, &count, error);
	if (status == CAIRN_OK && strings == NULL && count != 0)
		status = invalid(spec->name, "no strings", error);
	if (status == CAIRN_OK) {
		item->source = SOURCE_MEMORY;
		item->from.memory = encode_strings(writer, count, strings, &item->size);
		item->tensor_size = item->size;
		if (item->from.memory == NULL)
			status = error_set_memory(error, "strings");
	}
	if (status != CAIRN_OK)
		return writer_failed(writer, status, error);
	writer->item_count++;
	return CAIRN_OK;
}

enum cairn_status cairn_writer_add_variable_spec(struct cairn_writer *writer,
						 const struct cairn_tensor_spec *spec,
						 const struct cairn_string *elements,
						 struct cairn_error *error)
{
	if (spec->dtype != CAIRN_STRING && spec->dtype != CAIRN_VARIANT)
		return writer_failed(
			writer, invalid(spec->name, "not a tensor type of variable size", error),
			error);
	if (spec->starts != NULL && writer->options.target != CAIRN_TARGET_TENSORFLOW)
		return writer_failed(writer,
				     invalid(spec->name,
					     "elements of variable size in slices, in a container",
					     error),
				     error);
	return add_strings(writer, spec, NAME_SPACE_TENSOR, elements, error);
}

enum cairn_status cairn_writer_add_variable(struct cairn_writer *writer, struct cairn_string name,
					    enum cairn_dtype dtype, uint32_t rank,
					    const uint64_t *dims,
					    const struct cairn_string *elements,
					    struct cairn_error *error)
{
	const struct cairn_tensor_spec spec = {
		.name = name, .dtype = dtype, .rank = rank, .dims = dims};

	return cairn_writer_add_variable_spec(writer, &spec, elements, error);
}

enum cairn_status cairn_writer_add_strings(struct cairn_writer *writer, struct cairn_string name,
					   uint32_t rank, const uint64_t *dims,
					   const struct cairn_string *strings,
					   struct cairn_error *error)
{
	return cairn_writer_add_variable(writer, name, CAIRN_STRING, rank, dims, strings, error);
}

/* --------------------------------------------------------------------- tensors of other readers */

static enum cairn_status hold_reader(struct cairn_writer *writer, const struct cairn_reader *reader,
				     struct cairn_error *error)
{
	struct held_reader *held;

	for (held = writer->readers; held != NULL; held = held->next) {
		if (held->reader == reader)
			return CAIRN_OK;
	}
	held = arena_allocate(&writer->arena, sizeof(*held));
	if (held == NULL)
		return error_set_memory(error, "a reference to a reader");
	held->reader = cairn_reader_retain((struct cairn_reader *)(uintptr_t)reader);
	held->next = writer->readers;
	writer->readers = held;
	return CAIRN_OK;
}

/* The ranges of a stored slice as starts and lengths. */
struct slice_ranges {
	uint64_t starts[CAIRN_RANK_MAX];
	uint64_t lengths[CAIRN_RANK_MAX];
};

static enum cairn_status read_ranges(const struct cairn_tensor *tensor, const struct stored *stored,
				     struct slice_ranges *ranges, struct cairn_tensor_spec *spec,
				     struct cairn_error *error)
{
	const uint64_t *pairs;
	enum cairn_status status;

	if ((stored->record.flags & SLICE_WHOLE) != 0)
		return CAIRN_OK;
	status = index_dims(&tensor->reader->index, stored->record.ranges_index,
			    2 * (uint64_t)tensor->rank, &pairs, error);
	for (uint32_t d = 0; status == CAIRN_OK && d < tensor->rank; d++) {
		ranges->starts[d] = pairs[2 * (size_t)d];
		ranges->lengths[d] = pairs[2 * (size_t)d + 1];
	}
	spec->starts = ranges->starts;
	spec->lengths = ranges->lengths;
	return status;
}

static struct cairn_tensor_spec spec_of(struct cairn_string name, const struct cairn_tensor *tensor)
{
	return (struct cairn_tensor_spec){
		.name = name,
		.dtype = tensor->dtype,
		.rank = tensor->rank,
		.dims = tensor->dims,
		.block_elements = tensor->block_elements,
		.block_bytes = tensor->block_bytes,
	};
}

/* One stored slice of another checkpoint as an item. */
static enum cairn_status add_stored(struct cairn_writer *writer, struct cairn_string name,
				    const struct cairn_tensor *tensor,
				    const struct tensor_record *holder, uint32_t number,
				    struct cairn_error *error)
{
	struct cairn_tensor_spec spec = spec_of(name, tensor);
	struct stored *const stored = arena_allocate(&writer->arena, sizeof(*stored));
	struct slice_ranges ranges;
	struct item *item = NULL;
	enum cairn_status status;

	if (stored == NULL)
		return error_set_memory(error, "a tensor's description");
	if ((status = stored_open(tensor->reader, holder->slice_index + number, tensor->name,
				  stored, error)) != CAIRN_OK ||
	    (status = read_ranges(tensor, stored, &ranges, &spec, error)) != CAIRN_OK ||
	    (status = describe_packed(writer, &spec, NAME_SPACE_TENSOR, holder->packing, &item,
				      error)) != CAIRN_OK)
		return status;
	if (item->block_bytes != 0 && item->size != stored->record.size)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "a stored slice of %s has %" PRIu64 " bytes instead of %" PRIu64,
				 quote(name).text, stored->record.size, item->size);
	item->size = stored->record.size;
	item->tensor_size = tensor->size;
	item->source = SOURCE_STORED;
	item->from.stored = stored;
	writer->item_count++;
	return CAIRN_OK;
}

/* The next of the end offsets of a tensor's elements, which never descend. */
static bool follow_ends(const uint8_t *ends, size_t count, uint64_t bytes, uint64_t *last)
{
	for (size_t i = 0; i < count; i++) {
		const uint64_t end = load_u64(ends + i * sizeof(uint64_t));

		if (end < *last || end > bytes)
			return false;
		*last = end;
	}
	return true;
}

/* Strings are copied as they are stored: a container whose digests fit may have a table of end
 * offsets that no writer makes. What a foreign format has is decoded, and in order. */
static enum cairn_status check_ends(const struct cairn_tensor *tensor, struct cairn_error *error)
{
	uint8_t ends[512 * sizeof(uint64_t)];
	enum cairn_status status = CAIRN_OK;
	uint64_t table;
	uint64_t last = 0;
	bool good;

	if (tensor->block_bytes != 0 || tensor->dtype == CAIRN_NULL ||
	    tensor->reader->index.foreign)
		return CAIRN_OK;
	good = checked_multiply(tensor->element_count, sizeof(uint64_t), &table) &&
	       table <= tensor->size;
	for (uint64_t at = 0; good && status == CAIRN_OK && at < table; at += sizeof(ends)) {
		const uint64_t size = table - at < sizeof(ends) ? table - at : sizeof(ends);

		status = cairn_tensor_read(tensor, at, ends, size, error);
		if (status == CAIRN_OK)
			good = follow_ends(ends, size / sizeof(uint64_t), tensor->size - table,
					   &last);
	}
	if (status != CAIRN_OK || (good && last == tensor->size - table))
		return status;
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "the end offsets of the elements of tensor %s are not in order",
			 quote(tensor->name).text);
}

/* All bytes of a tensor, read now and copied. */
static enum cairn_status add_copy_of(struct cairn_writer *writer,
				     const struct cairn_tensor_spec *spec,
				     enum name_space name_space, const struct cairn_tensor *tensor,
				     struct cairn_error *error)
{
	struct cairn_view view = {0};
	struct item *item = NULL;
	enum cairn_status status;

	status = cairn_tensor_view(tensor, &view, error);
	if (status == CAIRN_OK)
		status = check_ends(tensor, error);
	if (status == CAIRN_OK)
		status = describe(writer, spec, name_space, &item, error);
	if (status == CAIRN_OK) {
		item->size = view.size;
		item->tensor_size = view.size;
		item->source = SOURCE_MEMORY;
		item->from.memory = view.data;
		writer->item_count++;
		status = keep_copy(writer, error);
	} else {
		status = writer_failed(writer, status, error);
	}
	cairn_view_release(&view);
	return status;
}

/* A container holds strings whole, whatever a foreign format does. */
static enum cairn_status add_joined(struct cairn_writer *writer, struct cairn_string name,
				    const struct cairn_tensor *tensor, struct cairn_error *error)
{
	const struct cairn_tensor_spec spec = spec_of(name, tensor);

	return add_copy_of(writer, &spec, NAME_SPACE_TENSOR, tensor, error);
}

/* A tensor of which nothing is stored. One without elements is written as an empty slice. */
static enum cairn_status add_unstored(struct cairn_writer *writer, struct cairn_string name,
				      const struct cairn_tensor *tensor,
				      const struct tensor_record *holder, struct cairn_error *error)
{
	const struct cairn_tensor_spec spec = spec_of(name, tensor);
	struct item *item = NULL;
	enum cairn_status status;

	if (holder->size != 0)
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "nothing of tensor %s is stored", quote(name).text);
	status = describe_packed(writer, &spec, NAME_SPACE_TENSOR, holder->packing, &item, error);
	if (status != CAIRN_OK)
		return status;
	item->source = SOURCE_MEMORY;
	item->from.memory = NULL;
	writer->item_count++;
	return CAIRN_OK;
}

/* An alias stays one, under the name of the tensor that holds its bytes there. */
static enum cairn_status note_alias(struct cairn_writer *writer, const struct cairn_tensor *tensor,
				    const struct tensor_record *holder, struct cairn_error *error)
{
	struct item *const item = &writer->items[writer->item_count - 1];
	struct cairn_string target;
	enum cairn_status status;

	status = index_name(&tensor->reader->index, holder->name_offset, holder->name_size, &target,
			    error);
	if (status == CAIRN_OK && !copy_string(writer, target, &item->alias_of))
		status = error_set_memory(error, "an alias");
	return status;
}

enum cairn_status cairn_writer_add_tensor(struct cairn_writer *writer, struct cairn_string name,
					  const struct cairn_tensor *tensor,
					  struct cairn_error *error)
{
	const struct cairn_string own_name = name.data == NULL ? tensor->name : name;
	const uint64_t count_before = writer->item_count;
	struct tensor_record record;
	struct tensor_record holder;
	enum cairn_status status;

	if ((status = hold_reader(writer, tensor->reader, error)) == CAIRN_OK &&
	    (status = index_tensor(&tensor->reader->index, tensor->record, &record, error)) ==
		    CAIRN_OK)
		status = index_resolve_alias(&tensor->reader->index, tensor->record, &record,
					     &holder, error);
	if (status == CAIRN_OK)
		status = index_tensor_supported(&holder, error);
	if (status == CAIRN_OK && dtype_is_variable(tensor->dtype) &&
	    (tensor->flags & CAIRN_TENSOR_SLICED) != 0)
		return add_joined(writer, own_name, tensor, error);
	if (status == CAIRN_OK)
		status = check_ends(tensor, error);
	if (status == CAIRN_OK && holder.slice_count == 0)
		status = add_unstored(writer, own_name, tensor, &holder, error);
	for (uint32_t i = 0; status == CAIRN_OK && i < holder.slice_count; i++)
		status = add_stored(writer, own_name, tensor, &holder, i, error);
	if (status == CAIRN_OK && (record.flags & TENSOR_ALIAS) != 0 && holder.slice_count == 1)
		status = note_alias(writer, tensor, &holder, error);
	if (status == CAIRN_OK)
		return CAIRN_OK;
	writer->item_count = count_before;
	return writer_failed(writer, status, error);
}

enum cairn_status cairn_writer_add_alias(struct cairn_writer *writer, struct cairn_string name,
					 struct cairn_string target, struct cairn_error *error)
{
	struct item item = {.name_space = NAME_SPACE_TENSOR, .source = SOURCE_NONE};
	struct item *slot = NULL;
	enum cairn_status status;

	if ((status = check_open(writer, error)) == CAIRN_OK &&
	    (status = check_name(name, error)) == CAIRN_OK)
		status = check_name(target, error);
	if (status == CAIRN_OK) {
		slot = new_item(writer);
		if (slot == NULL || !copy_string(writer, name, &item.name) ||
		    !copy_string(writer, target, &item.alias_of))
			status = error_set_memory(error, "an alias");
	}
	if (status != CAIRN_OK)
		return writer_failed(writer, status, error);
	*slot = item;
	writer->item_count++;
	return CAIRN_OK;
}

/* ------------------------------------------------------------------------------------- metadata */

enum cairn_status cairn_writer_set_metadata(struct cairn_writer *writer, struct cairn_string key,
					    enum cairn_dtype dtype, uint32_t rank,
					    const uint64_t *dims, const void *data,
					    struct cairn_error *error)
{
	const struct cairn_tensor_spec spec = {
		.name = key, .dtype = dtype, .rank = rank, .dims = dims};
	struct item *item = NULL;
	enum cairn_status status;

	status = describe(writer, &spec, NAME_SPACE_METADATA, &item, error);
	if (status == CAIRN_OK && (dtype_is_variable(dtype) || (data == NULL && item->size != 0)))
		status = invalid(key, "metadata has a type of fixed size, and data", error);
	if (status != CAIRN_OK)
		return writer_failed(writer, status, error);
	item->source = SOURCE_MEMORY;
	item->from.memory = data;
	writer->item_count++;
	return keep_copy(writer, error);
}

enum cairn_status cairn_writer_set_metadata_strings(struct cairn_writer *writer,
						    struct cairn_string key, enum cairn_dtype dtype,
						    uint32_t rank, const uint64_t *dims,
						    const struct cairn_string *strings,
						    struct cairn_error *error)
{
	const struct cairn_tensor_spec spec = {
		.name = key, .dtype = dtype, .rank = rank, .dims = dims};

	if (dtype != CAIRN_STRING && dtype != CAIRN_BYTES)
		return writer_failed(writer, invalid(key, "neither strings nor bytes", error),
				     error);
	return add_strings(writer, &spec, NAME_SPACE_METADATA, strings, error);
}

enum cairn_status cairn_writer_set_metadata_string(struct cairn_writer *writer,
						   struct cairn_string key,
						   struct cairn_string value,
						   struct cairn_error *error)
{
	return cairn_writer_set_metadata_strings(writer, key, CAIRN_STRING, 0, NULL, &value, error);
}

enum cairn_status cairn_writer_copy_metadata(struct cairn_writer *writer,
					     const struct cairn_tensor *value,
					     struct cairn_error *error)
{
	const struct cairn_tensor_spec spec = {.name = value->name,
					       .dtype = value->dtype,
					       .rank = value->rank,
					       .dims = value->dims,
					       .block_elements = value->block_elements,
					       .block_bytes = value->block_bytes};

	return add_copy_of(writer, &spec, NAME_SPACE_METADATA, value, error);
}
