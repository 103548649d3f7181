/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sharded save by several processes of one host, and a restore by another number of them.
 *
 *     fork_save PATH [SAVERS [RESTORERS]]
 *
 * The model has one matrix, of which each saving process holds some rows, and a bias that all of
 * them hold. Restoring processes take columns, as a model that is distributed in another way would.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cairn/cairn.h>

enum {
	COLUMNS = 240,
	ROWS_EACH = 100,
	BIAS = 16,
	PROCESSES_MAX = 16
};

static float element(uint64_t row, uint64_t column)
{
	return (float)(row * COLUMNS + column);
}

static int failed(const char *what, const struct cairn_error *error)
{
	fprintf(stderr, "fork_save: %s: %s\n", what, error->message);
	return 1;
}

/* ------------------------------------------------------------------------------------ saving */

static enum cairn_status add_rows(struct cairn_writer *writer, uint32_t rank, uint32_t savers,
				  float *rows, struct cairn_error *error)
{
	const uint64_t dims[] = {(uint64_t)savers * ROWS_EACH, COLUMNS};
	const uint64_t starts[] = {(uint64_t)rank * ROWS_EACH, 0};
	const uint64_t lengths[] = {ROWS_EACH, CAIRN_FULL};
	const struct cairn_tensor_spec spec = {.name = cairn_string_from("matrix"),
					       .dtype = CAIRN_F32,
					       .rank = 2,
					       .dims = dims,
					       .starts = starts,
					       .lengths = lengths};

	for (uint64_t row = 0; row < ROWS_EACH; row++) {
		for (uint64_t column = 0; column < COLUMNS; column++)
			rows[row * COLUMNS + column] = element(starts[0] + row, column);
	}
	return cairn_writer_add_spec(writer, &spec, rows, error);
}

/* What a saving process does. */
static int save_shard(const char *path, struct cairn_save_id id, uint32_t rank, uint32_t savers)
{
	static float rows[ROWS_EACH * COLUMNS]; /* borrowed by the writer until it has finished */
	static float bias[BIAS];
	const uint64_t bias_dims[] = {BIAS};
	struct cairn_error error = {0};
	struct cairn_save *save = NULL;
	struct cairn_writer *writer = NULL;
	enum cairn_status status;

	if ((status = cairn_save_join(path, id, &save, &error)) == CAIRN_OK &&
	    (status = cairn_save_writer(save, rank, 0, NULL, &writer, &error)) == CAIRN_OK &&
	    (status = add_rows(writer, rank, savers, rows, &error)) == CAIRN_OK &&
	    (status = cairn_writer_add(writer, "bias", CAIRN_F32, 1, bias_dims, bias, &error)) ==
		    CAIRN_OK)
		status = cairn_writer_finish(writer, &error);
	cairn_writer_destroy(writer);
	cairn_save_destroy(save);
	return status == CAIRN_OK ? 0 : failed("a shard", &error);
}

/* Waits for all children; how many of them failed. */
static int wait_for_all(void)
{
	int failures = 0;
	int status;

	while (wait(&status) > 0)
		failures += status != 0;
	return failures;
}

static int save(const char *path, uint32_t savers)
{
	const struct cairn_save_options options = {.rank_count = savers, .replace = 1};
	struct cairn_error error = {0};
	struct cairn_save *save = NULL;
	enum cairn_status status = cairn_save_begin(path, &options, &save, &error);

	if (status != CAIRN_OK)
		return failed("begin", &error);
	for (uint32_t rank = 0; rank < savers; rank++) {
		if (fork() == 0)
			_exit(save_shard(path, cairn_save_id(save), rank, savers));
	}
	if (wait_for_all() != 0) /* the commit would name the ranks that did not finish */
		fprintf(stderr, "fork_save: not all ranks have finished\n");
	status = cairn_save_commit(save, &error);
	cairn_save_destroy(save);
	return status == CAIRN_OK ? 0 : failed("commit", &error);
}

/* --------------------------------------------------------------------------------- restoring */

/* What a restoring process does: takes its columns of all rows, and looks at them. */
static int restore_columns(const char *path, uint32_t rank, uint32_t restorers, uint32_t savers)
{
	const uint64_t width = COLUMNS / restorers;
	const uint64_t starts[] = {0, rank * width};
	const uint64_t lengths[] = {CAIRN_FULL, width};
	struct cairn_error error = {0};
	struct cairn_reader *reader = NULL;
	struct cairn_tensor matrix;
	struct cairn_view view = {0};
	enum cairn_status status;
	int wrong = 0;

	if ((status = cairn_reader_open(path, NULL, &reader, &error)) == CAIRN_OK &&
	    (status = cairn_reader_find(reader, "matrix", &matrix, &error)) == CAIRN_OK)
		status = cairn_tensor_view_slice(&matrix, starts, lengths, &view, &error);
	for (uint64_t i = 0; status == CAIRN_OK && i < savers * ROWS_EACH * width; i++)
		wrong |= ((const float *)view.data)[i] != element(i / width, starts[1] + i % width);
	cairn_view_release(&view);
	cairn_reader_close(reader);
	return status == CAIRN_OK ? wrong : failed("restore", &error);
}

static int restore(const char *path, uint32_t restorers, uint32_t savers)
{
	for (uint32_t rank = 0; rank < restorers; rank++) {
		if (fork() == 0)
			_exit(restore_columns(path, rank, restorers, savers));
	}
	return wait_for_all();
}

int main(int argc, char **argv)
{
	const int savers = argc > 2 ? atoi(argv[2]) : 4;
	const int restorers = argc > 3 ? atoi(argv[3]) : 3;

	if (argc < 2 || savers < 1 || savers > PROCESSES_MAX || restorers < 1 ||
	    restorers > PROCESSES_MAX) {
		fprintf(stderr, "usage: fork_save PATH [SAVERS [RESTORERS]], 1 to %d each\n",
			PROCESSES_MAX);
		return 2;
	}
	if (save(argv[1], (uint32_t)savers) != 0 ||
	    restore(argv[1], (uint32_t)restorers, (uint32_t)savers) != 0)
		return 1;
	printf("saved by %d processes, restored by %d\n", savers, restorers);
	return 0;
}
