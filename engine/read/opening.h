/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What opening a foreign checkpoint needs until the reader is complete: its files, and the
 * descriptions that become the index.
 *
 * Headers are read and parsed into memory that is given back before open returns: what stays is the
 * index image, what is not stored as Cairn holds it ("literals", shard 0) and the names of files.
 * That memory is proportional to the bytes of the headers, which are there.
 */
#ifndef CAIRN_ENGINE_OPENING_H
#define CAIRN_ENGINE_OPENING_H

#include "engine/read/reader.h"
#include "format/arena.h"
#include "format/build_list.h"

enum {
	OPENING_NOTE_SIZE = 1024,
	MISSING_LIST_SIZE = 360
};

/* Shard i is file i + 1 of the reader. */
struct opening {
	struct cairn_reader *reader;
	struct arena scratch; /* headers and what was found in them; given back at the end */
	struct build_list list;
	struct literal_buffer literal;
	struct build_shard *shards; /* in the scratch; of the reader's files but for the first */
	uint32_t shard_count;
	char note[OPENING_NOTE_SIZE];
};

void opening_init(struct opening *opening, struct cairn_reader *reader);
void opening_fini(struct opening *opening);

/* Adds a sentence to what a person should know. */
void opening_note(struct opening *opening, const char *format, ...) CAIRN_PRINTF(2, 3);

/* Makes room for shards and for the reader's files, which are all closed. */
enum cairn_status opening_reserve(struct opening *opening, uint32_t shard_count,
				  struct cairn_error *error);

/* The first `size` bytes of a file, in the scratch. */
enum cairn_status opening_read(struct opening *opening, const struct file *file, uint64_t size,
			       uint8_t **bytes, struct cairn_error *error);

/* How shard `shard`, an open file, is recognised later: its size and times, and what its header
 * was. */
void opening_identify(struct opening *opening, uint32_t shard, const uint8_t *header,
		      uint64_t header_size);

/* Moves what stays out of the scratch and builds the reader's index. */
enum cairn_status opening_complete(struct opening *opening, struct cairn_error *error);

/* Files that are not there: names of as many as fit into a message. Starts zeroed. */
struct missing_files {
	char list[MISSING_LIST_SIZE];
	uint32_t count;
	uint32_t listed;
};

void missing_files_add(struct missing_files *missing, struct cairn_string name);

/* TRUNCATED, with their names, when there are any. */
enum cairn_status missing_files_refuse(const struct missing_files *missing, uint32_t shard_count,
				       struct cairn_error *error);

#endif
