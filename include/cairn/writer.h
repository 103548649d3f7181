/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a container, or a TensorFlow checkpoint.
 *
 *     struct cairn_error error;
 *     struct cairn_writer *writer;
 *
 *     if (cairn_writer_create("out.cairn", NULL, &writer, &error) != CAIRN_OK) ...
 *     if (cairn_writer_add(writer, "w", CAIRN_F32, 2, dims, data, &error) != CAIRN_OK) ...
 *     if (cairn_writer_finish(writer, &error) != CAIRN_OK) ...        durable when this returns OK
 *     cairn_writer_destroy(writer);
 *
 * With options.target CAIRN_TARGET_TENSORFLOW the same calls write a checkpoint of TensorFlow's
 * second format: the path is its prefix, and what gets names are `<path>.data-00000-of-00001` (one
 * for each shard) and `<path>.index`. What it cannot hold (metadata, aliases, types of other
 * formats) is listed by cairn_writer_finish, and nothing is written: UNSUPPORTED.
 *
 * Caveats
 *
 * - Nothing is visible under the path before cairn_writer_finish, and everything is after it. When
 *   it returns OK, a power cut cannot lose the file. Until then a file that was there before is
 *   intact.
 * - Destroy never commits. A writer that is destroyed before finish leaves no file.
 * - CAIRN_IN_DOUBT from finish: the very last fsync failed. The path names the old or the new file,
 *   both whole.
 * - Several files with fixed names cannot be exchanged in one step: a TensorFlow checkpoint that is
 *   replaced is old, new, or for a moment not there; after a power cut in that moment the next
 *   writer in the folder, or recovery, puts the old one back. It is never a mix.
 * - The file is written under a temporary name (.cairn-tmp-<32 hex>) in the target's folder. A
 *   process that dies leaves it behind; the next writer in that folder sweeps it, once its lock is
 *   gone. A child that was forked during the save holds the lock too, until it exits or executes
 *   another program.
 *
 * Threads: a writer belongs to one thread at a time. Writing itself uses threads of its own
 * (options.thread_count); the bytes that it writes do not depend on their number.
 */
#ifndef CAIRN_WRITER_H
#define CAIRN_WRITER_H

#include <cairn/base.h>
#include <cairn/dtype.h>
#include <cairn/error.h>
#include <cairn/reader.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A container that is being written. Opaque. */
struct cairn_writer;

/* -------------------------------------------------------------------------------------- options */

/* A format that can be written. */
enum cairn_target {
	/* of a conversion: .cairn, .safetensors, .safetensors.index.json; of a writer: a container
	 */
	CAIRN_TARGET_BY_SUFFIX = 0,
	CAIRN_TARGET_CAIRN = 1,
	CAIRN_TARGET_SAFETENSORS = 2, /* of a conversion only */
	CAIRN_TARGET_TENSORFLOW = 3   /* the second format: prefix.index and prefix.data-* */
};

enum cairn_writer_flags {
	/* replace a file that has the path already; without it: EXISTS */
	CAIRN_WRITER_REPLACE = 1u << 0,
	/* lay data out in name order instead of the order of the add calls */
	CAIRN_WRITER_SORT = 1u << 1,
	/* write through the page cache, never with O_DIRECT */
	CAIRN_WRITER_BUFFERED = 1u << 2,
	/* count what the tensors hold on the way, for cairn_writer_report: NaNs, zeros ... */
	CAIRN_WRITER_STATISTICS = 1u << 3
};

/* How tensors of a container are stored. Metadata are never compressed. */
enum cairn_compression {
	CAIRN_COMPRESSION_DEFAULT = 0, /* of a tensor: as the writer's options say; there: none */
	CAIRN_COMPRESSION_NONE = 1,
	/* LZ4, each chunk that becomes smaller; what is compressed is decoded into memory when it
	 * is used, chunk by chunk. A tensor of which no chunk shrinks can be mapped as ever. */
	CAIRN_COMPRESSION_LZ4 = 2,
	/* the same, after the bytes of numbers were sorted by their significance */
	CAIRN_COMPRESSION_LZ4_SHUFFLE = 3
};

/* Called now and then from the thread that finishes, with bytes written and bytes in all. Not 0:
 * cancel. */
typedef int (*cairn_progress)(void *context, uint64_t done, uint64_t total);

/* Zero is the default everywhere; NULL stands for all defaults. */
struct cairn_writer_options {
	size_t size; /* sizeof(struct cairn_writer_options); 0 means version 1 of this struct */

