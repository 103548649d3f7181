/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of an open checkpoint.
 *
 * A reader is an index (an image and where it came from), the files that its extents point into,
 * and the memory of what was verified. How it came to be (a container, a foreign format) makes no
 * difference after open.
 *
 * Life of a read: open.c finds out what a path is; an open_<format>.c fills a reader; lookup.c
 * finds records; stored.c reads and verifies the bytes of one stored slice, stored_foreign.c where
 * a foreign format has its own way; gather.c puts slices together; view.c hands out memory.
 */
#ifndef CAIRN_ENGINE_READER_H
#define CAIRN_ENGINE_READER_H

#include <stdatomic.h>

#include <cairn/reader.h>

#include "engine/read/chunk_states.h"
#include "engine/read/file.h"
#include "engine/system/sync.h"
#include "engine/system/system.h"
#include "format/arena.h"
#include "format/index.h"
#include "format/index_build.h"

struct cairn_reader {
	struct system *system;
	_Atomic uint64_t references; /* the caller's, and one for each view */
	/* A reader of some of another one's tensors has a reference to it, and its files; else NULL
	 */
	struct cairn_reader *parent;
	struct arena arena; /* names, images built in memory, the array of files */
	enum cairn_verification verification;
	enum cairn_transport transport;
	uint32_t open_flags;

	const char *name;   /* the path as it was given, for messages; in the arena or static */
	const char *folder; /* path of the folder that holds the files; in the arena; NULL: opened
			       without a path */
	const char *format; /* static */
	uint32_t format_version;
	const char *note; /* in the arena, or NULL */

	struct index index;
	struct container_header header; /* of a container */
	/* of a container; of a built image its section table and counts */
	struct container_footer footer;
	/* owned; 1: the shard's content id was compared; NULL: no siblings */
	_Atomic uint8_t *shard_states;
	/* Index blocks of a file are read to private memory when they are first used
	 * (open_container.c). */
	uint8_t *image_copy;    /* owned; NULL: the index is used where it is */
	uint8_t *blocks_loaded; /* owned; one for each block of the index, guarded by the mutex */
	struct mutex load_mutex;
	_Atomic uint8_t *block_states; /* owned */
	struct chunk_states chunk_states;
	/* of foreign slices that have one check over all their bytes, by the number of the slice
	 */
	struct chunk_states slice_states;

	/*
	 * By shard number. Shard 0 is the container itself, or the memory in the arena that holds a
	 * foreign checkpoint's metadata ("literals"). first_file is the shard that a person would
	 * call the first file: 0 or 1. There is an entry of that number also in a foreign
	 * checkpoint without shards: closed, by the name of the index file.
	 */
	struct file *files; /* in the arena; each closed with the reader */
	uint32_t file_count;
	uint32_t first_file;
	const char *index_file; /* a file that is no shard: the JSON index of a sharded checkpoint;
				   or NULL */
	uint64_t index_file_size;
	/* The table of a TensorFlow checkpoint, open: who writes one of the same files reads in it
	 * what the index does not say. Closed with the reader; system NULL: none. */
	struct file table;

	bool siblings_changed;   /* see open_siblings */
	bool data_is_embedded;   /* in messages: where they lie is of use to nobody else */
	bool has_foreign_checks; /* of all slices: set by the opener */

	uint64_t materialised_max;
	_Atomic uint64_t materialised;
};

/* Memory for the reader's arena comes from the seam. */
struct arena_source reader_arena_source(struct system *system);

/* A reader without files, all defaults; NULL when there is no memory. */
struct cairn_reader *reader_create(struct system *system,
				   const struct cairn_reader_options *options);

/* cairn_reader_open and its kin on another system. Path errors are prefixed with the path. */
enum cairn_status reader_open_path(struct system *system, const char *path,
				   const struct cairn_reader_options *options,
				   struct cairn_reader **reader, struct cairn_error *error);
/* A TensorFlow V2 checkpoint by its prefix, also where a file or folder has that name. */
enum cairn_status reader_open_prefix(struct system *system, const char *prefix,
				     const struct cairn_reader_options *options,
				     struct cairn_reader **reader, struct cairn_error *error);
enum cairn_status reader_open_descriptor(struct system *system, int fd, uint64_t offset,
					 uint64_t size, const struct cairn_reader_options *options,
					 struct cairn_reader **reader, struct cairn_error *error);
enum cairn_status reader_open_bytes(struct system *system, const void *data, size_t size,
				    const struct cairn_reader_options *options,
				    struct cairn_reader **reader, struct cairn_error *error);

