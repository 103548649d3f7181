/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading checkpoints: open, find, view.
 *
 *     struct cairn_error error;
 *     struct cairn_reader *reader;
 *     struct cairn_tensor tensor;
 *     struct cairn_view view;
 *
 *     if (cairn_reader_open("model.cairn", NULL, &reader, &error) != CAIRN_OK) ...
 *     if (cairn_reader_find(reader, "wte.weight", &tensor, &error) != CAIRN_OK) ...
 *     if (cairn_tensor_view(&tensor, &view, &error) != CAIRN_OK) ...
 *     use(view.data, view.size);
 *     cairn_view_release(&view);
 *     cairn_reader_close(reader);
 *
 * Caveats
 *
 * - A view is a pointer into a shared read-only mapping of the file wherever that is possible.
 *   Bytes were right when Cairn handed them out. Whoever may write the file can change them later,
 *   and truncating a mapped file makes the *caller's* next access to the lost pages a SIGBUS;
 *   Cairn's own accesses to data report errors instead, and so do those to an index of up to 4
 *   MiB; a larger one is used where it is mapped. Cairn itself never truncates or rewrites a
 *   published file. Who cannot trust the other writers of a folder asks for copies
 *   (CAIRN_TRANSPORT_COPY).
 * - Never write through a view: it is read-only memory.
 * - Everything borrowed from a reader (names, dims, file names) lives until its last reference is
 *   gone.
 *
 * Threads: a reader is immutable after open. Every function here may be called from any number of
 * threads at once on the same reader; only the reference functions have to be balanced. A view
 * belongs to whoever took it. A reader opened before fork() may be used in the child; what another
 * thread was verifying at the time of the fork (a view, or a part of the index) stays busy there: a
 * process that forks while other threads read opens readers of its own in the child.
 */
#ifndef CAIRN_READER_H
#define CAIRN_READER_H

#include <cairn/base.h>
#include <cairn/dtype.h>
#include <cairn/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An open checkpoint. Opaque, reference-counted. */
struct cairn_reader;

/* -------------------------------------------------------------------------------------- options */

enum cairn_verification {
	/* every chunk that has a digest is checked when it is first used */
	CAIRN_VERIFY_ON_FIRST_USE = 0,
	/* data digests are not checked; the index still is. Views say so. */
	CAIRN_VERIFY_NEVER = 1
};

enum cairn_transport {
	/* mapped on local file systems, copied where a mapping cannot be trusted (NFS, FUSE) */
	CAIRN_TRANSPORT_AUTO = 0,
	/* mapped wherever the system allows it */
	CAIRN_TRANSPORT_MAP = 1,
	/* never mapped: every view is materialised from checked bytes */
	CAIRN_TRANSPORT_COPY = 2
};

enum cairn_open_flags {
	/* check every record and the order of all names at open: O(n) */
	CAIRN_OPEN_CHECK_INDEX = 1u << 0,
	/* hand out mapped views that are not aligned for their element type */
	CAIRN_OPEN_UNALIGNED_VIEWS = 1u << 1,
	/* use an index of any size where it is mapped: for who opens hundreds of files at once and
	 * counts private memory */
	CAIRN_OPEN_MAPPED_INDEX = 1u << 2
};

/* Zero is the default everywhere; NULL stands for all defaults. */
struct cairn_reader_options {
	size_t size; /* sizeof(struct cairn_reader_options); 0 means version 1 of this struct */

	/* What may be believed. */
	enum cairn_verification verification;
	uint32_t flags; /* enum cairn_open_flags */

	/* How bytes come in. */
	enum cairn_transport transport;

	/* Bytes that may be materialised at one time; over it a view fails with LIMIT.
	 * 0: four times the size of the files, at least 1 GiB. */
	uint64_t materialised_bytes_max;

	uint64_t reserved[8]; /* zero */
};

/* ---------------------------------------------------------------------------------- open, close */