	/* What is written. */
	uint32_t flags;      /* enum cairn_writer_flags */
	uint32_t chunk_size; /* bytes, a power of two from 64 KiB to 64 MiB; 0: 256 KiB */
	/* of data from 64 KiB up: a power of two from 4 KiB to 2 MiB; 0: 4 KiB. Of TensorFlow: of
	 * all data, any power of two to 2 MiB; 0: none, as TensorFlow writes */
	uint64_t alignment;
	uint8_t save_id[16];           /* groups the ranks of one save */
	struct cairn_digest parent_id; /* content id of the checkpoint that this one follows */
	uint64_t generation;

	/* How it is written; the bytes do not depend on it. */
	uint32_t thread_count; /* 0: chosen; at most 64 */

	/* Which format, and its layout. */
	enum cairn_target target; /* 0: a container */
	cairn_progress progress;  /* or NULL */
	void *progress_context;
	/*
	 * Of TensorFlow: bytes of values in a data file; 0: no limit. Files are filled in the order
	 * of the tensors, and a tensor that does not fit is cut into slices, as TensorFlow's
	 * MaxShardSizePolicy does; but only one of a type whose slices TensorFlow can put together,
	 * and one from a callback only where its bytes stay in order. What is not cut and too large
	 * has a file of its own. Not together with shard_count.
	 */
	uint64_t shard_size_max;
	uint32_t shard_count; /* of TensorFlow: data files, which cairn_tensor_spec chooses from;
				 0: 1; at most 65,535 */
	/* of a container, and not together with an alignment other than 4 KiB */
	enum cairn_compression compression;

	/* For cairn_writer_report: a checkpoint to compare with, usually the one before. Borrowed
	 * until cairn_writer_finish returns; or NULL. */
	const struct cairn_reader *previous;

	uint64_t reserved[5]; /* zero */
};

/* ---------------------------------------------------------------------- create, finish, destroy */

/*
 * Begins a container that will be `path`. Opens the folder of `path`, which must be there, and
 * sweeps what dead writers left in it; creates nothing: the temporary file exists only during
 * cairn_writer_finish. Returns EXISTS, NOT_FOUND (no such folder), INVALID_ARGUMENT (path or
 * options), IO, NO_MEMORY.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_writer_create(const char *path, const struct cairn_writer_options *options,
		    struct cairn_writer **writer, struct cairn_error *error);

/*
 * Writes all that was added, makes it durable and gives it its name. Whatever it returns, the
 * writer can only be destroyed afterwards. Returns the first error that this writer ever had, so
 * that add calls may go unchecked; EXISTS; IO; CANCELLED; IN_DOUBT; BUSY (another process kept the
 * folder locked); what a callback returned; NO_MEMORY.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_writer_finish(struct cairn_writer *writer,
							       struct cairn_error *error);

/* Gives up: nothing is written, and nothing can be added any more. After finish, and on NULL, a
 * no-op. */
CAIRN_API void cairn_writer_abort(struct cairn_writer *writer);

/* Frees the writer, aborting it first if it was not finished. NULL is allowed. */
CAIRN_API void cairn_writer_destroy(struct cairn_writer *writer);

/* The content id of what was written (of TensorFlow: the digest of the index file, which holds the
 * CRCs of all data); all zero before finish returned OK. */
CAIRN_API struct cairn_digest cairn_writer_content_id(const struct cairn_writer *writer);

/* ------------------------------------------------------------------------------- adding tensors */

/* What is said about a tensor before its bytes. */
struct cairn_tensor_spec {
	struct cairn_string name; /* copied */
	enum cairn_dtype dtype;
	uint32_t rank;
	const uint64_t *dims;    /* copied; rank entries, slowest first */
	const uint64_t *starts;  /* copied; of a slice, rank entries; NULL: whole */
	const uint64_t *lengths; /* copied; of a slice, rank entries, CAIRN_FULL with start 0 for a
				    whole dimension */
	uint32_t block_elements; /* of a dtype that cairn_dtype_info does not know; else 0 */
	uint32_t block_bytes;
	uint32_t shard; /* of TensorFlow: number of the data file, below the options' shard_count */
	enum cairn_compression compression;
	uint64_t reserved[3]; /* zero */
};

/*
 * Produces `size` bytes from byte `offset` of a tensor's (or slice's) row-major bytes on. Called
 * during cairn_writer_finish, never from two threads at once for one writer, with ascending offsets
 * and each byte once. May be called from a thread of the writer's. Must not throw. Anything but
 * CAIRN_OK ends the save with that status.
 */
typedef enum cairn_status (*cairn_produce)(void *context, uint64_t offset, void *buffer,
					   size_t size);

/*
 * All add functions return INVALID_ARGUMENT (name not UTF-8 or over CAIRN_NAME_SIZE_MAX, unknown
 * dtype, rank over CAIRN_RANK_MAX, a slice that leaves the shape or cuts a block of the type, dims
 * that do not fit the blocks of the type), LIMIT (sizes over 2^63), EXISTS (a whole tensor of that
 * name was added before; or an equal slice), MISMATCH (another slice of that name has another dtype
 * or shape), PRECONDITION (already finished), NO_MEMORY. Duplicates may only be noticed by
 * cairn_writer_finish.
 */

