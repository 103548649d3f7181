/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In place of open_tensorflow*.c and stored_foreign.c in a build without TensorFlow's formats:
 * nothing but plain bytes is known.
 */
#include "engine/read/stored.h"
#include "format/error.h"

enum cairn_status stored_foreign_known(const struct slice_record *record, struct cairn_error *error)
{
	if (record->transform != TRANSFORM_NONE || record->check_kind != CHECK_NONE)
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "transform %d and check %d, without which this was built",
				 record->transform, record->check_kind);
	return CAIRN_OK;
}

static enum cairn_status not_built(struct cairn_error *error)
{
	return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
			 "this was built without foreign checks");
}

enum cairn_status stored_foreign_check(const struct stored *stored, uint32_t *expected,
				       uint32_t *found, struct cairn_error *error)
{
	(void)stored;
	*expected = 0;
	*found = 0;
	return not_built(error);
}

enum cairn_status stored_foreign_verify(const struct stored *stored, struct cairn_error *error)
{
	(void)stored;
	return not_built(error);
}

enum cairn_status stored_foreign_copy(const struct stored *stored, uint64_t offset, uint64_t size,
				      uint8_t *buffer, struct stored_scratch *scratch,
				      struct cairn_error *error)
{
	(void)stored, (void)offset, (void)size, (void)buffer, (void)scratch;
	return not_built(error);
}

enum cairn_status open_tensorflow(struct cairn_reader *reader, int directory, struct file *table,
				  struct cairn_error *error)
{
	(void)reader, (void)directory;
	file_close(table);
	return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
			 "a TensorFlow checkpoint, without which this was built");
}

enum cairn_status open_tensorflow_v1(struct cairn_reader *reader, struct file *file,
				     struct cairn_error *error)
{
	return open_tensorflow(reader, -1, file, error);
}

/* No name is known to be a pattern. */
enum cairn_status open_tensorflow_v1_shards(struct cairn_reader *reader, int directory,
					    const char *pattern, struct cairn_error *error)
{
	(void)reader, (void)directory, (void)pattern;
	return error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
			 "no such file or directory");
}
