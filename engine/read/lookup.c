/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From names and numbers to tensors: the index records as the public structs.
 */
#include <inttypes.h>

#include "engine/read/reader.h"
#include "engine/read/stored.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"
#include "format/index_check.h"

/* The CRC of a foreign slice; of digests nothing is said here. */
static void take_crc(const struct slice_record *slice, uint32_t *kind, uint32_t *crc)
{
	if (slice->check_kind != CHECK_CRC32C && slice->check_kind != CHECK_TENSORFLOW_STRING_CRC &&
	    slice->check_kind != CHECK_TENSORFLOW_VARIANT_CRC)
		return;
	*kind = CAIRN_CRC_32C;
	*crc = (uint32_t)slice->check_value;
}

static enum cairn_status describe_crc(const struct cairn_reader *reader,
				      const struct tensor_record *record,
				      struct cairn_tensor *tensor, struct cairn_error *error)
{
	struct slice_record slice;
	enum cairn_status status;

	if (record->slice_count != 1 || (tensor->flags & CAIRN_TENSOR_SLICED) != 0)
		return CAIRN_OK;
	status = index_slice(&reader->index, record->slice_index, &slice, error);
	if (status == CAIRN_OK && (slice.flags & SLICE_WHOLE) != 0)
		take_crc(&slice, &tensor->crc_kind, &tensor->crc);
	return status;
}

/* Shape, type and size are made sure to agree: callers compute one from the others. */
enum cairn_status reader_describe(const struct cairn_reader *reader, uint64_t number,
				  const struct tensor_record *record, struct cairn_tensor *tensor,
				  struct cairn_error *error)
{
	const bool has_digest = record->digest_kind ==
				DIGEST_XXH3_128; /* none of a later version */
	struct cairn_tensor described = {
		.dtype = (enum cairn_dtype)record->dtype,
		.block_elements = record->block_elements,
		.block_bytes = record->block_bytes,
		.rank = record->rank,
		.size = record->size,
		.flags = (record->flags & TENSOR_INCOMPLETE ? (uint32_t)CAIRN_TENSOR_INCOMPLETE
							    : 0) |
			 (has_digest ? (uint32_t)CAIRN_TENSOR_DIGEST : 0),
		.slice_count = record->slice_count,
		.digest = has_digest ? record->digest : (struct cairn_digest){{0}},
		.reader = reader,
		.record = number,
	};
	enum cairn_status status;

	if ((status = index_name(&reader->index, record->name_offset, record->name_size,
				 &described.name, error)) != CAIRN_OK ||
	    (status = index_dims(&reader->index, record->dims_index, record->rank, &described.dims,
				 error)) != CAIRN_OK ||
	    (status = index_check_shape(record, described.dims, &described.element_count, error)) !=
		    CAIRN_OK)
		return status == CAIRN_CORRUPT ? error_prefix_tensor(error, status, described.name)
					       : status;
	if ((record->flags & TENSOR_ALIAS) != 0) {
		struct tensor_record holder;

		status = index_resolve_alias(&reader->index, number, record, &holder, error);
		if (status != CAIRN_OK)
			return status == CAIRN_CORRUPT
				       ? error_prefix_tensor(error, status, described.name)
				       : status;
		described.slice_count = holder.slice_count;
	}
	if (described.slice_count != 1 || (record->flags & TENSOR_INCOMPLETE) != 0)
		described.flags |= CAIRN_TENSOR_SLICED;
	if (reader->index.foreign)
		status = describe_crc(reader, record, &described, error);
	if (status == CAIRN_OK)
		*tensor = described;
	return status;
}

/* -------------------------------------------------------------------------------------- finding */

static enum cairn_status find(const struct cairn_reader *reader, enum name_space name_space,
			      struct cairn_string name, struct cairn_tensor *tensor,
			      struct cairn_error *error)
{
	struct tensor_record record;
	uint64_t number = 0;
	enum cairn_status status;

