/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Case "merge": merging 64 containers of 10,000 tensors; a sharded save by two processes.
 *
 * Neighbours in the merged order of names come from different containers, which is the most work
 * for a merge. What it spends in fsync is measured apart and not compared with anything. The limit:
 * the bytes of the index that comes out, copied, hashed and written once.
 *
 * The sharded save is tensor-parallel: each process has one half of every tensor. Its limit is two
 * processes that write the same bytes raw, with the same preallocation and fsync.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/limits.h"
#include "bench/sync_clock.h"

#define SOURCES        64u
#define SOURCE_TENSORS 10000u
#define MEMORY_MOST    ((double)(64 << 20))

/* A target that is left out of what bench_report judges. */
#define NO_TARGET (-1.0)

struct merge_work {
	struct path paths[SOURCES];
	const char *sources[SOURCES]; /* the same, borrowed from it */
	struct path merged;
	struct path raw;
	uint8_t *index; /* the bytes of the merged index; `index_size`, in whole blocks */
	uint8_t *block; /* LIMIT_BLOCK_SIZE */
	uint64_t index_size;
	uint64_t sync_calls; /* of the last merge */
	struct samples totals;
	struct samples syncs;
	struct samples memory;
};

/* The journal has nothing left to do when the next round begins. */
static void settle(const struct bench *bench)
{
	const int fd = open(bench->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		bench_fail("%s: %s", bench->scratch, strerror(errno));
	close(fd);
}

/* ---------------------------------------------------------------------------------- the sources */

static enum cairn_status produce_zeros(void *context, uint64_t offset, void *buffer, size_t size)
{
	(void)context;
	(void)offset;
	memset(buffer, 0, size);
	return CAIRN_OK;
}

static void make_source(const char *path, unsigned int number)
{
	const struct cairn_writer_options options = {.flags = CAIRN_WRITER_REPLACE};
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_writer *writer = NULL;

	bench_must(cairn_writer_create(path, &options, &writer, &error), &error);
	for (unsigned int i = 0; i < SOURCE_TENSORS; i++) {
		const uint64_t dims[2] = {8, 1 + i % 8};
		char name[64];

		snprintf(name, sizeof(name), "model.layers.%04u.experts.%02u.weight", i, number);
		const struct cairn_tensor_spec spec = {.name = cairn_string_from(name),
						       .dtype = CAIRN_F32,
						       .rank = 2,
						       .dims = dims};
		bench_must(cairn_writer_add_callback(writer, &spec, produce_zeros, NULL, &error),
			   &error);
	}
	bench_must(cairn_writer_finish(writer, &error), &error);
	cairn_writer_destroy(writer);
}

static bool is_made(const char *path)
{
	struct cairn_reader *reader = NULL;
	bool made;

	if (cairn_reader_open(path, NULL, &reader, NULL) != CAIRN_OK)
		return false;
	made = cairn_reader_tensor_count(reader) == SOURCE_TENSORS;
	cairn_reader_close(reader);
	return made;
}

static void make_sources(const struct bench *bench, struct merge_work *work)
{
	for (unsigned int i = 0; i < SOURCES; i++) {
		char name[64];

		snprintf(name, sizeof(name), "merge-%02u.cairn", i);
		work->paths[i] = scratch_path(bench, name);
		work->sources[i] = work->paths[i].text;
		if (!is_made(work->sources[i]))
			make_source(work->sources[i], i);
		scratch_warm(work->sources[i]);
	}
}

/* --------------------------------------------------------------------------------- the merge */

static void merge(const struct merge_work *work)
{
	struct cairn_error error = {.code = CAIRN_OK};

	bench_must(cairn_merge(work->sources, SOURCES, work->merged.text, NULL, NULL, &error),
		   &error);
}

/* Nanoseconds beyond those of fsync. */
static double run_merge(void *context)
{
	struct merge_work *const work = context;
	uint64_t syncs;
	uint64_t calls;
	uint64_t start;
	double total;

	scratch_remove_checkpoint(work->merged.text);
	syncs = sync_clock_ns();
	calls = sync_clock_calls();
	start = timer_now();
	merge(work);
	total = (double)(timer_now() - start);
	syncs = sync_clock_ns() - syncs;
	work->sync_calls = sync_clock_calls() - calls;
	samples_add(&work->totals, total);
	samples_add(&work->syncs, (double)syncs);
	return total - (double)syncs;
}

/* The index that comes out, for the limit: it has the same bytes in every round. */
static void load_index(struct merge_work *work)
{
	struct path path;
	struct stat facts;
	int fd;

	run_merge(work);
	snprintf(path.text, sizeof(path.text), "%.*s/index.cairn", BENCH_PATH_SIZE / 2,
		 work->merged.text);
	fd = open(path.text, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &facts) != 0)
		bench_fail("%s: %s", path.text, strerror(errno));
	work->index_size = (uint64_t)facts.st_size;
	work->index = limit_map(work->index_size);
	work->block = limit_map(LIMIT_BLOCK_SIZE);
	for (uint64_t at = 0; at < work->index_size;) {
		const ssize_t got = read(fd, work->index + at, work->index_size - at);

		if (got <= 0)
			bench_fail("%s: %s", path.text, strerror(errno));
		at += (uint64_t)got;
	}
	close(fd);
}

