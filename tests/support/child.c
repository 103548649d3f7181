/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/child.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

pid_t begin_child(void)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	ck_assert_int_ge(child, 0);
	return child;
}

int end_child(pid_t child)
{
	int status = 0;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status)) {
		ck_assert_int_eq(WTERMSIG(status), SIGKILL);
		return CHILD_KILLED;
	}
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}
