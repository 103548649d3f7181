/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SaverDef message: what TensorFlow keeps of a Saver in a graph.
 */
#ifndef CAIRN_FORMAT_SAVER_DEF_H
#define CAIRN_FORMAT_SAVER_DEF_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/base.h>
#include <cairn/error.h>

#include "format/arena.h"

enum saver_version {
	SAVER_LEGACY = 0,
	SAVER_V1 = 1,
	SAVER_V2 = 2
};

struct saver_def {
	struct cairn_string filename_tensor_name;
	struct cairn_string save_tensor_name;
	struct cairn_string restore_op_name;
	int32_t max_to_keep; /* 0: all */
	bool sharded;
	float keep_checkpoint_every_n_hours;
	uint32_t version; /* enum saver_version, or one that is not known */
};

/* Strings are borrowed from the message. CORRUPT, also for strings that are no UTF-8. */
enum cairn_status saver_def_parse(struct cairn_string message, struct saver_def *def,
				  struct cairn_error *error);

/* The same on top of what *def holds: as protobuf merges two messages. */
enum cairn_status saver_def_merge(struct cairn_string message, struct saver_def *def,
				  struct cairn_error *error);

/* The message in the arena, as TensorFlow writes it. NO_MEMORY. */
enum cairn_status saver_def_write(const struct saver_def *def, struct arena *arena,
				  struct cairn_string *message, struct cairn_error *error);

#endif