static double run_limit(void *context)
{
	const struct merge_work *const work = context;

	scratch_remove(work->raw.text);
	return limit_time_copy_hash_write(work->raw.text, work->index, work->index_size,
					  work->block);
}

/* ---------------------------------------------------------------------------------- its memory */

static void pause_shortly(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
}

/* Another process merges; the peak of its anonymous memory beyond what it began with. */
static double merge_memory(const struct merge_work *work)
{
	uint64_t before;
	uint64_t peak;
	int go[2];
	int end;
	char status[64];
	pid_t child;

	scratch_remove_checkpoint(work->merged.text);
	fflush(stdout);
	malloc_trim(0); /* free memory that the child inherits would hide what it uses */
	if (pipe(go) != 0 || (child = fork()) < 0)
		bench_fail("fork: %s", strerror(errno));
	if (child == 0) {
		char byte;

		if (read(go[0], &byte, 1) != 1)
			_exit(3);
		merge(work);
		_exit(0);
	}
	snprintf(status, sizeof(status), "/proc/%d/status", (int)child);
	before = peak = proc_bytes(status, "RssAnon:");
	if (write(go[1], "x", 1) != 1)
		bench_fail("pipe: %s", strerror(errno));
	while (waitpid(child, &end, WNOHANG) == 0) {
		const uint64_t now = proc_bytes(status, "RssAnon:");

		peak = now > peak ? now : peak;
		pause_shortly();
	}
	close(go[0]);
	close(go[1]);
	if (end != 0)
		bench_fail("the process that merges failed");
	return (double)(peak - before);
}

static void report_merge(struct bench *bench, struct merge_work *work, const struct pairs *pairs)
{
	char name[64];

	bench_report_pairs(bench, "64 x 10,000 tensors, beyond fsync", 0,
			   "index copied, hashed, written", pairs, 0.5);
	bench_report_single(bench, "the same, with fsync", UNIT_TIME, &work->totals, NO_TARGET);
	snprintf(name, sizeof(name), "of it fsync, %u calls", (unsigned int)work->sync_calls);
	bench_report_single(bench, name, UNIT_TIME, &work->syncs, NO_TARGET);
	bench_report_single(bench, "private memory, peak", UNIT_BYTES, &work->memory, MEMORY_MOST);
	bench_note(bench, "An index of %.1f MiB; %.2f times the limit.",
		   (double)work->index_size / (1 << 20), 1 / samples_median(&pairs->share));
}

static void measure_merge(struct bench *bench)
{
	const struct effort effort = bench_effort(bench, 20);
	struct merge_work *const work = calloc(1, sizeof(*work));
	struct pairs pairs = {0};

	if (!work)
		bench_fail("out of memory");
	work->merged = scratch_path(bench, "merged");
	work->raw = scratch_path(bench, "raw");
	make_sources(bench, work);
	load_index(work);
	samples_free(&work->totals); /* of the first merge, which warmed up */
	samples_free(&work->syncs);
	timer_pairs(run_merge, run_limit, work, &effort, &pairs);
	for (int round = 0; round < 3; round++)
		samples_add(&work->memory, merge_memory(work));
	report_merge(bench, work, &pairs);
	scratch_remove_checkpoint(work->merged.text);
	scratch_remove(work->raw.text);
	limit_unmap(work->index, work->index_size);
	limit_unmap(work->block, LIMIT_BLOCK_SIZE);
	pairs_free(&pairs);
	samples_free(&work->totals);
	samples_free(&work->syncs);
	samples_free(&work->memory);
	free(work);
}

/* ------------------------------------------------------------------------------- two processes */

#define RANKS    2
#define WARM_UPS 2

enum {
	RAW_KINDS = 3,   /* by 1, 2, 3 threads each */
	CAIRN_KINDS = 3, /* by the default, 1, 2 */
	KINDS = RAW_KINDS + CAIRN_KINDS
};

