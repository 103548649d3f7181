/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a container that is being written.
 *
 * Life of a write: the add functions (writer_add.c) make items, one for each piece of data, and
 * touch no file. Finish groups them into tensors (group.c), lays them out (plan.c), writes them
 * (write_data.c), builds the index over the digests that writing left behind, and publishes
 * (writer.c).
 */
#ifndef CAIRN_ENGINE_WRITER_H
#define CAIRN_ENGINE_WRITER_H

#include <cairn/writer.h>

#include "engine/read/stored.h"
#include "engine/system/system.h"
#include "engine/write/draft.h"
#include "format/arena.h"
#include "format/index_build.h"

/* Where the bytes of an item come from. */
enum source_kind {
	SOURCE_NONE, /* an alias */
	SOURCE_MEMORY,
	SOURCE_CALLBACK,
	SOURCE_STORED,
	SOURCE_STAGED /* memory, of which staging keeps account */
};

/* One piece of data: a whole tensor, a slice of one, a metadata value; or an alias, which has none.
 */
struct item {
	struct cairn_string name; /* in the arena, as all that follows */
	const uint64_t *dims;
	const uint64_t *ranges; /* of a slice: (start, length) pairs; NULL: whole */
	/* name of the tensor that holds the bytes; data NULL: no alias */
	struct cairn_string alias_of;
	uint64_t tensor_size; /* bytes of the whole tensor */
	uint64_t size;        /* bytes of this piece */
	enum cairn_dtype dtype;
	uint32_t block_elements;
	uint32_t block_bytes;
	uint8_t rank;
	uint8_t name_space;
	uint8_t packing;
	uint8_t source;      /* enum source_kind */
	uint8_t compression; /* enum cairn_compression; 0 (metadata) as none */
	bool is_borrowed;    /* SOURCE_MEMORY: of the program's, which may change after finish */
	uint32_t shard;      /* of TensorFlow: the data file */
	union {
		const uint8_t *memory;
		struct {
			cairn_produce produce;
			void *context;
		} callback;
		const struct stored *stored; /* of a reader that the writer holds a reference to */
		const struct staged *staged; /* in the arena */
	} from;

	/* The plan's. */
	struct extent_record extent;
	uint8_t *digests;              /* of its chunks */
	struct extent_record *extents; /* of its chunks, when the container is packed */
};

/* Part of an item that is written in one go: it begins at a chunk's boundary. */
struct part {
	struct item *item;
	uint64_t offset; /* in the item */
	uint64_t size;
};

/* A stretch of the file that one thread fills, hashes and writes at once: begins and ends at page
 * boundaries. */
struct segment {
	uint64_t offset;
	uint64_t size;
	uint64_t first_part;
	uint64_t part_count;
	bool has_callbacks;
};

struct plan {
	struct part *parts;
	uint64_t part_count;
	struct segment *segments;
	uint64_t segment_count;
	uint64_t segment_size_max;
	uint64_t data_end; /* of the last byte of data; the header page's end when there is none */
	uint64_t index_offset;
	uint64_t index_size;
	uint64_t file_size;
	bool packed; /* some is compressed: all places change when data are written */
};

/* What was written, or would be. */
struct write_size {
	uint64_t count;
	uint64_t bytes; /* of all of them */
};

/* A reader that items read from. */
struct held_reader {
	struct cairn_reader *reader;
	struct held_reader *next;
};

struct report;

struct cairn_writer {
	struct system *system;
	struct arena arena;
	struct folder folder;
	char target[SYSTEM_NAME_SIZE];       /* base name; of TensorFlow the prefix */
	const char *path;                    /* for messages; in the arena */
	struct cairn_writer_options options; /* with the defaults filled in */
	uint64_t blob_alignment;             /* of TensorFlow: of all data */
	bool v1_shards;                      /* of its first format: names have numbers */

	struct item *items; /* in the arena; in the order of the add calls */
	uint64_t item_count;
	uint64_t item_capacity;
	struct held_reader *readers; /* each with a reference */

	struct build_input input; /* made by finish */
	struct plan plan;
	struct report *report;          /* report.h; in the arena; NULL: nothing is asked for */
	bool finished;                  /* or aborted: nothing can be added any more */
	bool written;                   /* all of it: there is something to report */
	struct cairn_error first_error; /* code CAIRN_OK: none so far */
	struct cairn_digest content_id;
	struct write_size files; /* that finish wrote */
};

