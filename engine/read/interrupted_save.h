/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reader finds where a save over a TensorFlow prefix is not finished: no index, and an undo
 * record (engine/write/undo_record.h) beside it that holds the old files.
 */
#ifndef CAIRN_ENGINE_INTERRUPTED_SAVE_H
#define CAIRN_ENGINE_INTERRUPTED_SAVE_H

#include "engine/system/system.h"

/* What a message goes on with. */
struct interrupted_save {
	char text[256];
};

/* Looks for that record of the prefix `name` in a folder, and says what happened and what to do; ""
 * when there is none, or that cannot be found out. */
struct interrupted_save interrupted_save_hint(struct system *system, int directory,
					      const char *name);

#endif
