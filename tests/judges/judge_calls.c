/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What judges need of the library beyond the command: the state file, and tensors written in slices
 * and shards. Public interface only.
 *
 * usage: judge_calls state FOLDER RELATIVE LAST_PRESERVED [PREFIX TIME]...
 *        judge_calls cut SOURCE PREFIX SHARDS SEED
 *        judge_calls saver SOURCE PATH VERSION DEVICES
 *
 * `state`: the last prefix is the latest; RELATIVE is 0 or 1. `cut`: each tensor is cut at random
 * into a grid of slices, or not at all, and these are dealt to data files of a TensorFlow
 * checkpoint. `saver`: a saver's variables are the tensors, dealt to devices; VERSION is that of
 * TensorFlow's format; prints where it saved.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cairn/cairn.h>

static struct cairn_error error;

static void must(enum cairn_status status)
{
	if (status == CAIRN_OK)
		return;
	fprintf(stderr, "judge_calls: %s\n", error.message);
	exit(1);
}

static void *allocate(size_t count, size_t size)
{
	void *const memory = calloc(count + 1, size);

	if (memory == NULL) {
		fputs("judge_calls: out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

/* ---------------------------------------------------------------------------------------- state */

static void write_state(char **arguments, int count)
{
	const size_t paths = (size_t)(count - 3) / 2;
	const char **const prefixes = allocate(paths, sizeof(*prefixes));
	double *const times = allocate(paths, sizeof(*times));
	const struct cairn_state_update_options options = {
		.size = sizeof(options),
		.all_model_checkpoint_paths = prefixes,
		.path_count = paths,
		.all_model_checkpoint_timestamps = times,
		.timestamp_count = paths,
		.last_preserved_timestamp = strtod(arguments[2], NULL),
		.save_relative_paths = arguments[1][0] == '1',
	};

	for (size_t i = 0; i < paths; i++) {
		prefixes[i] = arguments[3 + 2 * i];
		times[i] = strtod(arguments[4 + 2 * i], NULL);
	}
	must(cairn_state_update(arguments[0], arguments[count - 2], &options, &error));
	free(prefixes);
	free(times);
}

/* ------------------------------------------------------------------------------------------ cut */

#define RANK_MOST 8

struct cutting {
	struct cairn_writer *writer;
	uint64_t random;
	uint32_t shards;
	struct cairn_view *views; /* until all is written */
	size_t view_count;
};

/* From 0 to below `limit`. */
static uint64_t draw(struct cutting *cutting, uint64_t limit)
{
	cutting->random ^= cutting->random << 13;
	cutting->random ^= cutting->random >> 7;
	cutting->random ^= cutting->random << 17;
	return cutting->random % limit;
}

static struct cairn_view *next_view(struct cutting *cutting)
{
	cutting->views = realloc(cutting->views,
				 (cutting->view_count + 1) * sizeof(*cutting->views));
	if (cutting->views == NULL)
		exit(1);
	return &cutting->views[cutting->view_count++];
}

static void add_strings(struct cutting *cutting, const struct cairn_tensor *tensor,
			const struct cairn_view *view, const struct cairn_tensor_spec *spec)
{
	struct cairn_string *const strings = allocate(view->element_count, sizeof(*strings));

	for (uint64_t i = 0; i < view->element_count; i++)
		must(cairn_view_string(tensor, view, i, &strings[i], &error));
	must(cairn_writer_add_variable_spec(cutting->writer, spec, strings, &error));
	free(strings);
}

static void add_piece(struct cutting *cutting, const struct cairn_tensor *tensor,
		      const uint64_t *starts, const uint64_t *lengths)
{
	const struct cairn_tensor_spec spec = {
		.name = tensor->name,
		.dtype = tensor->dtype,
		.rank = tensor->rank,
		.dims = tensor->dims,
		.starts = starts,
		.lengths = lengths,
		.shard = (uint32_t)draw(cutting, cutting->shards),
	};
	struct cairn_view *const view = next_view(cutting);

	if (starts == NULL)
		must(cairn_tensor_view(tensor, view, &error));
	else
		must(cairn_tensor_view_slice(tensor, starts, lengths, view, &error));
	if (tensor->block_bytes == 0)
		add_strings(cutting, tensor, view, &spec);
	else
		must(cairn_writer_add_spec(cutting->writer, &spec, view->data, &error));
}

/* The pieces of a grid: a bit of `number` for each dimension that has a cut. */
static void add_pieces(struct cutting *cutting, const struct cairn_tensor *tensor,
		       const uint64_t *cuts, uint32_t cut_count)
{
	for (uint32_t number = 0; number < 1u << cut_count; number++) {
		uint64_t starts[RANK_MOST] = {0};
		uint64_t lengths[RANK_MOST];
		uint32_t bits = number;

		for (uint32_t d = 0; d < tensor->rank; d++) {
			lengths[d] = draw(cutting, 2) ? CAIRN_FULL : tensor->dims[d];
			if (cuts[d] == 0)
				continue;
			starts[d] = bits & 1 ? cuts[d] : 0;
			lengths[d] = bits & 1 ? tensor->dims[d] - cuts[d] : cuts[d];
			bits >>= 1;
		}
		add_piece(cutting, tensor, starts, lengths);
	}
}

static void add_tensor(struct cutting *cutting, const struct cairn_tensor *tensor)
{
	uint64_t cuts[RANK_MOST] = {0};
	uint32_t cut_count = 0;

	for (uint32_t d = 0; d < tensor->rank && tensor->rank <= RANK_MOST; d++) {
		if (tensor->element_count == 0 || tensor->dims[d] < 2 || draw(cutting, 3) == 0)
			continue;
		cuts[d] = 1 + draw(cutting, tensor->dims[d] - 1);
		cut_count++;
	}
	if (cut_count == 0)
		add_piece(cutting, tensor, NULL, NULL);
	else
		add_pieces(cutting, tensor, cuts, cut_count);
}

static void write_cut(char **arguments)
{
	struct cutting cutting = {
		.random = strtoull(arguments[3], NULL, 10) | 1,
		.shards = (uint32_t)strtoul(arguments[2], NULL, 10),
	};
	const struct cairn_writer_options options = {
		.size = sizeof(options),
		.target = CAIRN_TARGET_TENSORFLOW,
		.shard_count = cutting.shards,
	};
	struct cairn_reader *reader = NULL;

	must(cairn_reader_open(arguments[0], NULL, &reader, &error));
	must(cairn_writer_create(arguments[1], &options, &cutting.writer, &error));
	for (uint64_t i = 0; i < cairn_reader_tensor_count(reader); i++) {
		struct cairn_tensor tensor;

		must(cairn_reader_tensor_at(reader, i, &tensor, &error));
		add_tensor(&cutting, &tensor);
	}
	must(cairn_writer_finish(cutting.writer, &error));
	cairn_writer_destroy(cutting.writer);
	for (size_t i = 0; i < cutting.view_count; i++)
		cairn_view_release(&cutting.views[i]);
	free(cutting.views);
	cairn_reader_close(reader);
}

/* ---------------------------------------------------------------------------------------- saver */

#define DEVICES_MOST 8

struct saving {
	uint64_t count;
	struct cairn_view *views;
	struct cairn_string **strings; /* of each variable that has them */
	struct cairn_variable *values;
	struct cairn_saver_variable *variables;
};

static void add_variable(struct saving *saving, const struct cairn_tensor *tensor, uint64_t number)
{
	struct cairn_view *const view = &saving->views[number];
	void *data;

	must(cairn_tensor_view(tensor, view, &error));
	data = (void *)(uintptr_t)view->data;
	if (tensor->block_bytes == 0) {
		saving->strings[number] = allocate(view->element_count,
						   sizeof(struct cairn_string));
		for (uint64_t i = 0; i < view->element_count; i++)
			must(cairn_view_string(tensor, view, i, &saving->strings[number][i],
					       &error));
		data = saving->strings[number];
	}
	saving->values[number] = (struct cairn_variable){
		.dtype = tensor->dtype, .rank = tensor->rank, .dims = tensor->dims, .data = data};
	saving->variables[number].name = tensor->name;
	saving->variables[number].variable = &saving->values[number];
}

static void save_variables(const struct saving *saving, const char *path, const char *version,
			   int sharded)
{
	const struct cairn_saver_options options = {
		.size = sizeof(options),
		.format = version[0] == '1' ? CAIRN_SAVER_TENSORFLOW_V1 : CAIRN_SAVER_TENSORFLOW_V2,
		.sharded = sharded,
		.save_relative_paths = 1,
	};
	char saved[CAIRN_PATH_SIZE];
	struct cairn_saver *saver = NULL;

	must(cairn_saver_create(saving->variables, saving->count, &options, &saver, &error));
	must(cairn_saver_save(saver, path, NULL, saved, &error));
	cairn_saver_destroy(saver);
	puts(saved);
}

static void write_by_saver(char **arguments)
{
	static const char *const devices[DEVICES_MOST] = {"/cpu:0", "/cpu:1", "/cpu:2", "/cpu:3",
							  "/cpu:4", "/cpu:5", "/cpu:6", "/cpu:7"};
	const uint64_t device_count = strtoull(arguments[3], NULL, 10);
	struct cairn_reader *reader = NULL;
	struct saving saving;

	must(cairn_reader_open(arguments[0], NULL, &reader, &error));
	saving.count = cairn_reader_tensor_count(reader);
	saving.views = allocate(saving.count, sizeof(*saving.views));
	saving.strings = allocate(saving.count, sizeof(*saving.strings));
	saving.values = allocate(saving.count, sizeof(*saving.values));
	saving.variables = allocate(saving.count, sizeof(*saving.variables));
	for (uint64_t i = 0; i < saving.count; i++) {
		struct cairn_tensor tensor;

		must(cairn_reader_tensor_at(reader, i, &tensor, &error));
		add_variable(&saving, &tensor, i);
		if (device_count != 0)
			saving.variables[i].device = devices[i % device_count % DEVICES_MOST];
	}
	save_variables(&saving, arguments[1], arguments[2], device_count != 0);
	for (uint64_t i = 0; i < saving.count; i++) {
		cairn_view_release(&saving.views[i]);
		free(saving.strings[i]);
	}
	free(saving.views);
	free(saving.strings);
	free(saving.values);
	free(saving.variables);
	cairn_reader_close(reader);
}

int main(int argc, char **argv)
{
	if (argc >= 7 && argc % 2 == 1 && strcmp(argv[1], "state") == 0) {
		write_state(argv + 2, argc - 2);
		return 0;
	}
	if (argc == 6 && strcmp(argv[1], "cut") == 0) {
		write_cut(argv + 2);
		return 0;
	}
	if (argc == 6 && strcmp(argv[1], "saver") == 0) {
		write_by_saver(argv + 2);
		return 0;
	}
	fputs("usage: judge_calls state FOLDER RELATIVE LAST_PRESERVED [PREFIX TIME]...\n"
	      "       judge_calls cut SOURCE PREFIX SHARDS SEED\n"
	      "       judge_calls saver SOURCE PATH VERSION DEVICES\n",
	      stderr);
	return 2;
}
