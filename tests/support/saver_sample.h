/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A training job in a folder: a saver that keeps two checkpoints, whose values tell the step that
 * they are of.
 */
#ifndef CAIRN_TESTS_SAVER_SAMPLE_H
#define CAIRN_TESTS_SAVER_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/saver.h>

#include "engine/system/system.h"

/* Every format, in one piece and in shards. */
#define SAVER_LAYOUTS 6

const char *saver_layout_name(int layout);

struct saver_sample {
	struct system *system;
	int layout;
	struct cairn_saver *saver; /* owned */
	float values[2][3];
	int64_t step;
	struct cairn_variable variables[2];
	uint64_t dims[2];
};

/* False when there is no memory. To be closed in each case. */
bool saver_sample_open(struct saver_sample *sample, struct system *system, int layout);
void saver_sample_close(struct saver_sample *sample);

/* Saves that step, with a graph. */
enum cairn_status saver_sample_save(struct saver_sample *sample, int64_t step,
				    struct cairn_error *error);

/* Forgets the values, and restores that step. */
enum cairn_status saver_sample_restore(struct saver_sample *sample, int64_t step,
				       struct cairn_error *error);

/* The values are those of the step. */
bool saver_sample_holds(const struct saver_sample *sample, int64_t step);

enum {
	SAVER_TORN = -1, /* the state file cannot be read, or names what cannot be restored */
	SAVER_NOTHING = 0
};

/* The step that the state file calls the latest. Everything that it names is restored, and is what
 * was saved. */
int64_t saver_sample_look(struct system *system, int layout);

/* The checkpoint of a step is there. */
bool saver_sample_exists(struct system *system, int layout, int64_t step);

#endif
