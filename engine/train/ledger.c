/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules are those of tf.train.CheckpointManager: the oldest goes, unless as many hours lie
 * between it and the one that was kept for ever last. One of the best goes when it is that no
 * longer.
 */
#include "engine/train/ledger.h"

#include <math.h>
#include <string.h>

#include <cairn/manager.h>

#include "engine/read/reader.h"
#include "format/error.h"

#define ARENA_SIZE_MAX   ((size_t)1 << 30)
#define SECONDS_PER_HOUR 3600.0

/* --------------------------------------------------------------------------------------- memory */

enum cairn_status ledger_init(struct ledger *ledger, struct system *system, uint64_t count,
			      struct cairn_error *error)
{
	struct ledger_list *const lists[] = {&ledger->active, &ledger->best, &ledger->doomed,
					     &ledger->retired};

	*ledger = (struct ledger){.latest = NULL};
	arena_init(&ledger->arena, reader_arena_source(system), ARENA_SIZE_MAX);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		lists[i]->items = arena_allocate_array(&ledger->arena, count,
						       sizeof(*lists[i]->items));
		if (lists[i]->items == NULL)
			return error_set_memory(error, "a list of checkpoints");
	}
	return CAIRN_OK;
}

void ledger_free(struct ledger *ledger)
{
	arena_fini(&ledger->arena);
	*ledger = (struct ledger){.latest = NULL};
}

const char *ledger_text(struct ledger *ledger, const char *text)
{
	return arena_copy(&ledger->arena, text, strlen(text) + 1);
}

void ledger_append(struct ledger_list *list, const char *path, double value)
{
	list->items[list->count++] = (struct ledger_entry){.path = path, .value = value};
}

void ledger_prepend(struct ledger_list *list, const char *path, double value)
{
	memmove(list->items + 1, list->items, list->count * sizeof(*list->items));
	list->items[0] = (struct ledger_entry){.path = path, .value = value};
	list->count++;
}

static bool copy_list(struct ledger *ledger, struct ledger_list *to, const struct ledger_list *from)
{
	for (uint64_t i = 0; i < from->count; i++) {
		const char *const path = ledger_text(ledger, from->items[i].path);

		if (path == NULL)
			return false;
		ledger_append(to, path, from->items[i].value);
	}
	return true;
}

enum cairn_status ledger_copy(struct ledger *ledger, struct system *system,
			      const struct ledger *from, const char *new_path, const char **path,
			      struct cairn_error *error)
{
	/* each may come into any list, and the new one into two */
	const uint64_t count = from->active.count + from->best.count + from->doomed.count + 2;
	enum cairn_status status = ledger_init(ledger, system, count, error);

	if (status != CAIRN_OK)
		return status;
	ledger->last_preserved = from->last_preserved;
	*path = ledger_text(ledger, new_path);
	if (*path == NULL || !copy_list(ledger, &ledger->active, &from->active) ||
	    !copy_list(ledger, &ledger->best, &from->best) ||
	    !copy_list(ledger, &ledger->doomed, &from->doomed))
		return error_set_memory(error, "a list of checkpoints");
	if (from->latest != NULL) {
		ledger->latest = ledger_text(ledger, from->latest);
		if (ledger->latest == NULL)
			return error_set_memory(error, "a checkpoint's path");
	}
	return CAIRN_OK;
}

/* ---------------------------------------------------------------------------------------- lists */

static uint64_t find(const struct ledger_list *list, const char *path)
{
	uint64_t at = 0;

	while (at < list->count && strcmp(list->items[at].path, path) != 0)
		at++;
	return at;
}

bool ledger_holds(const struct ledger_list *list, const char *path)
{
	return find(list, path) < list->count;
}

static void remove_at(struct ledger_list *list, uint64_t at)
{
	list->count--;
	memmove(list->items + at, list->items + at + 1, (list->count - at) * sizeof(*list->items));
}

static void remove_path(struct ledger_list *list, const char *path)
{
	const uint64_t at = find(list, path);

	if (at < list->count)
		remove_at(list, at);
}

/* ----------------------------------------------------------------------------------------- best */

static bool is_better(const struct ledger_policy *policy, double a, double b)
{
	return policy->lower_is_better ? a < b : a > b;
}

/* Behind those that are as good: the older one stays. */
static void insert_best(struct ledger *ledger, const struct ledger_policy *policy,
			const struct ledger_save *save)
{
	struct ledger_list *const best = &ledger->best;
	uint64_t at = 0;

	while (at < best->count && !is_better(policy, save->metric, best->items[at].value))
		at++;
	if (at >= policy->keep_best)
		return;
	memmove(best->items + at + 1, best->items + at, (best->count - at) * sizeof(*best->items));
	best->items[at] = (struct ledger_entry){.path = save->path, .value = save->metric};
	best->count++;
	while (best->count > policy->keep_best) {
		const char *const path = best->items[--best->count].path;

		if (!ledger_holds(&ledger->active, path))
			ledger_append(&ledger->doomed, path, 0);
	}
}

/* A number that is saved again without a metric keeps the one that it had. */
static void add_metric(struct ledger *ledger, const struct ledger_policy *policy,
		       const struct ledger_save *save)
{
	if (policy->keep_best == 0 || !save->has_metric || isnan(save->metric))
		return;
	remove_path(&ledger->best, save->path);
	insert_best(ledger, policy, save);
}

/* ----------------------------------------------------------------------------------- add, evict */

void ledger_add(struct ledger *ledger, const struct ledger_policy *policy,
		const struct ledger_save *save)
{
	remove_path(&ledger->doomed, save->path);
	remove_path(&ledger->active, save->path);
	ledger_append(&ledger->active, save->path, save->time);
	ledger->latest = save->path;
	add_metric(ledger, policy, save);
}

uint64_t ledger_excess(const struct ledger *ledger, const struct ledger_policy *policy)
{
	if (policy->max_to_keep == CAIRN_MANAGER_KEEP_ALL ||
	    ledger->active.count <= policy->max_to_keep)
		return 0;
	return ledger->active.count - policy->max_to_keep;
}

void ledger_evict(struct ledger *ledger, const struct ledger_policy *policy)
{
	const uint64_t excess = ledger_excess(ledger, policy);
	struct ledger_list *const active = &ledger->active;

	ledger->retired.count = 0;
	for (uint64_t i = 0; i < excess; i++) {
		const struct ledger_entry *const oldest = &active->items[i];
		const bool is_best = ledger_holds(&ledger->best, oldest->path);
		const bool is_due = policy->hours != 0 &&
				    oldest->value - policy->hours * SECONDS_PER_HOUR >=
					    ledger->last_preserved;

		if (is_due && !is_best)
			ledger->last_preserved = oldest->value;
		ledger_append(is_best || is_due ? &ledger->retired : &ledger->doomed, oldest->path,
			      0);
	}
	active->count -= excess;
	memmove(active->items, active->items + excess, active->count * sizeof(*active->items));
}