	status = index_find(&reader->index, name_space, name, &number, &record, error);
	if (status == CAIRN_NOT_FOUND)
		error_set(error, status, CAIRN_ERROR_NO_OFFSET, "no %s named %s",
			  name_space == NAME_SPACE_TENSOR ? "tensor" : "metadata entry",
			  quote(name).text);
	if (status == CAIRN_OK)
		status = reader_describe(reader, number, &record, tensor, error);
	return reader_error(reader, status, error);
}

enum cairn_status cairn_reader_find_string(const struct cairn_reader *reader,
					   struct cairn_string name, struct cairn_tensor *tensor,
					   struct cairn_error *error)
{
	return find(reader, NAME_SPACE_TENSOR, name, tensor, error);
}

enum cairn_status cairn_reader_find(const struct cairn_reader *reader, const char *name,
				    struct cairn_tensor *tensor, struct cairn_error *error)
{
	return find(reader, NAME_SPACE_TENSOR, cairn_string_from(name), tensor, error);
}

enum cairn_status cairn_reader_metadata_find(const struct cairn_reader *reader,
					     struct cairn_string key, struct cairn_tensor *value,
					     struct cairn_error *error)
{
	return find(reader, NAME_SPACE_METADATA, key, value, error);
}

/* ------------------------------------------------------------------------------------- counting */

uint64_t cairn_reader_tensor_count(const struct cairn_reader *reader)
{
	return reader->index.tensor_count;
}

uint64_t cairn_reader_metadata_count(const struct cairn_reader *reader)
{
	return reader->index.metadata_count;
}

static enum cairn_status at(const struct cairn_reader *reader, uint64_t number,
			    struct cairn_tensor *tensor, struct cairn_error *error)
{
	struct tensor_record record;
	enum cairn_status status;

	status = index_tensor_in_order(&reader->index, number, &record, error);
	if (status == CAIRN_OK)
		status = reader_describe(reader, number, &record, tensor, error);
	return reader_error(reader, status, error);
}

static enum cairn_status no_such_number(const char *what, uint64_t index, uint64_t count,
					struct cairn_error *error)
{
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
			 "%s %" PRIu64 " of %" PRIu64, what, index, count);
}

enum cairn_status cairn_reader_tensor_at(const struct cairn_reader *reader, uint64_t index,
					 struct cairn_tensor *tensor, struct cairn_error *error)
{
	if (index >= reader->index.tensor_count)
		return no_such_number("tensor", index, reader->index.tensor_count, error);
	return at(reader, index, tensor, error);
}

enum cairn_status cairn_reader_metadata_at(const struct cairn_reader *reader, uint64_t index,
					   struct cairn_tensor *value, struct cairn_error *error)
{
	if (index >= reader->index.metadata_count)
		return no_such_number("metadata entry", index, reader->index.metadata_count, error);
	return at(reader, reader->index.tensor_count + index, value, error);
}

/* -------------------------------------------------------------------------------- stored slices */

/* What cannot be read by this version can be listed all the same: the slice is in no piece that
 * anybody could use. */
static enum cairn_status describe_unknown(const struct cairn_reader *reader, uint64_t number,
					  struct stored *stored, struct cairn_error *error)
{
	struct extent_record first = {0};
	enum cairn_status status = index_slice(&reader->index, number, &stored->record, error);

	if (status == CAIRN_OK && stored->record.extent_count != 0)
		status = index_extent(&reader->index, stored->record.extent_index, &first, error);
	if (status == CAIRN_OK && first.shard >= reader->file_count)
		status = error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				   "an extent is in shard %d of %" PRIu32, first.shard,
				   reader->file_count);
	stored->shard = first.shard;
	return status;
}

static enum cairn_status look_at_slice(const struct cairn_tensor *tensor, uint64_t number,
				       struct stored *stored, struct cairn_error *error)
{
	const enum cairn_status status = stored_open(tensor->reader, number, tensor->name, stored,
						     error);

	if (status != CAIRN_UNSUPPORTED)
		return status;
	*stored = (struct stored){
		.reader = tensor->reader, .tensor = tensor->name, .number = number};
	return stored_located(stored, describe_unknown(tensor->reader, number, stored, error),
			      error);
}

