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
	uint32_t reserved_count;
	uint64_t reserved[7]; /* zero */
};

/*
 * Writes all of `reader` to `path` in another (or the same) format: atomic and durable as
 * cairn_writer_finish. Every name, dtype, shape, string, metadata value and bit is kept, or nothing
 * is written and the message lists what the target cannot express. From TensorFlow's second format
 * to itself, without a wish about the layout, the files keep all their bytes: shards, offsets,
 * padding, byte order, slices and header. Returns UNSUPPORTED (not
 * expressible), INVALID_ARGUMENT (no target format follows from the suffix), EXISTS, what reading
 * returns for damaged sources, what cairn_writer_finish returns.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_convert(const struct cairn_reader *reader, const char *path,
	      const struct cairn_convert_options *options, struct cairn_error *error);

#ifdef __cplusplus
}
#endif

#endif