/*
 * Opens anything that Cairn reads: `path` is exactly that file or directory; else `path`.cairn;
 * else the prefix of a TensorFlow checkpoint, `path`.index. Never a pattern. A directory stands for
 * the index.cairn in it, the values of a SavedModel, a sharded safetensors model, the latest
 * checkpoint of a state file, or the only model there.
 *
 * Formats: Cairn containers, sharded Cairn checkpoints, safetensors, sharded safetensors
 * (model.safetensors.index.json), TensorFlow V2.
 *
 * A container is opened in a fixed number of system calls and page reads, whatever the number of
 * tensors. On success *reader holds one reference, to be dropped with cairn_reader_close.
 *
 * Returns NOT_FOUND (no such path), NOT_A_CHECKPOINT (the message says what it is and what to pass
 * instead), UNSUPPORTED, CORRUPT, CHECKSUM, TRUNCATED, LIMIT, IO, NO_MEMORY, INVALID_ARGUMENT, BUSY
 * (the file kept changing while it was opened).
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_reader_open(const char *path, const struct cairn_reader_options *options,
		  struct cairn_reader **reader, struct cairn_error *error);

/*
 * Opens the checkpoint that lies in `size` bytes from `offset` on of an open file, e.g. in an
 * archive; size 0 means up to the end. The descriptor is borrowed during the call only: the reader
 * keeps a duplicate. Formats that consist of one file. Returns what cairn_reader_open returns.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_reader_open_fd(int fd, uint64_t offset, uint64_t size,
		     const struct cairn_reader_options *options, struct cairn_reader **reader,
		     struct cairn_error *error);

/*
 * Opens the checkpoint in memory. The bytes are borrowed until the last reference to the reader is
 * gone and must not change; views point into them. Returns what cairn_reader_open returns, but for
 * NOT_FOUND, IO and BUSY.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_reader_open_memory(const void *data, size_t size, const struct cairn_reader_options *options,
			 struct cairn_reader **reader, struct cairn_error *error);

/* Adds a reference; returns `reader`. */
CAIRN_API struct cairn_reader *cairn_reader_retain(struct cairn_reader *reader);

/* Drops a reference. Files are unmapped when the last reference and the last view are gone. NULL is
 * allowed. */
CAIRN_API void cairn_reader_close(struct cairn_reader *reader);

/* -------------------------------------------------------------------------------------- tensors */

enum cairn_tensor_flags {
	/* the stored slices do not cover the shape: only slices can be read */
	CAIRN_TENSOR_INCOMPLETE = 1u << 0,
	/* `digest` is there */
	CAIRN_TENSOR_DIGEST = 1u << 1,
	/* stored as slices of the shape, not in one piece */
	CAIRN_TENSOR_SLICED = 1u << 2
};

/* What foreign formats keep in place of digests. */
enum cairn_crc_kind {
	CAIRN_CRC_NONE = 0,
	/* of all stored bytes (TensorFlow; of strings and variants it covers lengths as numbers) */
	CAIRN_CRC_32C = 1
};

/*
 * What a checkpoint says about a tensor: a value, free to copy, that borrows from its reader. Not
 * the data: take a view for that. Metadata entries are described by the same struct.
 */
struct cairn_tensor {
	struct cairn_string name;   /* borrowed from the reader */
	enum cairn_dtype dtype;     /* perhaps a number that is not known: an opaque block type */
	uint32_t block_elements;    /* elements in a block of the type */
	uint32_t block_bytes;       /* bytes of a block; 0: variable size (strings) */
	uint32_t rank;              /* number of dims */
	const uint64_t *dims;       /* borrowed from the reader; slowest first */
	uint64_t element_count;     /* product of dims */
	uint64_t size;              /* bytes of all elements; of strings with their offset table */
	uint32_t flags;             /* enum cairn_tensor_flags */
	uint32_t slice_count;       /* stored pieces, 1 when whole */
	struct cairn_digest digest; /* of the bytes when they are one chunk, else of the list of
				       chunk digests */
	const struct cairn_reader *reader; /* borrowed */
	uint64_t record;                   /* the engine's; leave it */
	uint32_t crc_kind; /* enum cairn_crc_kind: what `crc` is, of a tensor that is
					      stored in one piece */
	uint32_t crc;
	uint64_t reserved[3];
};

/* Number of tensors; they are counted in byte order of their names. */
CAIRN_API uint64_t cairn_reader_tensor_count(const struct cairn_reader *reader);

/*
 * Finds a tensor by name: O(log n), no allocation, no system call once the index blocks on the way
 * are verified. Returns NOT_FOUND; CORRUPT, CHECKSUM, TRUNCATED or IO when the index is damaged on
 * the way.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_reader_find(const struct cairn_reader *reader,
							     const char *name,
							     struct cairn_tensor *tensor,
							     struct cairn_error *error);

/* The same for a name with a length, which may hold NUL or be empty. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_reader_find_string(const struct cairn_reader *reader, struct cairn_string name,
			 struct cairn_tensor *tensor, struct cairn_error *error);

/* The index-th tensor in byte order of names. INVALID_ARGUMENT when there is none; else as find. */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_reader_tensor_at(const struct cairn_reader *reader,
								  uint64_t index,
								  struct cairn_tensor *tensor,
								  struct cairn_error *error);

