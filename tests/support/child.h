/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that a test forks, to be killed or to work beside it. */
#ifndef CAIRN_TESTS_CHILD_H
#define CAIRN_TESTS_CHILD_H

#include <sys/types.h>

enum {
	CHILD_KILLED = -1
};

/* fork: 0 in the child, which ends with _exit. */
pid_t begin_child(void);

/* Waits for it. What it exited with, or CHILD_KILLED: by SIGKILL, no other signal. */
int end_child(pid_t child);

#endif