/* A whole tensor under a terminated name. `data` is borrowed until finish, abort or destroy. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_writer_add(struct cairn_writer *writer, const char *name, enum cairn_dtype dtype,
		 uint32_t rank, const uint64_t *dims, const void *data, struct cairn_error *error);

/* The same, but the bytes are copied before the call returns. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_writer_add_copy(struct cairn_writer *writer, const char *name, enum cairn_dtype dtype,
		      uint32_t rank, const uint64_t *dims, const void *data,
		      struct cairn_error *error);

/* A tensor or slice from memory; `data` is borrowed until finish, abort or destroy. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_writer_add_spec(struct cairn_writer *writer, const struct cairn_tensor_spec *spec,
		      const void *data, struct cairn_error *error);

/* A tensor or slice whose bytes are produced when they are written, so that nothing needs to be
 * resident at once. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_writer_add_callback(struct cairn_writer *writer, const struct cairn_tensor_spec *spec,
			  cairn_produce produce, void *context, struct cairn_error *error);

/*
 * A tensor whose elements are byte strings, each with a size of its own: CAIRN_STRING or
 * CAIRN_VARIANT. `elements` has as many entries as the product of dims; it may be NULL when that is
 * 0. The bytes are copied. Elements may hold anything, NUL too, and need not be text. Also
 * INVALID_ARGUMENT: another dtype.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_writer_add_variable(struct cairn_writer *writer, struct cairn_string name,
			  enum cairn_dtype dtype, uint32_t rank, const uint64_t *dims,
			  const struct cairn_string *elements, struct cairn_error *error);

/* The same of a tensor in a shard, or of a slice, whose elements these are (of TensorFlow only). */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_writer_add_variable_spec(struct cairn_writer *writer, const struct cairn_tensor_spec *spec,
			       const struct cairn_string *elements, struct cairn_error *error);

/* cairn_writer_add_variable with CAIRN_STRING. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_writer_add_strings(struct cairn_writer *writer, struct cairn_string name, uint32_t rank,
			 const uint64_t *dims, const struct cairn_string *strings,
			 struct cairn_error *error);

/*
 * A tensor of another checkpoint, under `name` or (NULL data) its own: dtype, shape, stored slices
 * with their literal extents, and bytes, which are verified as they are read. The tensor's reader
 * gets a reference until the writer is destroyed.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_writer_add_tensor(struct cairn_writer *writer, struct cairn_string name,
			const struct cairn_tensor *tensor, struct cairn_error *error);

/* A tensor that shares the bytes of `target` (tied weights), which was or will be added whole to
 * the same writer. */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_writer_add_alias(struct cairn_writer *writer,
								  struct cairn_string name,
								  struct cairn_string target,
								  struct cairn_error *error);

/* ------------------------------------------------------------------------------ adding metadata */

/*
 * All of them return INVALID_ARGUMENT (key not UTF-8 or over CAIRN_NAME_SIZE_MAX, a rank over 1, a
 * dtype that is not for this function), LIMIT, PRECONDITION (already finished), NO_MEMORY;
 * cairn_writer_finish returns EXISTS when a key was set twice. `dims` may be NULL at rank 0.
 */

/* A value of any type of fixed size, rank 0 or 1; the bytes are copied. CAIRN_NULL has no bytes:
 * rank 0, no dims, no data. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_writer_set_metadata(struct cairn_writer *writer, struct cairn_string key,
			  enum cairn_dtype dtype, uint32_t rank, const uint64_t *dims,
			  const void *data, struct cairn_error *error);

/* One string or a list: CAIRN_STRING (text) or CAIRN_BYTES (not text), rank 0 with one entry or
 * rank 1 with dims[0] of them, NULL for none. The bytes are copied. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_writer_set_metadata_strings(struct cairn_writer *writer, struct cairn_string key,
				  enum cairn_dtype dtype, uint32_t rank, const uint64_t *dims,
				  const struct cairn_string *strings, struct cairn_error *error);

/* The same with CAIRN_STRING and rank 0: text. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_writer_set_metadata_string(struct cairn_writer *writer, struct cairn_string key,
				 struct cairn_string value, struct cairn_error *error);

/* An entry of another checkpoint, with its type; read when this is called. INVALID_ARGUMENT also
 * for a tensor of rank over 1; else what reading it returns. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_writer_copy_metadata(struct cairn_writer *writer, const struct cairn_tensor *value,
			   struct cairn_error *error);

#ifdef __cplusplus
}
#endif

#endif
