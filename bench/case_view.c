/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Case "view": using the tensors of a cached 0.5 GB file in place.
 *
 * The model's memory holds the same bytes as the file, in huge pages: figures over the file's
 * mapping are compared with the same work over that memory. That find and view of a verified tensor
 * make no system call is shown by 100,000 of them in a process that the kernel kills at the first
 * one.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "bench/bench.h"
#include "bench/limits.h"

#define SILENT_VIEWS 100000

struct view_work {
	struct model model;
	struct path path;
	uint64_t file_size;
	struct cairn_reader *reader; /* in which everything is verified */
	struct cairn_tensor tensors[MODEL_TENSORS];
	uint8_t *target;
	struct samples populate;
};

static void find_all(const struct cairn_reader *reader, struct cairn_tensor *tensors)
{
	struct cairn_error error = {.code = CAIRN_OK};

	for (size_t i = 0; i < MODEL_TENSORS; i++)
		bench_must(cairn_reader_tensor_at(reader, i, &tensors[i], &error), &error);
}

static struct cairn_view take_view(const struct cairn_tensor *tensor)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_view view;

	bench_must(cairn_tensor_view(tensor, &view, &error), &error);
	return view;
}

/* A view of each tensor; `use` is told its bytes, or NULL. */
static void view_all(const struct cairn_tensor *tensors,
		     uint64_t (*use)(const void *data, uint64_t size))
{
	for (size_t i = 0; i < MODEL_TENSORS; i++) {
		struct cairn_view view = take_view(&tensors[i]);

		if (use)
			limit_sink += use(view.data, view.size);
		cairn_view_release(&view);
	}
}

/* ---------------------------------------------------------------------------------- first views */

static double run_first_views(void *context)
{
	struct view_work *const work = context;
	struct cairn_tensor tensors[MODEL_TENSORS];
	struct cairn_reader *const reader = bench_open(work->path.text);
	uint64_t start;
	double ns;

	find_all(reader, tensors);
	start = timer_now();
	view_all(tensors, NULL);
	ns = (double)(timer_now() - start);
	cairn_reader_close(reader);
	return ns;
}

static double run_hash(void *context)
{
	const struct view_work *const work = context;

	return limit_time_hash(work->model.data, work->model.size);
}

static double run_hash_mapped(void *context)
{
	struct view_work *const work = context;
	double populate_ns;
	const double ns = limit_time_hash_mapped(work->path.text, work->file_size, &populate_ns);

	samples_add(&work->populate, populate_ns);
	return ns;
}

static void measure_first_views(struct bench *bench, struct view_work *work)
{
	const struct effort effort = bench_effort(bench, 4);
	struct pairs pairs = {.figure = {0}};

	timer_pairs(run_first_views, run_hash, work, &effort, &pairs);
	bench_report_pairs(bench, "first view, all tensors", work->model.size,
			   "XXH3-128 of the same bytes, huge pages", &pairs, 0.8);
	pairs_free(&pairs);
	timer_pairs(run_first_views, run_hash_mapped, work, &effort, &pairs);
	bench_report_pairs(bench, "first view, all tensors", work->model.size,
			   "populate and XXH3-128 by hand", &pairs, 0);
	bench_report_single(bench, "of which populating (the page tables of 0.5 GB)", UNIT_TIME,
			    &work->populate, -1);
	pairs_free(&pairs);
}

/* ------------------------------------------------------------------------------- verified views */

static double run_view(void *context)
{
	const struct view_work *const work = context;
	const uint64_t start = timer_now();

	for (size_t round = 0; round < 16; round++)
		view_all(work->tensors, NULL);
	return (double)(timer_now() - start) / (16 * MODEL_TENSORS);
}

static double run_touch(void *context)
{
	const struct view_work *const work = context;
	const uint64_t start = timer_now();

	view_all(work->tensors, limit_touch);
	return (double)(timer_now() - start);
}

static double run_touch_memory(void *context)
{
	const struct view_work *const work = context;

	return limit_time_touch(work->model.data, work->model.size);
}

static double run_sum(void *context)
{
	const struct view_work *const work = context;
	const uint64_t start = timer_now();

	view_all(work->tensors, limit_sum);
	return (double)(timer_now() - start);
}

static double run_sum_memory(void *context)
{
	const struct view_work *const work = context;

	return limit_time_sum(work->model.data, work->model.size);
}

