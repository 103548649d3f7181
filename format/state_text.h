/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of TensorFlow's state file `checkpoint`: a CheckpointState message in protobuf's text
 * format, as TensorFlow reads and writes it.
 *
 * Read is what TensorFlow's parser takes, except: a NUL in a path, which no path can hold; white
 * space outside ASCII; character names (\N{...}); underscores in numbers. Written is byte for byte
 * what it writes.
 */
#ifndef CAIRN_FORMAT_STATE_TEXT_H
#define CAIRN_FORMAT_STATE_TEXT_H

#include <stdint.h>

#include <cairn/base.h>
#include <cairn/error.h>

#include "format/arena.h"

/* The largest text that is read or written: some fifty thousand checkpoints. */
#define STATE_TEXT_SIZE_MAX ((size_t)4 << 20)

/* Paths are terminated UTF-8 without NUL. */
struct state_text {
	const char *model_path; /* "" when there is none */
	const char **paths;     /* oldest first */
	uint64_t path_count;
	double *timestamps;
	uint64_t timestamp_count;
	double last_preserved; /* 0 when there is none */
};

/*
 * Parses; everything in *state is in the arena, which needs at most about thirty bytes for each
 * byte of the text. A text without any field is fine here. CORRUPT (with line and offset), LIMIT,
 * NO_MEMORY.
 */
enum cairn_status state_text_parse(struct cairn_string text, struct arena *arena,
				   struct state_text *state, struct cairn_error *error);

/* The text in the arena, terminated. INVALID_ARGUMENT (a path that is no UTF-8), LIMIT, NO_MEMORY.
 */
enum cairn_status state_text_write(const struct state_text *state, struct arena *arena,
				   struct cairn_string *text, struct cairn_error *error);

#endif
