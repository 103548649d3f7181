/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a manager knows of its folder when it starts: what the state files say, and the rules of
 * tf.train.CheckpointManager for believing their times.
 *
 * A checkpoint is managed when it was saved after the one that was kept for ever last. So those
 * without times never are, and when the clock went back older ones no longer are.
 */
#include <string.h>

#include "engine/train/manager.h"
#include "engine/train/state.h"
#include "format/error.h"

#define NS_PER_SECOND 1e9

/* A state file, if there is one that can be read: else *state stays NULL. */
static enum cairn_status read_state(struct cairn_manager *manager, const char *name,
				    struct cairn_state **state, struct cairn_error *error)
{
	struct cairn_error found = {.code = CAIRN_OK};
	const enum cairn_status status = state_get(manager->system, manager->folder, name, state,
						   &found);

	if (status == CAIRN_OK || status == CAIRN_NOT_FOUND)
		return CAIRN_OK;
	if (status == CAIRN_CORRUPT) {
		manager_note_add(&manager->note, "%s", found.message);
		return CAIRN_OK;
	}
	if (error != NULL)
		*error = found;
	return status;
}

/* The pairs of paths and times: of the longer list the rest is left out. */
static uint64_t pair_count(const struct cairn_state *state)
{
	if (state->timestamp_count == 0) /* none is newer than the one that was kept last */
		return 0;
	return state->path_count < state->timestamp_count ? state->path_count
							  : state->timestamp_count;
}

static double last_preserved(struct cairn_manager *manager, const struct cairn_state *state,
			     double now)
{
	const double last = state->last_preserved_timestamp;

	if (now >= last)
		return last;
	manager_note_add(&manager->note,
			 "the clock is %.0f seconds behind the time of the checkpoint that was "
			 "kept last",
			 last - now);
	return now;
}

static enum cairn_status add_entry(struct ledger *ledger, struct ledger_list *list,
				   const char *path, double value, struct cairn_error *error)
{
	const char *const copy = ledger_text(ledger, path);

	if (copy == NULL)
		return error_set_memory(error, "a checkpoint's path");
	if (!ledger_holds(list, path))
		ledger_append(list, copy, value);
	return CAIRN_OK;
}

static enum cairn_status take_active(struct cairn_manager *manager, const struct cairn_state *state,
				     double now, struct cairn_error *error)
{
	struct ledger *const ledger = &manager->ledger;
	const uint64_t count = pair_count(state);
	enum cairn_status status = CAIRN_OK;

	ledger->last_preserved = last_preserved(manager, state, now);
	ledger->latest = ledger_text(ledger, state->model_checkpoint_path);
	if (ledger->latest == NULL)
		return error_set_memory(error, "a checkpoint's path");
	for (uint64_t i = 0; i < count && status == CAIRN_OK; i++) {
		const double time = state->all_model_checkpoint_timestamps[i];
		const double believed = time < now ? time : now;

		if (believed > ledger->last_preserved)
			status = add_entry(ledger, &ledger->active,
					   state->all_model_checkpoint_paths[i], believed, error);
	}
	return status;
}

/* They are listed from the worst to the best, with their metrics for times. */
static enum cairn_status take_best(struct ledger *ledger, const struct cairn_state *state,
				   struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = pair_count(state); i-- > 0 && status == CAIRN_OK;)
		status = add_entry(ledger, &ledger->best, state->all_model_checkpoint_paths[i],
				   state->all_model_checkpoint_timestamps[i], error);
	return status;
}

static enum cairn_status take_states(struct cairn_manager *manager, const struct cairn_state *state,
				     const struct cairn_state *best, struct cairn_error *error)
{
	const double now = (double)system_wall_clock(manager->system) / NS_PER_SECOND;
	const uint64_t count = (state == NULL ? 0 : state->path_count) +
			       (best == NULL ? 0 : best->path_count);
	enum cairn_status status = ledger_init(&manager->ledger, manager->system, count, error);

	manager->ledger.last_preserved = now - 1;
	if (status == CAIRN_OK && state != NULL)
		status = take_active(manager, state, now, error);
	if (status == CAIRN_OK && best != NULL)
		status = take_best(&manager->ledger, best, error);
	return status;
}

enum cairn_status manager_start(struct cairn_manager *manager, struct cairn_error *error)
{
	struct cairn_state *state = NULL;
	struct cairn_state *best = NULL;
	enum cairn_status status = read_state(manager, NULL, &state, error);

	if (status == CAIRN_OK)
		status = read_state(manager, CAIRN_MANAGER_BEST_NAME, &best, error);
	if (status == CAIRN_OK)
		status = take_states(manager, state, best, error);
	cairn_state_free(state);
	cairn_state_free(best);
	return status;
}