/* cairn_writer_create on another system. */
enum cairn_status writer_create(struct system *system, const char *path,
				const struct cairn_writer_options *options,
				struct cairn_writer **writer, struct cairn_error *error);

/*
 * A writer for a file of a folder that the caller keeps (guarded: nothing is swept, no locks are
 * taken). The folder's descriptor is duplicated. `path` is for messages.
 */
enum cairn_status writer_create_in(const struct folder *folder, const char *name, const char *path,
				   const struct cairn_writer_options *options,
				   struct cairn_writer **writer, struct cairn_error *error);

/* cairn_writer_create for one that is only measured: nothing is swept. */
enum cairn_status writer_create_to_measure(struct system *system, const char *path,
					   const struct cairn_writer_options *options,
					   struct cairn_writer **writer, struct cairn_error *error);

/* The same without a folder; `path` is for messages. */
enum cairn_status writer_create_nowhere(struct system *system, const char *path,
					const struct cairn_writer_options *options,
					struct cairn_writer **writer, struct cairn_error *error);

/* Instead of cairn_writer_finish: plans and writes nothing, but fills writer->files. What finish
 * returns up to there. */
enum cairn_status writer_measure(struct cairn_writer *writer, struct cairn_error *error);

/* The part of it that is about a TensorFlow checkpoint. */
enum cairn_status writer_measure_bundle(struct cairn_writer *writer, struct cairn_error *error);

/* Remembers the first error of a writer, with the path in front of its message; returns `status`.
 */
enum cairn_status writer_failed(struct cairn_writer *writer, enum cairn_status status,
				struct cairn_error *error);

/*
 * cairn_writer_add_callback for what is not open to callers: metadata, tensors of strings (of
 * `variable_size` bytes with their end offsets, which the callback must get right), and a packing
 * of one's choice. *size becomes that of the item.
 */
enum cairn_status writer_add_produced(struct cairn_writer *writer,
				      const struct cairn_tensor_spec *spec,
				      enum name_space name_space, uint8_t packing,
				      uint64_t variable_size, cairn_produce produce, void *context,
				      uint64_t *size, struct cairn_error *error);

/*
 * Sorts items into tensors and fills writer->input. EXISTS (a name twice), MISMATCH (slices that
 * disagree), NOT_FOUND (target of an alias), LIMIT, NO_MEMORY.
 */
enum cairn_status writer_group(struct cairn_writer *writer, struct cairn_error *error);

/* Produces bytes [offset, offset + size) of an item. What the source returns. */
enum cairn_status item_read(const struct item *item, uint64_t offset, uint64_t size, uint8_t *bytes,
			    struct stored_scratch *scratch, struct cairn_error *error);

/* Computes every offset. LIMIT, NO_MEMORY, INVALID_ARGUMENT (compression and an alignment). */
enum cairn_status writer_plan(struct cairn_writer *writer, struct cairn_error *error);

/* Once data are packed and end at `data_end`: what follows them. LIMIT. */
enum cairn_status writer_plan_packed(struct cairn_writer *writer, uint64_t data_end,
				     struct cairn_error *error);

/*
 * Slices must not overlap: the rules of the index say so, and its check finds out, on the planned
 * index, before anything is written. INVALID_ARGUMENT, LIMIT, NO_MEMORY.
 */
enum cairn_status writer_check_slices(struct cairn_writer *writer, struct cairn_error *error);

/* The same for slices that no container's index describes: of strings, too. */
enum cairn_status writer_check_overlap(struct cairn_writer *writer, struct cairn_error *error);

/* Writes the header page and all segments; leaves the digests in the items. */
enum cairn_status writer_write_data(struct cairn_writer *writer, const struct draft *draft,
				    const uint8_t header_page[CONTAINER_PAGE_SIZE],
				    struct cairn_error *error);

/* All of finish for a TensorFlow checkpoint; and for one of the first format. */
enum cairn_status writer_save_bundle(struct cairn_writer *writer, struct cairn_error *error);
enum cairn_status writer_save_v1(struct cairn_writer *writer, struct cairn_error *error);

/* cairn_writer_finish of a writer for TensorFlow, in its first format: one file, or a file for each
 * shard with its number in the name. */
enum cairn_status writer_finish_v1(struct cairn_writer *writer, bool shards,
				   struct cairn_error *error);

#endif
