/* SPDX-License-Identifier: Apache-2.0 */
/* Sharded saves, merges and sweeps on another system than the real one: for tests. See
 * <cairn/save.h>. */
#ifndef CAIRN_ENGINE_SAVE_H
#define CAIRN_ENGINE_SAVE_H

#include <cairn/save.h>

#include "engine/system/system.h"

enum cairn_status save_begin(struct system *system, const char *path,
			     const struct cairn_save_options *options, struct cairn_save **save,
			     struct cairn_error *error);
/* A save in which only this process takes part, whose files carry no id: their bytes depend on what
 * is saved alone. */
enum cairn_status save_begin_anonymous(struct system *system, const char *path,
				       const struct cairn_save_options *options,
				       struct cairn_save **save, struct cairn_error *error);
enum cairn_status save_join(struct system *system, const char *path, struct cairn_save_id id,
			    struct cairn_save **save, struct cairn_error *error);
enum cairn_status merge_checkpoints(struct system *system, const char *const *sources,
				    uint32_t count, const char *path,
				    const struct cairn_merge_options *options,
				    struct cairn_merge_report *report, struct cairn_error *error);
enum cairn_status sweep_path(struct system *system, const char *path,
			     struct cairn_sweep_report *report, struct cairn_error *error);
enum cairn_status remove_path(struct system *system, const char *path, struct cairn_error *error);

#endif
