/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model to save and to recognise: what it holds follows from its kind and a seed, so that two
 * seeds are two versions of one checkpoint, and a torn mixture of them is neither.
 *
 * Works on any system, real or in memory.
 */
#ifndef CAIRN_TESTS_SAMPLE_MODEL_H
#define CAIRN_TESTS_SAMPLE_MODEL_H

#include <stdbool.h>

#include <cairn/error.h>
#include <cairn/reader.h>
#include <cairn/writer.h>

#include "engine/system/system.h"

enum sample_kind {
	SAMPLE_TINY,  /* two small tensors and a metadata entry: 72 KiB, few blocks written */
	SAMPLE_FULL,  /* whole, in slices, incomplete, strings, alias, packed, opaque, empty, from a
			 callback; metadata; a tensor of two chunks: 136 KiB */
	SAMPLE_DIRECT /* over 8 MiB, so that it is written with O_DIRECT; mostly holes */
};

struct sample {
	enum sample_kind kind;
	uint8_t seed;
};

/* A save in its three steps. Start from zeros; end it in any case. */
struct sample_save {
	struct cairn_writer *writer; /* owned */
	uint8_t *data;               /* owned; what the writer borrows */
};

/* Creates the writer and adds everything; `flags` is enum cairn_writer_flags. What the add calls
 * return is left to finish, as the interface allows. */
enum cairn_status sample_begin(struct system *system, const char *path, const struct sample *sample,
			       uint32_t flags, struct sample_save *save, struct cairn_error *error);
enum cairn_status sample_finish(struct sample_save *save, struct cairn_error *error);
void sample_end(struct sample_save *save);

/* All three. */
enum cairn_status sample_write(struct system *system, const char *path, const struct sample *sample,
			       uint32_t flags, struct cairn_error *error);

/*
 * Reads everything that the sample holds, in every way there is (find, iterate, views, slices,
 * ranges, strings, metadata, stored slices), and compares it. MISMATCH, which the library returns
 * for none of these calls: it gave something else without an error. Else the first status that a
 * call returned.
 */
enum cairn_status sample_compare(const struct cairn_reader *reader, const struct sample *sample,
				 struct cairn_error *error);

/* cairn_reader_verify: what it returned, or the first problem that it reported. */
enum cairn_status sample_verify(const struct cairn_reader *reader, struct cairn_error *error);

/*
 * Looks at all that a container says, whatever it holds, and hands out nothing: iterates over
 * tensors and metadata, finds each by its name, views it, a slice of it and its strings, reads the
 * first and last of its bytes. Views are touched from end to end. Goes on after a failure; returns
 * the first, or MISMATCH when a view claims to be verified and is not.
 */
enum cairn_status sample_walk(const struct cairn_reader *reader, struct cairn_error *error);

#endif