/* ------------------------------------------------------------------------------------- metadata */

/*
 * Metadata entries are records like tensors in a namespace of their own: a scalar has rank 0, an
 * array rank 1, text is a string scalar. Read them with the tensor functions.
 */
CAIRN_API uint64_t cairn_reader_metadata_count(const struct cairn_reader *reader);
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_reader_metadata_find(const struct cairn_reader *reader, struct cairn_string key,
			   struct cairn_tensor *value, struct cairn_error *error);
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_reader_metadata_at(const struct cairn_reader *reader, uint64_t index,
			 struct cairn_tensor *value, struct cairn_error *error);

/* ---------------------------------------------------------------------------------------- views */

enum cairn_view_flags {
	/* points into the file's mapping (or into the caller's memory) */
	CAIRN_VIEW_MAPPED = 1u << 0,
	/* points into private memory, counted against the limit */
	CAIRN_VIEW_MATERIALISED = 1u << 1,
	/* every byte was checked against a digest, or against the CRC that a foreign format has */
	CAIRN_VIEW_VERIFIED = 1u << 2,
	/* not aligned for the element type */
	CAIRN_VIEW_UNALIGNED = 1u << 3
};

/* Bytes of a tensor or slice: row-major, little-endian. Valid until released; never written. */
struct cairn_view {
	const void *data; /* not NULL, also when size is 0 */
	uint64_t size;    /* bytes */
	uint32_t flags;   /* enum cairn_view_flags */
	uint32_t reserved_flags;
	void *owner; /* the engine's; leave it */
	uint64_t element_count;
	uint64_t reserved[3];
};

/*
 * A view of all of a tensor. Zero-copy when it is stored raw, in one piece and aligned; else
 * materialised. Chunks that were not used before are verified first; a verified tensor that is
 * mapped costs no system call. What is compressed is decoded for each view anew, and only the
 * chunks that a slice touches. The view holds a reference to the reader.
 *
 * Returns CHECKSUM (message: tensor, chunk, offset, both digests), TRUNCATED, IO, NO_MEMORY,
 * LIMIT (materialised_bytes_max), PRECONDITION (incomplete tensor), UNSUPPORTED (codec,
 * transform or digest of a later version), CORRUPT.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_tensor_view(const struct cairn_tensor *tensor,
							     struct cairn_view *view,
							     struct cairn_error *error);

/*
 * A view of a rectangular slice: dimension d runs from starts[d] over lengths[d] elements; a length
 * of CAIRN_FULL with start 0 is the whole dimension. Both arrays have tensor->rank entries.
 * Zero-copy when the slice is contiguous in one stored piece, else gathered. Only the chunks that
 * the slice touches are read and verified. Of strings the view is a string tensor again, of the
 * slice's elements; the stored slices that hold them are read whole. MISMATCH when it leaves the
 * shape; UNSUPPORTED when it cuts through a block of a packed type; else as cairn_tensor_view.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_tensor_view_slice(const struct cairn_tensor *tensor, const uint64_t *starts,
			const uint64_t *lengths, struct cairn_view *view,
			struct cairn_error *error);

/* Copies the slice (both arrays NULL: the whole tensor) to `buffer` of exactly `size` bytes:
 * MISMATCH when that is not the slice's size. On failure the buffer's content is unspecified. Else
 * as cairn_tensor_view_slice. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_tensor_read_slice(const struct cairn_tensor *tensor, const uint64_t *starts,
			const uint64_t *lengths, void *buffer, uint64_t size,
			struct cairn_error *error);

/* Copies `size` bytes from byte `offset` of the tensor's row-major bytes on: for streaming through
 * a small buffer. MISMATCH when the range leaves the tensor; else as cairn_tensor_view. */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_tensor_read(const struct cairn_tensor *tensor,
							     uint64_t offset, void *buffer,
							     uint64_t size,
							     struct cairn_error *error);

/* Gives a view back. Free of cost for mapped views; a zeroed or already released view is allowed.
 */
CAIRN_API void cairn_view_release(struct cairn_view *view);

/*
 * Element `index` of a view of a string tensor; the bytes are borrowed from the view.
 * INVALID_ARGUMENT when there is no such element or the tensor holds no strings; CORRUPT when its
 * end offsets are not in order.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_view_string(const struct cairn_tensor *tensor, const struct cairn_view *view, uint64_t index,
		  struct cairn_string *string, struct cairn_error *error);

/* -------------------------------------------------------------------------------- stored layout */

