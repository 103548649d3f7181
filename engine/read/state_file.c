/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text is hostile until format/state_text.c has read it; afterwards it holds paths without NUL.
 */
#include "engine/read/state_file.h"

#include <inttypes.h>

#include "format/error.h"

static enum cairn_status read_text(const struct file *file, struct arena *arena,
				   struct cairn_string *text, struct cairn_error *error)
{
	char *bytes;

	if (file->size > STATE_TEXT_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "a state file of %" PRIu64 " bytes, more than %zu", file->size,
				 STATE_TEXT_SIZE_MAX);
	bytes = arena_allocate(arena, file->size);
	if (bytes == NULL)
		return error_set_memory(error, "the text of a state file");
	*text = (struct cairn_string){bytes, file->size};
	return file_read(file, 0, bytes, file->size, error);
}

enum cairn_status state_file_read(const struct file *file, struct arena *arena,
				  struct state_text *state, struct cairn_error *error)
{
	struct cairn_string text = {NULL, 0};
	const enum cairn_status status = read_text(file, arena, &text, error);

	return status == CAIRN_OK ? state_text_parse(text, arena, state, error) : status;
}

enum cairn_status state_file_names_none(enum cairn_status status, struct cairn_error *error)
{
	return error_set(error, status, CAIRN_ERROR_NO_OFFSET,
			 "no state file: it names no model_checkpoint_path");
}
