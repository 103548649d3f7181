/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Case "completion": what a shell waits for when a name is completed: a process that opens a
 * container of 1,000,000 tensors and answers with the names that may follow.
 *
 * The tool is the one beside this program; the whole life of the process is measured.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"

#define TENSORS 1000000
#define MOST_NS 20e6

extern char **environ;

struct completion_work {
	struct path tool;
	struct path file;
	char prefix[128];
	bool is_program_alone; /* --version: what any process costs here */
};

/* The tool in the folder of this program; false when there is none. */
static bool find_tool(struct path *tool)
{
	const ssize_t size = readlink("/proc/self/exe", tool->text, sizeof(tool->text) - 16);
	char *slash;

	if (size <= 0)
		return false;
	tool->text[size] = '\0';
	slash = strrchr(tool->text, '/');
	if (slash == NULL)
		return false;
	memcpy(slash + 1, "cairn", sizeof("cairn"));
	return access(tool->text, X_OK) == 0;
}

static double run_tool(void *context)
{
	static char hidden[] = "__complete";
	static char command[] = "cat";
	static char version[] = "--version";
	struct completion_work *const work = context;
	char *complete[] = {work->tool.text, hidden, command, work->file.text, work->prefix, NULL};
	char *alone[] = {work->tool.text, version, NULL};
	posix_spawn_file_actions_t actions;
	const uint64_t start = timer_now();
	int status = 0;
	pid_t child;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&child, work->tool.text, &actions, NULL,
			work->is_program_alone ? alone : complete, environ) != 0 ||
	    waitpid(child, &status, 0) != child || status != 0)
		bench_fail("%s could not be run", work->tool.text);
	posix_spawn_file_actions_destroy(&actions);
	return (double)(timer_now() - start);
}

static void measure(struct bench *bench, struct completion_work *work, const char *name,
		    const char *prefix)
{
	const struct effort effort = bench_effort(bench, 1);
	struct samples samples = {0};

	snprintf(work->prefix, sizeof(work->prefix), "%s", prefix);
	timer_single(run_tool, work, &effort, &samples);
	bench_report_single(bench, name, UNIT_TIME, &samples,
			    work->is_program_alone ? -1 : MOST_NS);
	samples_free(&samples);
}

/* The beginning of a name in the middle, as long as a person would type. */
static void middle_prefix(const char *path, char prefix[64])
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_reader *const reader = bench_open(path);
	struct cairn_tensor tensor;

	bench_must(cairn_reader_tensor_at(reader, TENSORS / 2, &tensor, &error), &error);
	snprintf(prefix, 64, "%.*s", (int)(tensor.name.size - 3), tensor.name.data);
	cairn_reader_close(reader);
}

void case_completion(struct bench *bench)
{
	struct completion_work work = {.is_program_alone = false};
	char prefix[64];

	if (!find_tool(&work.tool)) {
		bench_note(bench, "no tool beside this program: build the target cairn_tool");
		return;
	}
	work.file = bench_many_file(bench, TENSORS);
	middle_prefix(work.file.text, prefix);
	measure(bench, &work, "nothing typed, 1,000,000 tensors", "");
	measure(bench, &work, "most of a name typed", prefix);
	work.is_program_alone = true;
	measure(bench, &work, "(a process of the tool that only says its version)", "");
}
