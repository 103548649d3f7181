/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sharded save over MPI ranks, and a restore over another number of them.
 *
 *     mpirun -np 3 mpi_save PATH [RESTORERS]
 *
 * All ranks save rows of one matrix; then the first RESTORERS of them (all but one, unless said
 * otherwise) restore columns. All ranks run on one host: they share the folder and its locks.
 */
#include <stdio.h>
#include <stdlib.h>

#include <mpi.h>

#include <cairn/cairn.h>

enum {
	COLUMNS = 240,
	ROWS_EACH = 100
};

static float element(uint64_t row, uint64_t column)
{
	return (float)(row * COLUMNS + column);
}

static enum cairn_status failed(const char *what, int rank, enum cairn_status status,
				const struct cairn_error *error)
{
	if (status != CAIRN_OK)
		fprintf(stderr, "mpi_save: rank %d: %s: %s\n", rank, what, error->message);
	return status;
}

/* The first failure of any rank, for all of them. */
static enum cairn_status agree(enum cairn_status status)
{
	int mine = (int)status;
	int worst = 0;

	MPI_Allreduce(&mine, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
	return (enum cairn_status)worst;
}

/* ------------------------------------------------------------------------------------ saving */

static enum cairn_status write_rows(struct cairn_save *save, int rank, int ranks,
				    struct cairn_error *error)
{
	const uint64_t dims[] = {(uint64_t)ranks * ROWS_EACH, COLUMNS};
	const uint64_t starts[] = {(uint64_t)rank * ROWS_EACH, 0};
	const uint64_t lengths[] = {ROWS_EACH, CAIRN_FULL};
	const struct cairn_tensor_spec spec = {.name = cairn_string_from("matrix"),
					       .dtype = CAIRN_F32,
					       .rank = 2,
					       .dims = dims,
					       .starts = starts,
					       .lengths = lengths};
	static float rows[ROWS_EACH * COLUMNS];
	struct cairn_writer *writer = NULL;
	enum cairn_status status;

	for (uint64_t i = 0; i < ROWS_EACH * COLUMNS; i++)
		rows[i] = element(starts[0] + i / COLUMNS, i % COLUMNS);
	status = cairn_save_writer(save, (uint32_t)rank, 0, NULL, &writer, error);
	if (status == CAIRN_OK)
		status = cairn_writer_add_spec(writer, &spec, rows, error);
	if (status == CAIRN_OK)
		status = cairn_writer_finish(writer, error);
	cairn_writer_destroy(writer);
	return status;
}

/* Rank 0 begins, all write, rank 0 commits. */
static enum cairn_status save(const char *path, int rank, int ranks)
{
	const struct cairn_save_options options = {.rank_count = (uint32_t)ranks, .replace = 1};
	struct cairn_error error = {0};
	struct cairn_save *save = NULL;
	struct cairn_save_id id = {{0}};
	enum cairn_status status = CAIRN_OK;

	if (rank == 0)
		status = failed("begin", rank, cairn_save_begin(path, &options, &save, &error),
				&error);
	if (agree(status) != CAIRN_OK)
		goto end;
	if (rank == 0)
		id = cairn_save_id(save);
	MPI_Bcast(id.bytes, sizeof(id.bytes), MPI_BYTE, 0, MPI_COMM_WORLD);
	if (rank != 0)
		status = cairn_save_join(path, id, &save, &error);
	if (status == CAIRN_OK)
		status = write_rows(save, rank, ranks, &error);
	failed("its shard", rank, status, &error);
	MPI_Barrier(MPI_COMM_WORLD); /* all shards are durable, or were given up */
	if (rank == 0)
		status = failed("commit", rank, cairn_save_commit(save, &error), &error);
end:
	cairn_save_destroy(save);
	return agree(status);
}

/* --------------------------------------------------------------------------------- restoring */

static enum cairn_status restore(const char *path, int rank, int restorers, int savers)
{
	const uint64_t width = COLUMNS / (uint64_t)restorers;
	const uint64_t starts[] = {0, (uint64_t)rank * width};
	const uint64_t lengths[] = {CAIRN_FULL, width};
	struct cairn_error error = {0};
	struct cairn_reader *reader = NULL;
	struct cairn_tensor matrix;
	struct cairn_view view = {0};
	enum cairn_status status;

	if ((status = cairn_reader_open(path, NULL, &reader, &error)) == CAIRN_OK &&
	    (status = cairn_reader_find(reader, "matrix", &matrix, &error)) == CAIRN_OK)
		status = cairn_tensor_view_slice(&matrix, starts, lengths, &view, &error);
	failed("restore", rank, status, &error);
	for (uint64_t i = 0; status == CAIRN_OK && i < (uint64_t)savers * ROWS_EACH * width; i++) {
		if (((const float *)view.data)[i] != element(i / width, starts[1] + i % width))
			status = CAIRN_MISMATCH;
	}
	cairn_view_release(&view);
	cairn_reader_close(reader);
	return status;
}

int main(int argc, char **argv)
{
	enum cairn_status status = CAIRN_OK;
	int rank;
	int ranks;
	int restorers;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	restorers = ranks > 1 ? ranks - 1 : 1;
	if (argc > 2)
		restorers = atoi(argv[2]);
	if (argc < 2 || restorers < 1 || restorers > ranks) {
		if (rank == 0)
			fprintf(stderr, "usage: mpirun -np RANKS mpi_save PATH [RESTORERS]\n");
		MPI_Finalize();
		return 2;
	}
	status = save(argv[1], rank, ranks);
	if (status == CAIRN_OK && rank < restorers)
		status = restore(argv[1], rank, restorers, ranks);
	status = agree(status);
	if (rank == 0 && status == CAIRN_OK)
		printf("saved by %d ranks, restored by %d\n", ranks, restorers);
	MPI_Finalize();
	return status == CAIRN_OK ? 0 : 1;
}
