/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which checkpoints a manager keeps: lists and rules, no files.
 *
 * A save works on a copy, made before anything is written: from then on nothing here allocates, so
 * that nothing can fail between the checkpoint and its entry in a list.
 */
#ifndef CAIRN_ENGINE_LEDGER_H
#define CAIRN_ENGINE_LEDGER_H

#include <stdbool.h>

#include <cairn/error.h>

#include "engine/system/system.h"
#include "format/arena.h"

struct ledger_entry {
	const char *path; /* of the prefix; in the ledger's arena */
	double value;     /* when it was saved; of the best: the metric */
};

struct ledger_list {
	struct ledger_entry *items; /* in the ledger's arena */
	uint64_t count;
};

struct ledger {
	struct arena arena;
	struct ledger_list active; /* oldest first */
	struct ledger_list best;   /* the best first */
	struct ledger_list doomed; /* in no state file; to be removed */
	/* of the last ledger_evict: kept for ever, or as one of the best; not copied */
	struct ledger_list retired;
	const char *latest;    /* or NULL */
	double last_preserved; /* when that was saved which was kept for ever last */
};

struct ledger_policy {
	uint64_t max_to_keep; /* CAIRN_MANAGER_KEEP_ALL: all */
	double hours;         /* 0: none is kept for ever */
	uint32_t keep_best;
	bool lower_is_better;
};

/* A checkpoint that was saved. */
struct ledger_save {
	const char *path; /* in the ledger's arena */
	double time;
	bool has_metric;
	double metric;
};

/* Empty, with room for `count` entries. NO_MEMORY. To be freed whatever it returns. */
enum cairn_status ledger_init(struct ledger *ledger, struct system *system, uint64_t count,
			      struct cairn_error *error);

/* All of another ledger, with room for one more save, whose path becomes *path. As ledger_init. */
enum cairn_status ledger_copy(struct ledger *ledger, struct system *system,
			      const struct ledger *from, const char *new_path, const char **path,
			      struct cairn_error *error);
void ledger_free(struct ledger *ledger);

/* A copy of the text in the arena; NULL. */
const char *ledger_text(struct ledger *ledger, const char *text);

/* Adds to the end, or before the beginning; there is room. */
void ledger_append(struct ledger_list *list, const char *path, double value);

void ledger_prepend(struct ledger_list *list, const char *path, double value);

bool ledger_holds(const struct ledger_list *list, const char *path);

/* The checkpoint is the latest and the newest; maybe one of the best, in the place of another. */
void ledger_add(struct ledger *ledger, const struct ledger_policy *policy,
		const struct ledger_save *save);

/* How many of the oldest are too many. */
uint64_t ledger_excess(const struct ledger *ledger, const struct ledger_policy *policy);

/* Takes those out of the active ones: they are kept for ever, kept as one of the best, or doomed.
 */
void ledger_evict(struct ledger *ledger, const struct ledger_policy *policy);

#endif
