/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converting between formats, without loss or not at all.
 */
#ifndef CAIRN_CONVERT_H
#define CAIRN_CONVERT_H

#include <cairn/base.h>
#include <cairn/error.h>
#include <cairn/reader.h>
#include <cairn/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What may be left out where the target cannot hold it. */
enum cairn_drop {
	CAIRN_DROP_METADATA = 1u << 0,
	CAIRN_DROP_SLICES = 1u << 1, /* slices are joined to whole tensors */
	CAIRN_DROP_ALIGNMENT = 1u << 2
};

/* A name that is changed: `from` is a pattern, in `to` a star stands for what the next star of the
 * pattern matched, {3} for what its third did. A backslash takes the next character for itself. */
struct cairn_rename {
	const char *from;
	const char *to;
};

/*
 * Some of a checkpoint's tensors, perhaps under other names. Patterns are those of a shell, and
 * are about all of a name: `*` any characters, `?` one, `[a-z]` one of a set, a '/' like any other.
 * Metadata are not concerned.
 */
struct cairn_selection {
	size_t size; /* sizeof(struct cairn_selection); 0 means version 1 of this struct */
	const char *const *matches;         /* patterns, of which a tensor's name matches one */
	const struct cairn_rename *renames; /* the first whose pattern matches is applied */
	uint32_t match_count;               /* 0: all tensors */
	uint32_t rename_count;
	uint64_t reserved[4]; /* zero */
};

/* What a conversion wrote, or would write. */
struct cairn_convert_report {
	uint64_t tensor_count;
	uint64_t metadata_count;
	uint64_t file_count;
	uint64_t bytes; /* of all files; of a dry run with compression: what it could be at most */
	/* What was there and is left out, as `drop` allows. */
	uint64_t metadata_dropped;  /* entries */
	uint64_t slices_joined;     /* tensors that were in slices */
	uint64_t alignment_dropped; /* that was promised; 0: none */
	uint64_t reserved[8];
};

struct cairn_convert_options {
	size_t size; /* sizeof(struct cairn_convert_options); 0 means version 1 of this struct */
	enum cairn_target target;
	uint32_t drop;           /* enum cairn_drop */
	int replace;             /* replace what is at the target */
	uint32_t thread_count;   /* 0: chosen; at most 64 */
	uint64_t shard_size_max; /* bytes of tensors in a shard; 0: one file. Cairn shards need a
				    path without .cairn: a folder */
	uint64_t alignment;      /* as in cairn_writer_options; 0: default */
	uint32_t chunk_size;     /* of a container, as in cairn_writer_options; 0: default */
	int sort; /* data in name order instead of the source's; not of safetensors */
	cairn_progress progress; /* or NULL */
	void *progress_context;
	enum cairn_compression compression; /* of a container; then its alignment is 4 KiB */
	uint32_t dry_run; /* not 0: everything but writing; what would be refused is */
	const struct cairn_selection *selection; /* NULL: all, as they are called */
	struct cairn_convert_report *report;     /* filled on success; or NULL */
	uint64_t reserved[5];                    /* zero */
};

/*
 * Writes all of `reader` to `path` in another (or the same) format: atomic and durable as
 * cairn_writer_finish. Every name, dtype, shape, string, metadata value and bit is kept, or nothing
 * is written and the message lists what the target cannot express. From TensorFlow's second format
 * to itself, without a wish about the layout, the files keep all their bytes: shards, offsets,
 * padding, byte order, slices and header. Returns UNSUPPORTED (not
 * expressible), INVALID_ARGUMENT (no target format follows from the suffix; a pattern is wrong),
 * EXISTS (also: tensors that would get one name; the message lists them), NOT_FOUND (a pattern
 * matches no tensor), what reading
 * returns for damaged sources, what cairn_writer_finish returns.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_convert(const struct cairn_reader *reader, const char *path,
	      const struct cairn_convert_options *options, struct cairn_error *error);

#ifdef __cplusplus
}
#endif

#endif
