/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of <cairn/state.h> on another system than the real one. */
#ifndef CAIRN_ENGINE_STATE_H
#define CAIRN_ENGINE_STATE_H

#include <stdbool.h>

#include <cairn/state.h>

#include "engine/system/system.h"
#include "format/arena.h"
#include "format/state_text.h"

/* There is a folder, and the name is none of a path; NULL becomes the default. INVALID_ARGUMENT. */
enum cairn_status state_check_name(const char *folder, const char **latest_filename,
				   struct cairn_error *error);

/* What a state file says, as it stands there; in the arena. As cairn_state_get. */
enum cairn_status state_read(struct system *system, struct arena *arena, const char *folder,
			     const char *latest_filename, struct state_text *state,
			     struct cairn_error *error);

enum cairn_status state_get(struct system *system, const char *folder, const char *latest_filename,
			    struct cairn_state **state, struct cairn_error *error);
enum cairn_status state_latest(struct system *system, const char *folder,
			       const char *latest_filename, char path[CAIRN_PATH_SIZE],
			       struct cairn_error *error);
enum cairn_status state_exists(struct system *system, const char *prefix, int *exists,
			       struct cairn_error *error);
enum cairn_status state_mtimes(struct system *system, const char *const *prefixes, uint64_t count,
			       double *mtimes, uint64_t *found, struct cairn_error *error);
enum cairn_status state_update(struct system *system, const char *folder,
			       const char *model_checkpoint_path,
			       const struct cairn_state_update_options *options,
			       struct cairn_error *error);
enum cairn_status state_remove(struct system *system, const char *prefix,
			       const struct cairn_state_remove_options *options,
			       struct cairn_error *error);
enum cairn_status state_load_checkpoint(struct system *system, const char *path,
					const struct cairn_reader_options *options,
					struct cairn_reader **reader, struct cairn_error *error);
enum cairn_status state_iterator_create(struct system *system, const char *folder,
					const struct cairn_state_iterator_options *options,
					struct cairn_state_iterator **iterator,
					struct cairn_error *error);
enum cairn_status state_list(struct system *system, const char *folder, const char *latest_filename,
			     cairn_state_entry_callback callback, void *context,
			     struct cairn_error *error);

#endif