/* The public digest of a slice: from its chunk digests. */
static enum cairn_status slice_digest(const struct stored *stored, struct cairn_stored_slice *slice,
				      struct cairn_error *error)
{
	const uint64_t chunks = divide_up(stored->record.size, stored->record.chunk_size);
	const uint8_t *digests;
	enum cairn_status status;

	if (stored->record.digest_kind != DIGEST_XXH3_128)
		return CAIRN_OK;
	status = index_chunk_digests(&stored->reader->index, stored->record.chunk_index, chunks,
				     &digests, error);
	if (status != CAIRN_OK)
		return status;
	slice->digest = digest_of_chunks(digests, chunks);
	slice->has_digest = 1;
	return CAIRN_OK;
}

static enum cairn_status describe_slice(const struct cairn_tensor *tensor,
					const struct stored *stored,
					struct cairn_stored_slice *slice, struct cairn_error *error)
{
	const struct cairn_reader *const reader = tensor->reader;
	struct cairn_stored_slice described = {
		.size = stored->record.size,
		.shard = stored->shard < reader->first_file
				 ? 0
				 : (uint32_t)stored->shard - reader->first_file,
		.offset = stored->shard < reader->first_file || reader->data_is_embedded
				  ? CAIRN_NO_OFFSET
				  : stored_file_offset(stored, 0),
	};
	enum cairn_status status = CAIRN_OK;

	if ((stored->record.flags & SLICE_WHOLE) == 0)
		status = index_dims(&reader->index, stored->record.ranges_index,
				    2 * (uint64_t)tensor->rank, &described.extents, error);
	take_crc(&stored->record, &described.crc_kind, &described.crc);
	if (status == CAIRN_OK)
		status = slice_digest(stored, &described, error);
	if (status == CAIRN_OK)
		*slice = described;
	return status;
}

enum cairn_status cairn_tensor_stored_slice(const struct cairn_tensor *tensor, uint32_t index,
					    struct cairn_stored_slice *slice,
					    struct cairn_error *error)
{
	const struct cairn_reader *const reader = tensor->reader;
	struct tensor_record record;
	struct tensor_record holder;
	struct stored stored;
	enum cairn_status status;

	if (index >= tensor->slice_count)
		return no_such_number("stored slice", index, tensor->slice_count, error);
	status = index_tensor(&reader->index, tensor->record, &record, error);
	if (status == CAIRN_OK)
		status = index_resolve_alias(&reader->index, tensor->record, &record, &holder,
					     error);
	if (status == CAIRN_OK)
		status = look_at_slice(tensor, holder.slice_index + index, &stored, error);
	if (status == CAIRN_OK)
		status = describe_slice(tensor, &stored, slice, error);
	return reader_error(reader, status, error);
}

static enum cairn_status add_stored_bytes(const struct cairn_tensor *tensor, uint64_t number,
					  uint64_t *bytes, struct cairn_error *error)
{
	const struct index *const index = &tensor->reader->index;
	struct stored stored = {0};
	enum cairn_status status = look_at_slice(tensor, number, &stored, error);

	for (uint32_t i = 0; status == CAIRN_OK && i < stored.record.extent_count; i++) {
		struct extent_record extent;

		status = index_extent(index, stored.record.extent_index + i, &extent, error);
		if (status == CAIRN_OK && !checked_add(*bytes, extent.stored_size, bytes))
			*bytes = UINT64_MAX; /* of a dishonest index */
	}
	return status;
}

enum cairn_status cairn_tensor_stored_bytes(const struct cairn_tensor *tensor, uint64_t *bytes,
					    struct cairn_error *error)
{
	const struct index *const index = &tensor->reader->index;
	struct tensor_record record;
	struct tensor_record holder = {0};
	enum cairn_status status = index_tensor(index, tensor->record, &record, error);

	if (status == CAIRN_OK)
		status = index_resolve_alias(index, tensor->record, &record, &holder, error);
	*bytes = 0;
	for (uint32_t i = 0; status == CAIRN_OK && i < holder.slice_count; i++)
		status = add_stored_bytes(tensor, holder.slice_index + i, bytes, error);
	return reader_error(tensor->reader, status, error);
}
