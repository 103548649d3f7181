/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes containers that no other format can become: strings, variants, stored slices, an
 * incomplete tensor, a shared one, packed elements, metadata of every kind; or one rank's slices.
 *
 * usage: make_container OUT                 all of it
 *        make_container OUT RANK RANKS      the rows of "w" i32 [6, 4] that the rank of so many
 *                                           holds, and "norm", which all ranks hold
 *        make_container OUT --graph FILE [NAME]...
 *                                           the object graph in FILE, and an f32 of each name
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cairn/cairn.h>

static struct cairn_error failure;

/* Ends the program when a call has failed. */
static void need(enum cairn_status status)
{
	if (status == CAIRN_OK)
		return;
	fprintf(stderr, "make_container: %s\n", failure.message);
	exit(1);
}

static struct cairn_string text(const char *value)
{
	return cairn_string_from(value);
}

/* ------------------------------------------------------------------------------------ tensors */

static void add_strings(struct cairn_writer *writer)
{
	static const uint64_t square[2] = {2, 2};
	static const uint64_t none[1] = {0};
	const struct cairn_string words[4] = {
		{"", 0}, {"a\0b", 3}, {"gr\xc3\xbc\xc3\x9f", 6}, {"\xff", 1}};

	need(cairn_writer_add_strings(writer, text("words"), 2, square, words, &failure));
	need(cairn_writer_add_strings(writer, text("no words"), 1, none, NULL, &failure));
	need(cairn_writer_add_variable(writer, text("variant"), CAIRN_VARIANT, 0, NULL, &words[1],
				       &failure));
}

static void add_slice(struct cairn_writer *writer, const char *name, const uint64_t dims[2],
		      uint64_t start, uint64_t length, const int32_t *data)
{
	const uint64_t starts[2] = {start, 0};
	const uint64_t lengths[2] = {length, CAIRN_FULL};
	const struct cairn_tensor_spec spec = {
		.name = text(name),
		.dtype = CAIRN_I32,
		.rank = 2,
		.dims = dims,
		.starts = starts,
		.lengths = lengths,
	};

	need(cairn_writer_add_spec(writer, &spec, data, &failure));
}

/* Rows of four numbers that count on. */
static const int32_t *rows(void)
{
	static int32_t data[24];

	for (int i = 0; i < 24; i++)
		data[i] = i;
	return data;
}

static void add_tensors(struct cairn_writer *writer)
{
	static const uint64_t dims[2] = {6, 4};
	static const uint64_t eight[1] = {8};
	static const uint8_t packed[4] = {0x10, 0x32, 0x54, 0x76};
	static const float whole[8] = {0, 1, 2, 3, 4, 5, 6, 7};

	add_slice(writer, "sliced", dims, 0, 2, rows());
	add_slice(writer, "sliced", dims, 2, 4, rows() + 8);
	add_slice(writer, "holes", dims, 1, 2, rows() + 4);
	need(cairn_writer_add(writer, "whole", CAIRN_F32, 1, eight, whole, &failure));
	need(cairn_writer_add(writer, "packed", CAIRN_F4_E2M1, 1, eight, packed, &failure));
	need(cairn_writer_add_alias(writer, text("tied"), text("whole"), &failure));
}

/* ----------------------------------------------------------------------------------- metadata */

static void set(struct cairn_writer *writer, const char *key, enum cairn_dtype dtype,
		uint64_t count, const void *data)
{
	const uint64_t dims[1] = {count};

	need(cairn_writer_set_metadata(writer, text(key), dtype, count ? 1 : 0, dims, data,
				       &failure));
}

static void add_metadata(struct cairn_writer *writer)
{
	static const uint64_t two[1] = {2};
	const struct cairn_string list[2] = {text("one"), text("two")};
	const struct cairn_string bytes = {"\xff\0", 2};
	const uint8_t yes = 1;
	const int64_t negative = -5;
	const uint64_t largest = UINT64_MAX;
	const float halves[3] = {0.5F, 1.5F, -2.5F};
	const uint16_t f16 = 0x3e00;
	const double tenth = 0.1;

	set(writer, "bool", CAIRN_BOOL, 0, &yes);
	set(writer, "i64", CAIRN_I64, 0, &negative);
	set(writer, "u64", CAIRN_U64, 0, &largest);
	set(writer, "f32 list", CAIRN_F32, 3, halves);
	set(writer, "f16", CAIRN_F16, 0, &f16);
	set(writer, "f64", CAIRN_F64, 0, &tenth);
	set(writer, "null", CAIRN_NULL, 0, NULL);
	need(cairn_writer_set_metadata_string(writer, text("text"), text("h\xc3\xa9"), &failure));
	need(cairn_writer_set_metadata_strings(writer, text("texts"), CAIRN_STRING, 1, two, list,
					       &failure));
	need(cairn_writer_set_metadata_strings(writer, text("bytes"), CAIRN_BYTES, 0, NULL, &bytes,
					       &failure));
}

/* -------------------------------------------------------------------------------------- ranks */

static void add_rank(struct cairn_writer *writer, uint64_t rank, uint64_t ranks)
{
	static const uint64_t dims[2] = {6, 4};
	static const uint64_t three[1] = {3};
	static const float norm[3] = {1, 2, 3};
	const uint64_t first = 6 * rank / ranks;
	const uint64_t end = 6 * (rank + 1) / ranks;

	add_slice(writer, "w", dims, first, end - first, rows() + 4 * first);
	need(cairn_writer_add(writer, "norm", CAIRN_F32, 1, three, norm, &failure));
}

/* -------------------------------------------------------------------------------------- graph */

static void add_graph(struct cairn_writer *writer, const char *path, char **names)
{
	static char bytes[1 << 20];
	static const float zero = 0;
	FILE *const file = fopen(path, "rb");
	struct cairn_string message = {bytes, 0};

	if (file == NULL) {
		perror(path);
		exit(1);
	}
	message.size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	need(cairn_writer_add_strings(writer, text(CAIRN_GRAPH_TENSOR), 0, NULL, &message,
				      &failure));
	for (; *names != NULL; names++)
		need(cairn_writer_add(writer, *names, CAIRN_F32, 0, NULL, &zero, &failure));
}

int main(int argc, char **argv)
{
	struct cairn_writer *writer = NULL;
	const int is_graph = argc >= 4 && strcmp(argv[2], "--graph") == 0;

	if (argc != 2 && argc != 4 && !is_graph) {
		fputs("usage: make_container OUT [RANK RANKS | --graph FILE [NAME]...]\n", stderr);
		return 2;
	}
	need(cairn_writer_create(argv[1], NULL, &writer, &failure));
	if (is_graph) {
		add_graph(writer, argv[3], argv + 4);
	} else if (argc == 4) {
		add_rank(writer, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	} else {
		add_strings(writer);
		add_tensors(writer);
		add_metadata(writer);
	}
	need(cairn_writer_finish(writer, &failure));
	cairn_writer_destroy(writer);
	return 0;
}
