/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything of a checkpoint into a container: tensors in the order in which the source stores
 * them, so that it is read from front to back, with their slices and aliases; metadata with their
 * types.
 */
#include "engine/convert/copy_checkpoint.h"

#include "engine/convert/stored_order.h"
#include "engine/read/reader.h"

/* For the order of the tensors: far more than 2^32 of them need. */
#define CONVERT_ARENA_MAX ((size_t)1 << 40)

static enum cairn_status add_tensors(struct cairn_writer *writer, const struct cairn_reader *reader,
				     const struct stored_place *places, struct cairn_error *error)
{
	const struct cairn_string own_name = {NULL, 0};
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < cairn_reader_tensor_count(reader) && status == CAIRN_OK; i++) {
		struct cairn_tensor tensor;

		status = cairn_reader_tensor_at(reader, places[i].number, &tensor, error);
		if (status == CAIRN_OK)
			status = cairn_writer_add_tensor(writer, own_name, &tensor, error);
	}
	return status;
}

enum cairn_status copy_metadata(struct cairn_writer *writer, const struct cairn_reader *reader,
				struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < cairn_reader_metadata_count(reader) && status == CAIRN_OK; i++) {
		struct cairn_tensor value;

		status = cairn_reader_metadata_at(reader, i, &value, error);
		if (status == CAIRN_OK)
			status = cairn_writer_copy_metadata(writer, &value, error);
	}
	return status;
}

enum cairn_status copy_tensors(struct cairn_writer *writer, const struct cairn_reader *reader,
			       struct cairn_error *error)
{
	struct stored_place *places = NULL;
	struct arena arena;
	enum cairn_status status;

	arena_init(&arena, reader_arena_source(reader->system), CONVERT_ARENA_MAX);
	status = stored_order(reader, &arena, &places, error);
	if (status == CAIRN_OK)
		status = add_tensors(writer, reader, places, error);
	arena_fini(&arena);
	return status;
}

enum cairn_status copy_checkpoint(struct cairn_writer *writer, const struct cairn_reader *reader,
				  struct cairn_error *error)
{
	const enum cairn_status status = copy_tensors(writer, reader, error);

	return status == CAIRN_OK ? copy_metadata(writer, reader, error) : status;
}