struct shared_work {
	struct model model; /* each process makes its own: memory that a fork shares is slower */
	uint64_t size;
	struct path raws[RANKS];
	struct path saved;
	struct samples times[KINDS];
};

/* What a process does when it is told to. */
struct order {
	struct cairn_save_id id;
	uint32_t rank;
	uint32_t kind;
};

/* Processes that wait: `orders` to them, a byte back from each when it is done. They end when
 * `orders` is closed. */
struct team {
	pid_t children[RANKS];
	int orders[RANKS];
	int done;
};

/* Half of a tensor: rows from the first or from the middle on. */
static void add_half(struct cairn_writer *writer, const struct model *model,
		     const struct model_tensor *tensor, uint32_t rank)
{
	const uint64_t middle = tensor->dims[0] / 2;
	const uint64_t row_size = tensor->size / tensor->dims[0];
	const uint64_t starts[2] = {rank == 0 ? 0 : middle, 0};
	const uint64_t lengths[2] = {rank == 0 ? middle : tensor->dims[0] - middle, CAIRN_FULL};
	const struct cairn_tensor_spec spec = {.name = cairn_string_from(tensor->name),
					       .dtype = CAIRN_F32,
					       .rank = tensor->rank,
					       .dims = tensor->dims,
					       .starts = starts,
					       .lengths = lengths};
	struct cairn_error error = {.code = CAIRN_OK};

	bench_must(cairn_writer_add_spec(writer, &spec,
					 model->data + tensor->offset + starts[0] * row_size,
					 &error),
		   &error);
}

static void save_shard(const struct shared_work *work, const struct order *order)
{
	const struct cairn_writer_options options = {.thread_count = order->kind - RAW_KINDS};
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_writer *writer = NULL;
	struct cairn_save *save = NULL;

	bench_must(cairn_save_join(work->saved.text, order->id, &save, &error), &error);
	bench_must(cairn_save_writer(save, order->rank, 0, &options, &writer, &error), &error);
	for (size_t i = 0; i < MODEL_TENSORS; i++)
		add_half(writer, &work->model, &work->model.tensors[i], order->rank);
	bench_must(cairn_writer_finish(writer, &error), &error);
	cairn_writer_destroy(writer);
	cairn_save_destroy(save);
}

static void write_raw(const struct shared_work *work, const struct order *order)
{
	const uint64_t half = work->model.size / RANKS / 4096 * 4096;

	limit_time_write(work->raws[order->rank].text, work->model.data + order->rank * half, half,
			 order->kind + 1);
}

static _Noreturn void serve(struct shared_work *work, int orders, int done)
{
	struct order order;

	model_make(&work->model);
	while (read(orders, &order, sizeof(order)) == (ssize_t)sizeof(order)) {
		if (order.kind < RAW_KINDS)
			write_raw(work, &order);
		else
			save_shard(work, &order);
		if (write(done, "x", 1) != 1)
			_exit(3);
	}
	_exit(0);
}

static void start_team(struct shared_work *work, struct team *team)
{
	int done[2];

	fflush(stdout);
	if (pipe2(done, O_CLOEXEC) != 0)
		bench_fail("pipe: %s", strerror(errno));
	for (uint32_t rank = 0; rank < RANKS; rank++) {
		int orders[2];

		if (pipe2(orders, O_CLOEXEC) != 0 || (team->children[rank] = fork()) < 0)
			bench_fail("fork: %s", strerror(errno));
		if (team->children[rank] == 0) {
			for (uint32_t other = 0; other < rank; other++)
				close(team->orders[other]);
			close(orders[1]);
			close(done[0]);
			serve(work, orders[0], done[1]);
		}
		close(orders[0]);
		team->orders[rank] = orders[1];
	}
	close(done[1]);
	team->done = done[0];
}

static void end_team(const struct team *team)
{
	for (uint32_t rank = 0; rank < RANKS; rank++) {
		close(team->orders[rank]);
		waitpid(team->children[rank], NULL, 0);
	}
	close(team->done);
}

static void give_order(const struct team *team, uint32_t kind, struct cairn_save_id id)
{
	char byte;

	for (uint32_t rank = 0; rank < RANKS; rank++) {
		const struct order order = {.id = id, .rank = rank, .kind = kind};

		if (write(team->orders[rank], &order, sizeof(order)) != (ssize_t)sizeof(order))
			bench_fail("pipe: %s", strerror(errno));
	}
	for (uint32_t rank = 0; rank < RANKS; rank++) {
		if (read(team->done, &byte, 1) != 1)
			bench_fail("a process of the save failed");
	}
}

