/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths as Python's os.path takes them, which is what TensorFlow's state files hold: nothing but
 * text, never looked up.
 */
#ifndef CAIRN_ENGINE_PATHS_H
#define CAIRN_ENGINE_PATHS_H

#include <stdbool.h>

#include <cairn/error.h>

#include "engine/system/system.h"
#include "format/arena.h"

bool path_is_absolute(const char *path);

/* os.path.join: `name` alone when it is absolute. In the arena, or NULL. */
char *path_join(struct arena *arena, const char *folder, const char *name);

/*
 * os.path.relpath: `path` as seen from the folder `start`, in the arena. Both may be relative to
 * the working directory. INVALID_ARGUMENT (an empty path), IO or NOT_FOUND (no working directory),
 * NO_MEMORY.
 */
enum cairn_status path_relative(struct system *system, struct arena *arena, const char *path,
				const char *start, const char **result, struct cairn_error *error);

#endif
