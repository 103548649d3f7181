/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a safetensors export will write: which tensors into which file, and every file's header.
 * Made before anything is created, so that what cannot be expressed is told first.
 */
#ifndef CAIRN_ENGINE_SAFETENSORS_PLAN_H
#define CAIRN_ENGINE_SAFETENSORS_PLAN_H

#include <cairn/convert.h>

#include "format/arena.h"
#include "format/safetensors.h"

/* One file. Its tensors are a run of the plan's. */
struct planned_file {
	uint64_t first;
	uint64_t count;
	uint32_t *order; /* of its tensors in the file: numbers from `first` on */
	uint64_t data_size;
	uint8_t *header;
	uint64_t header_size;
};

/* Everything is in the arena or borrowed from the reader. */
struct safetensors_plan {
	const struct cairn_reader *reader;
	struct safetensors_tensor *tensors; /* in the order in which the source stores them */
	uint64_t *numbers;                  /* of the tensors, for cairn_reader_tensor_at */
	uint64_t count;
	struct safetensors_pair *metadata; /* every file gets all of it */
	uint64_t metadata_count;
	struct planned_file *files;
	uint32_t file_count; /* at least 1 */
	uint64_t data_size;  /* of all tensors */
	uint64_t total_size; /* of all files */
};

/*
 * Splits as huggingface_hub does: in the given order, a file is full when the next tensor would
 * make it larger than `file_size_max` (0: never), a tensor larger than that is alone. `drop` is
 * enum cairn_drop. UNSUPPORTED with a list of what safetensors cannot hold; LIMIT; NO_MEMORY; what
 * reading the source returns.
 */
enum cairn_status safetensors_plan_make(const struct cairn_reader *reader, uint32_t drop,
					uint64_t file_size_max, struct arena *arena,
					struct safetensors_plan *plan, struct cairn_error *error);

#endif