static void save_shared(const struct shared_work *work, const struct team *team, uint32_t kind)
{
	const struct cairn_save_options options = {.rank_count = RANKS};
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_save *save = NULL;

	bench_must(cairn_save_begin(work->saved.text, &options, &save, &error), &error);
	give_order(team, kind, cairn_save_id(save));
	bench_must(cairn_save_commit(save, &error), &error);
	cairn_save_destroy(save);
}

static double run_shared(const struct bench *bench, const struct shared_work *work,
			 const struct team *team, uint32_t kind)
{
	uint64_t start;

	scratch_remove_checkpoint(work->saved.text);
	for (uint32_t rank = 0; rank < RANKS; rank++)
		scratch_remove(work->raws[rank].text);
	settle(bench);
	start = timer_now();
	if (kind < RAW_KINDS)
		give_order(team, kind, (struct cairn_save_id){{0}});
	else
		save_shared(work, team, kind);
	return (double)(timer_now() - start);
}

static void run_rounds(const struct bench *bench, struct shared_work *work)
{
	const struct effort effort = bench_effort(bench, 30);
	struct team team;
	uint64_t begin;

	start_team(work, &team);
	for (int warm_up = 0; warm_up < WARM_UPS; warm_up++) {
		for (uint32_t kind = 0; kind < KINDS; kind++)
			run_shared(bench, work, &team, kind);
	}
	begin = timer_now();
	for (uint32_t round = 0; effort_goes_on(&effort, round, begin); round++) {
		for (uint32_t i = 0; i < KINDS; i++) {
			const uint32_t kind = (i * 5 + round) % KINDS; /* 5 and 6: each once */

			samples_add(&work->times[kind], run_shared(bench, work, &team, kind));
		}
	}
	end_team(&team);
}

static uint32_t best_raw(const struct shared_work *work)
{
	uint32_t best = 0;

	for (uint32_t kind = 1; kind < RAW_KINDS; kind++) {
		if (samples_median(&work->times[kind]) < samples_median(&work->times[best]))
			best = kind;
	}
	return best;
}

static void report_kind(struct bench *bench, const struct shared_work *work, uint32_t kind)
{
	const uint32_t best = best_raw(work);
	const struct samples *const own = &work->times[kind];
	struct samples share = {0};
	char name[64];
	char limit_name[64];
	const struct figure figure = {
		.name = name,
		.unit = UNIT_RATE,
		.bytes = work->size,
		.samples = own,
		.limit_name = limit_name,
		.limit = kind < RAW_KINDS ? NULL : &work->times[best],
		.share = &share,
		.share_min = kind == RAW_KINDS ? 0.9 : 0,
		.most = NO_TARGET,
	};

	for (size_t i = 0; i < own->count; i++)
		samples_add(&share, work->times[best].values[i] / own->values[i]);
	snprintf(limit_name, sizeof(limit_name), "raw, 2 processes x %u threads", best + 1);
	if (kind < RAW_KINDS)
		snprintf(name, sizeof(name), "raw O_DIRECT, fsync, 2 processes x %u threads",
			 kind + 1);
	else if (kind == RAW_KINDS)
		snprintf(name, sizeof(name), "sharded save, 2 processes, default threads");
	else
		snprintf(name, sizeof(name), "sharded save, 2 processes x %u threads",
			 kind - RAW_KINDS);
	bench_report(bench, &figure);
	samples_free(&share);
}

static void measure_shared(struct bench *bench)
{
	struct shared_work *const work = calloc(1, sizeof(*work));

	if (!work)
		bench_fail("out of memory");
	model_make(&work->model);
	work->size = work->model.size;
	model_free(&work->model);
	work->saved = scratch_path(bench, "sharded");
	work->raws[0] = scratch_path(bench, "raw-0");
	work->raws[1] = scratch_path(bench, "raw-1");
	run_rounds(bench, work);
	for (uint32_t kind = 0; kind < KINDS; kind++)
		report_kind(bench, work, kind);
	scratch_remove_checkpoint(work->saved.text);
	for (uint32_t rank = 0; rank < RANKS; rank++)
		scratch_remove(work->raws[rank].text);
	for (uint32_t kind = 0; kind < KINDS; kind++)
		samples_free(&work->times[kind]);
	free(work);
}

void case_merge(struct bench *bench)
{
	measure_merge(bench);
	measure_shared(bench);
}
