/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a checkpoint as shards of a limited size.
 */
#ifndef CAIRN_ENGINE_RESHARD_H
#define CAIRN_ENGINE_RESHARD_H

#include <cairn/convert.h>
#include <cairn/reader.h>
#include <cairn/writer.h>

#include <stdbool.h>

struct reshard_target {
	const char
		*path; /* a folder that is not there yet, or with `replace` a sharded checkpoint */
	uint64_t shard_size_max; /* bytes of tensors */
	bool replace;
	bool dry_run;                         /* measure, write nothing */
	struct cairn_convert_report *report;  /* files and bytes; or NULL */
	struct cairn_writer_options settings; /* of each shard */
};

/*
 * Tensors go into shards in the order in which the source stores them; one that is larger than the
 * maximum is alone in its shard, and aliases go where the tensor is that they name. Atomic as every
 * sharded save.
 */
enum cairn_status reshard(const struct cairn_reader *reader, const struct reshard_target *target,
			  struct cairn_error *error);

#endif