/* One stored piece of a tensor. Value; pointers are borrowed from the reader. */
struct cairn_stored_slice {
	const uint64_t *extents; /* rank pairs (start, length) as stored, CAIRN_FULL kept; NULL when
				    whole */
	uint64_t size;           /* raw bytes */
	uint32_t shard;          /* number for cairn_reader_shard; 0 when no file holds it */
	uint32_t has_digest;
	uint64_t offset; /* absolute in the shard's file, or CAIRN_NO_OFFSET when not stored in one
			    raw piece */
	struct cairn_digest digest; /* of the bytes when they are one chunk, else of the list of
				       chunk digests */
	uint32_t crc_kind;          /* enum cairn_crc_kind: what `crc` is */
	uint32_t crc;
	uint64_t reserved[3];
};

/* The index-th stored piece, in stored order, also when it is stored in a way that this version
 * cannot read. INVALID_ARGUMENT when there is none; CORRUPT, CHECKSUM, TRUNCATED, IO. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_tensor_stored_slice(const struct cairn_tensor *tensor, uint32_t index,
			  struct cairn_stored_slice *slice, struct cairn_error *error);

/* Bytes that the tensor takes in its files: fewer than its size when it is compressed. Looks at a
 * record for each of its chunks then. Of an alias those of the tensor that it shares. CORRUPT,
 * CHECKSUM, TRUNCATED, IO. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_tensor_stored_bytes(const struct cairn_tensor *tensor, uint64_t *bytes,
			  struct cairn_error *error);

/* A file of the checkpoint. */
struct cairn_shard {
	struct cairn_string
		name;  /* relative to the checkpoint's folder; borrowed from the reader */
	uint64_t size; /* bytes of the file */
	uint64_t reserved[4];
};

CAIRN_API uint32_t cairn_reader_shard_count(const struct cairn_reader *reader);

/* INVALID_ARGUMENT when there is no such shard. */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_reader_shard(const struct cairn_reader *reader,
							      uint32_t index,
							      struct cairn_shard *shard,
							      struct cairn_error *error);

/* ------------------------------------------------------------------------------------- mappings */

/* Memory in which a file of the checkpoint is mapped, read-only. */
struct cairn_mapping {
	const void *address; /* of a page */
	uint64_t size;       /* bytes; the last page may have more, which are zero */
	uint64_t offset;     /* of `address` in the file */
	int fd; /* of the file, the reader's: use it while the reader is there, never close it; -1:
		   not kept, as of most files of a checkpoint of many */
	uint32_t reserved_flags;
	struct cairn_string name; /* of the file, relative to the checkpoint's folder; borrowed */
	uint64_t reserved[4];
};

/*
 * For hosts that register memory with a device, or map files once more: where mapped views lie.
 * Fills in at most `capacity` mappings (NULL when that is 0) and returns how many there are: none
 * of a checkpoint in the caller's memory, or one that is copied. They last until the reader's last
 * reference is gone. Pages that no view was taken of are neither verified nor in memory yet:
 * cairn_plan_run with CAIRN_PLAN_PREFETCH makes them so.
 */
CAIRN_API uint32_t cairn_reader_mappings(const struct cairn_reader *reader,
					 struct cairn_mapping *mappings, uint32_t capacity);

/* ---------------------------------------------------------------------------------------- facts */

struct cairn_reader_info {
	size_t size;             /* set by the caller: sizeof(struct cairn_reader_info) */
	const char *format;      /* "cairn", "safetensors", "safetensors-sharded", ...; static */
	uint32_t format_version; /* of the format; 0 when it has none */
	uint32_t has_digests;    /* data can be verified: against digests, or foreign CRCs */
	uint64_t tensor_count;
	uint64_t metadata_count;
	uint64_t file_bytes; /* all files together */
	uint64_t alignment;  /* promised by a container for data from 64 KiB up; 0: none promised */
	uint64_t chunk_size; /* unit of verification, bytes; 0: none */
	struct cairn_digest content_id; /* of a container; zero otherwise */
	struct cairn_digest parent_id; /* the content id that the writer named as this one's parent;
					  else zero */
	uint64_t generation;
	uint8_t save_id[16];
	uint64_t materialised_bytes; /* now held by materialised views */
	uint64_t mapped_bytes;       /* address space */
	const char *note; /* something to tell a person ("this is one shard of 3 ..."), or NULL;
			     borrowed */
	uint64_t reserved[8];
};

/* Fills *info; never fails. */
CAIRN_API void cairn_reader_info(const struct cairn_reader *reader, struct cairn_reader_info *info);

#ifdef __cplusplus
}
#endif

#endif