static double run_copy(void *context)
{
	const struct view_work *const work = context;
	struct cairn_error error = {.code = CAIRN_OK};
	const uint64_t start = timer_now();

	for (size_t i = 0, at = 0; i < MODEL_TENSORS; i++) {
		const struct cairn_tensor *const tensor = &work->tensors[i];

		bench_must(cairn_tensor_read(tensor, 0, work->target + at, tensor->size, &error),
			   &error);
		at += tensor->size;
	}
	return (double)(timer_now() - start);
}

static double run_copy_memory(void *context)
{
	const struct view_work *const work = context;

	return limit_time_copy(work->target, work->model.data, work->model.size);
}

static void measure_verified(struct bench *bench, struct view_work *work)
{
	static const struct {
		const char *name;
		const char *limit;
		timer_run figure_run;
		timer_run limit_run;
		double share_min;
	} rows[] = {
		{"touch all: sum of all words", "the same over huge pages", run_sum, run_sum_memory,
		 0.9},
		{"touch all: a byte of every 64", "the same over huge pages", run_touch,
		 run_touch_memory, 0},
		{"copy: cairn_tensor_read", "memcpy, huge pages", run_copy, run_copy_memory, 0},
	};
	const struct effort effort = bench_effort(bench, 4);
	struct samples samples = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pairs pairs = {.figure = {0}};

		timer_pairs(rows[i].figure_run, rows[i].limit_run, work, &effort, &pairs);
		bench_report_pairs(bench, rows[i].name, work->model.size, rows[i].limit, &pairs,
				   rows[i].share_min);
		pairs_free(&pairs);
	}
	timer_single(run_view, work, &effort, &samples);
	bench_report_single(bench, "view of a verified tensor, and release", UNIT_TIME, &samples,
			    -1);
	samples_free(&samples);
}

/* ------------------------------------------------------------------------------ no system calls */

/* From here on every system call but the end of the process kills it. */
static bool forbid_system_calls(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = {.len = sizeof(rules) / sizeof(rules[0]), .filter = rules};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* In a child process. 77: this kernel has no filters. */
static _Noreturn void use_in_silence(const struct view_work *work)
{
	if (!forbid_system_calls())
		_exit(77);
	for (size_t i = 0; i < SILENT_VIEWS; i++) {
		const struct cairn_string name = work->tensors[i % MODEL_TENSORS].name;
		struct cairn_tensor tensor;
		struct cairn_view view;

		if (cairn_reader_find_string(work->reader, name, &tensor, NULL) != CAIRN_OK ||
		    cairn_tensor_view(&tensor, &view, NULL) != CAIRN_OK)
			_exit(1);
		cairn_view_release(&view);
	}
	_exit(0);
}

/* How many system calls were seen: none (0), or the one that ended the child (1). */
static void count_system_calls(struct bench *bench, const struct view_work *work)
{
	struct samples samples = {0};
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child < 0)
		bench_fail("fork: %s", strerror(errno));
	if (child == 0)
		use_in_silence(work);
	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		bench_note(bench, "system calls of views: not measured, seccomp is not allowed");
		return;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		bench_fail("a view failed in the child");
	samples_add(&samples, WIFEXITED(status) ? 0 : 1);
	bench_report_single(bench, "killed for a system call in 100,000 find and view", UNIT_COUNT,
			    &samples, 0);
	samples_free(&samples);
}

/* --------------------------------------------------------------------------------------- public */

static void prepare(const struct bench *bench, struct view_work *work)
{
	struct stat facts;

	model_make(&work->model);
	work->target = limit_map(work->model.size);
	work->path = model_file(bench, &work->model);
	if (stat(work->path.text, &facts) != 0)
		bench_fail("%s: %s", work->path.text, strerror(errno));
	work->file_size = (uint64_t)facts.st_size;
}

void case_view(struct bench *bench)
{
	struct view_work *const work = calloc(1, sizeof(*work));

	if (!work)
		bench_fail("out of memory");
	prepare(bench, work);
	measure_first_views(bench, work);
	work->reader = bench_open(work->path.text);
	find_all(work->reader, work->tensors);
	view_all(work->tensors, NULL);
	measure_verified(bench, work);
	count_system_calls(bench, work);
	cairn_reader_close(work->reader);
	scratch_remove(work->path.text);
	limit_unmap(work->target, work->model.size);
	samples_free(&work->populate);
	model_free(&work->model);
	free(work);
}
