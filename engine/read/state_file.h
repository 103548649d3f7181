/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading TensorFlow's state file: for who opens the latest checkpoint of a folder, and for who
 * keeps the file.
 */
#ifndef CAIRN_ENGINE_STATE_FILE_H
#define CAIRN_ENGINE_STATE_FILE_H

#include "engine/read/file.h"
#include "format/state_text.h"

/* What an open state file says; everything is in the arena. The model_path may be "", or lead
 * anywhere. CORRUPT, LIMIT, IO, NO_MEMORY. */
enum cairn_status state_file_read(const struct file *file, struct arena *arena,
				  struct state_text *state, struct cairn_error *error);

/* Says that the model_path is "", as in an empty file. To who opens a folder that is damage; who
 * asks for the state as TensorFlow does gets INVALID_ARGUMENT for its ValueError. */
enum cairn_status state_file_names_none(enum cairn_status status, struct cairn_error *error);

#endif