/*
 * Openers: each fills a created reader from an open file, which it takes over into reader->files
 * also when it fails. `page` holds the file's first bytes (CONTAINER_PAGE_SIZE, or all of a shorter
 * file).
 */
enum cairn_status open_container(struct cairn_reader *reader, int directory, struct file *file,
				 const uint8_t *page, struct cairn_error *error);
/* The same without the siblings that an index names: only what the index itself says can be read.
 */
enum cairn_status open_container_alone(struct cairn_reader *reader, struct file *file,
				       const uint8_t *page, struct cairn_error *error);
enum cairn_status open_safetensors(struct cairn_reader *reader, struct file *file,
				   struct cairn_error *error);

/* Opens the siblings that the index of a sharded checkpoint names, in `directory`. CORRUPT when one
 * is missing or has another size: reader->siblings_changed is set then, since the checkpoint may
 * just be replaced. BUSY when it certainly was: another index has the name. */
enum cairn_status open_siblings(struct cairn_reader *reader, int directory,
				struct cairn_error *error);

/* Makes sure that a shard is the one that the index means: compares its content id when it is first
 * used. */
enum cairn_status reader_use_shard(const struct cairn_reader *reader, uint32_t shard,
				   struct cairn_error *error);

/* `table` is the file PREFIX.index, `directory` its folder as given, for the data files. Closes the
 * table. */
enum cairn_status open_tensorflow(struct cairn_reader *reader, int directory, struct file *table,
				  struct cairn_error *error);

/* One file of TensorFlow's first format; and all those that a pattern `x-?????-of-00004` names in
 * `directory`: NOT_FOUND also for a name that is no pattern. */
enum cairn_status open_tensorflow_v1(struct cairn_reader *reader, struct file *file,
				     struct cairn_error *error);
enum cairn_status open_tensorflow_v1_shards(struct cairn_reader *reader, int directory,
					    const char *pattern, struct cairn_error *error);

/* `directory` is the folder of the path as given, for the shards. */
enum cairn_status open_safetensors_index(struct cairn_reader *reader, int directory,
					 struct file *file, struct cairn_error *error);

/* For openers: makes room for `count` files, all closed; maps one of them, keeping its descriptor
 * unless there are many; and turns a description into the reader's index. `literals` become shard
 * 0. */
enum cairn_status reader_reserve_files(struct cairn_reader *reader, uint32_t count,
				       struct cairn_error *error);
enum cairn_status reader_map_file(struct cairn_reader *reader, uint32_t number,
				  struct cairn_error *error);
/* Of many readers that are open at once, the number-th does without descriptors where its mappings
 * do. */
void reader_spare_descriptors(struct cairn_reader *reader, uint32_t number);
enum cairn_status reader_use_built_index(struct cairn_reader *reader, struct build_input *input,
					 const uint8_t *literals, uint64_t literals_size,
					 struct cairn_error *error);

/* A tensor record as the public struct. `number` counts both namespaces. */
enum cairn_status reader_describe(const struct cairn_reader *reader, uint64_t number,
				  const struct tensor_record *record, struct cairn_tensor *tensor,
				  struct cairn_error *error);

/* Takes the image that reader->footer describes; `trusted`: built in memory. Openers call it once
 * everything else is in place. */
enum cairn_status reader_use_index(struct cairn_reader *reader, const uint8_t *image,
				   uint64_t file_offset, bool trusted, struct cairn_error *error);

/* Counts bytes that are about to be materialised, before they are allocated: LIMIT. */
enum cairn_status reader_reserve(struct cairn_reader *reader, uint64_t size,
				 struct cairn_error *error);
void reader_unreserve(struct cairn_reader *reader, uint64_t size);

/* Data can be verified. */
bool reader_has_digests(const struct cairn_reader *reader);

/* Verifies every block of the index, once and in order. *verified is the same index for who is
 * going to use all of it: nothing in it is verified again. It lives as long as the reader. */
enum cairn_status reader_verify_index(const struct cairn_reader *reader, struct index *verified,
				      struct cairn_error *error);

/* Unmaps the index of a reader that nobody asks for tensors any more: the facts about its files
 * stay until it is closed. By any thread. */
void reader_release_index(struct cairn_reader *reader);

/* index_check over the whole index. */
enum cairn_status reader_check_index(const struct cairn_reader *reader, struct cairn_error *error);

/* Puts the checkpoint's name in front of an error. */
enum cairn_status reader_error(const struct cairn_reader *reader, enum cairn_status status,
			       struct cairn_error *error);

#endif
