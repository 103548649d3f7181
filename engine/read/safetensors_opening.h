/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What opening safetensors files needs until the reader is complete: one file or all shards of an
 * index.
 */
#ifndef CAIRN_ENGINE_SAFETENSORS_OPENING_H
#define CAIRN_ENGINE_SAFETENSORS_OPENING_H

#include "engine/read/reader.h"
#include "format/arena.h"
#include "format/build_list.h"
#include "format/safetensors.h"

enum {
	OPENING_NOTE_SIZE = 1024
};

/* Shard i is file i + 1 of the reader. */
struct opening {
	struct cairn_reader *reader;
	struct arena scratch; /* headers and what was found in them; given back at the end */
	struct build_list list;
	struct literal_buffer literal;
	struct build_shard *shards; /* in the scratch; of the reader's files but for the first */
	uint32_t shard_count;
	uint64_t headers_size;
	uint32_t next_rank; /* storage rank of the next tensor */
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

/* Reads and checks the header of an open shard, and maps the file. */
enum cairn_status opening_read_header(struct opening *opening, uint32_t shard,
				      struct safetensors_header *header, struct cairn_error *error);

/* Appends tensors and metadata of a header to the list; it lives as long as the scratch. */
enum cairn_status opening_describe(struct opening *opening, const struct safetensors_header *header,
				   uint32_t shard, struct cairn_error *error);

/* Moves what stays out of the scratch and builds the reader's index. */
enum cairn_status opening_complete(struct opening *opening, struct cairn_error *error);

#endif
