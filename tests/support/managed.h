/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Something small for a manager to save and restore: one number, in many copies so that a torn
 * checkpoint shows, and the save counter. Works on any system.
 */
#ifndef CAIRN_TESTS_MANAGED_H
#define CAIRN_TESTS_MANAGED_H

#include "engine/train/manager.h"

#define MANAGED_COPIES 600u

struct managed {
	struct system *system;
	bool is_tensorflow;
	bool is_plain;   /* the folder is there: none is made */
	int64_t counter; /* of saves */
	int64_t values[MANAGED_COPIES];
};

void managed_set(struct managed *managed, int64_t value);
struct manager_subject managed_subject(struct managed *managed);

/* What is saved under a prefix: the number; -1: nothing is there; -2: torn, or damaged. */
int64_t managed_value(struct system *system, const char *prefix);

#endif
