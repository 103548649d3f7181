/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn cat: the bytes of tensors on stdout.
 *
 * Row-major, little-endian, through a buffer of a few MiB, so that a tensor larger than memory can
 * be streamed; a slice goes out in runs of whole rows. Strings go out as u64 length and bytes. All
 * names are looked up and all slices are checked before the first byte is written.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/selection.h"
#include "tools/text.h"

#define BUFFER_SIZE ((size_t)8 << 20)

struct cat {
	const char *path;
	const char *slice; /* as given, or NULL */
	uint64_t nth;      /* UINT64_MAX: not given */
	struct cairn_reader *reader;
	unsigned char *buffer; /* owned; BUFFER_SIZE bytes */
};

static int write_bytes(const void *data, uint64_t size)
{
	if (size && fwrite(data, 1, size, stdout) != size)
		return CLI_UNKNOWN; /* cli_finish says why */
	return CLI_GO_ON;
}

/* Steps an index through all but the last `fixed` dimensions of the region, the innermost first;
 * false after the last. */
static bool next_index(const struct region *region, uint32_t fixed, uint64_t *index)
{
	for (uint32_t d = region->rank - fixed; d-- > 0;) {
		if (++index[d] < region->lengths[d])
			return true;
		index[d] = 0;
	}
	return false;
}

/* ---------------------------------------------------------------------------------- fixed sizes */

static int stream_whole(const struct cat *cat, const struct cairn_tensor *tensor)
{
	struct cairn_error error = {.code = CAIRN_OK};
	int result = CLI_GO_ON;

	for (uint64_t at = 0; at < tensor->size && result == CLI_GO_ON;) {
		const uint64_t left = tensor->size - at;
		const uint64_t size = left < BUFFER_SIZE ? left : BUFFER_SIZE;
		const enum cairn_status status = cairn_tensor_read(tensor, at, cat->buffer, size,
								   &error);
		if (status != CAIRN_OK)
			return cli_fail(status, &error);
		result = write_bytes(cat->buffer, size);
		at += size;
	}
	return result;
}

/* How a region is cut so that each piece fits the buffer. */
struct cut {
	uint32_t dimension; /* that is walked; those behind it go out whole */
	uint64_t step;      /* indices of that dimension in one piece */
};

/* False when not even one element fits, or the pieces would begin inside a block of a packed type.
 */
static bool plan_cut(const struct cairn_tensor *tensor, const struct region *region,
		     struct cut *cut)
{
	const uint64_t blocks_max = tensor->block_bytes ? BUFFER_SIZE / tensor->block_bytes : 0;
	const uint64_t last = region->lengths[region->rank - 1];
	uint64_t row_blocks = last / tensor->block_elements; /* behind one index */

	if (last % tensor->block_elements || blocks_max == 0)
		return false;
	*cut = (struct cut){.dimension = region->rank - 1, .step = last};
	if (row_blocks > blocks_max) {
		cut->step = blocks_max * tensor->block_elements;
		return true;
	}
	while (cut->dimension > 0) {
		const uint64_t length = region->lengths[--cut->dimension];
		cut->step = blocks_max / row_blocks;
		if (cut->step < length)
			return true;
		cut->step = length;
		row_blocks *= length;
	}
	return true;
}

/* Bytes behind `count` indices of the dimension that is walked. */
static uint64_t piece_size(const struct cairn_tensor *tensor, const struct region *region,
			   const struct cut *cut, uint64_t count)
{
	uint64_t elements = count;

	for (uint32_t d = cut->dimension + 1; d < region->rank; d++)
		elements *= region->lengths[d];
	return elements / tensor->block_elements * tensor->block_bytes;
}

/* The pieces along the dimension that is walked; `piece` has the outer indices. */
static int stream_walk(const struct cat *cat, const struct cairn_tensor *tensor,
		       const struct region *region, const struct cut *cut, struct region *piece)
{
	const uint32_t d = cut->dimension;
	struct cairn_error error = {.code = CAIRN_OK};
	int result = CLI_GO_ON;

	for (uint64_t at = 0; at < region->lengths[d] && result == CLI_GO_ON; at += cut->step) {
		const uint64_t left = region->lengths[d] - at;
		const uint64_t count = left < cut->step ? left : cut->step;
		const uint64_t size = piece_size(tensor, region, cut, count);
		piece->starts[d] = region->starts[d] + at;
		piece->lengths[d] = count;
		const enum cairn_status status = cairn_tensor_read_slice(
			tensor, piece->starts, piece->lengths, cat->buffer, size, &error);
		if (status != CAIRN_OK)
			return cli_fail(status, &error);
		result = write_bytes(cat->buffer, size);
	}
	return result;
}

static int stream_pieces(const struct cat *cat, const struct cairn_tensor *tensor,
			 const struct region *region, const struct cut *cut)
{
	struct region piece = *region;
	uint64_t index[CAIRN_RANK_MAX] = {0};
	int result;

	do {
		for (uint32_t d = 0; d < cut->dimension; d++) {
			piece.starts[d] = region->starts[d] + index[d];
			piece.lengths[d] = 1;
		}
		result = stream_walk(cat, tensor, region, cut, &piece);
	} while (result == CLI_GO_ON && next_index(region, region->rank - cut->dimension, index));
	return result;
}

/* A slice that cannot be cut into pieces: the library gathers it, within its limit on memory. */
static int stream_view(const struct cairn_tensor *tensor, const struct region *region)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_view view;
	const enum cairn_status status = cairn_tensor_view_slice(tensor, region->starts,
								 region->lengths, &view, &error);

	if (status != CAIRN_OK)
		return cli_fail(status, &error);
	const int result = write_bytes(view.data, view.size);
	cairn_view_release(&view);
	return result;
}

static int stream_region(const struct cat *cat, const struct cairn_tensor *tensor,
			 const struct region *region)
{
	struct cut cut;

	if (region_is_empty(region))
		return CLI_GO_ON;
	if (region->rank == 0)
		return stream_whole(cat, tensor);
	if (!plan_cut(tensor, region, &cut))
		return stream_view(tensor, region);
	return stream_pieces(cat, tensor, region, &cut);
}

/* -------------------------------------------------------------------------------------- strings */

static int write_string(const struct cairn_tensor *tensor, const struct cairn_view *view,
			uint64_t index)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_string string;
	unsigned char length[8];
	const enum cairn_status status = cairn_view_string(tensor, view, index, &string, &error);

	if (status != CAIRN_OK)
		return cli_fail(status, &error);
	for (unsigned i = 0; i < 8; i++)
		length[i] = (unsigned char)((uint64_t)string.size >> (8 * i));
	const int result = write_bytes(length, sizeof(length));
	return result == CLI_GO_ON ? write_bytes(string.data, string.size) : result;
}

static int stream_strings(const struct cairn_tensor *tensor, const struct region *region)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_view view;
	int result = CLI_GO_ON;

	const enum cairn_status status = region ? cairn_tensor_view_slice(tensor, region->starts,
									  region->lengths, &view,
									  &error)
						: cairn_tensor_view(tensor, &view, &error);
	if (status != CAIRN_OK)
		return cli_fail(status, &error);
	for (uint64_t i = 0; i < view.element_count && result == CLI_GO_ON; i++)
		result = write_string(tensor, &view, i);
	cairn_view_release(&view);
	return result;
}

/* ---------------------------------------------------------------------------------------- names */

static int stream_tensor(const struct cat *cat, const struct cairn_tensor *tensor)
{
	struct region region;

	if (cat->slice) {
		const int result = selection_resolve(cat->path, cat->slice, tensor, &region);
		if (result != CLI_GO_ON)
			return result;
	}
	if (cli_has_strings(tensor))
		return stream_strings(tensor, cat->slice ? &region : NULL);
	return cat->slice ? stream_region(cat, tensor, &region) : stream_whole(cat, tensor);
}

/* Everything that can be said to be wrong before any bytes are read. */
static int check_tensor(const struct cat *cat, const struct cairn_tensor *tensor)
{
	struct region region;
	char name[256];

	if (cat->slice)
		return selection_resolve(cat->path, cat->slice, tensor, &region);
	if (!(tensor->flags & CAIRN_TENSOR_INCOMPLETE))
		return CLI_GO_ON;
	return cli_error(CLI_NO,
			 "'%s': tensor '%s' is incomplete: only its stored slices can be read; "
			 "'cairn ls --json' lists them, --slice takes one",
			 cat->path, text_escape(tensor->name, name, sizeof(name)));
}

static int find_all(const struct cat *cat, const struct cli_arguments *arguments,
		    struct cairn_tensor *tensors, size_t *count)
{
	for (size_t i = 1; i < arguments->count; i++) {
		const int result = selection_find(cat->path, cat->reader, arguments->values[i],
						  &tensors[*count]);
		if (result != CLI_GO_ON)
			return result;
		++*count;
	}
	if (cat->nth != UINT64_MAX) {
		const int result = selection_find_nth(cat->path, cat->reader, cat->nth,
						      &tensors[*count]);
		if (result != CLI_GO_ON)
			return result;
		++*count;
	}
	for (size_t i = 0; i < *count; i++) {
		const int result = check_tensor(cat, &tensors[i]);
		if (result != CLI_GO_ON)
			return result;
	}
	return CLI_GO_ON;
}

static int stream_all(struct cat *cat, const struct cli_arguments *arguments)
{
	struct cairn_tensor *tensors = calloc(arguments->count + 1, sizeof(*tensors));
	size_t count = 0;
	int result = CLI_GO_ON;

	cat->buffer = malloc(BUFFER_SIZE);
	if (!tensors || !cat->buffer) {
		result = cli_error(CLI_UNKNOWN, "out of memory");
		goto out;
	}
	result = find_all(cat, arguments, tensors, &count);
	for (size_t i = 0; i < count && result == CLI_GO_ON; i++)
		result = stream_tensor(cat, &tensors[i]);
out:
	free(cat->buffer);
	free(tensors);
	return result == CLI_GO_ON ? CLI_DONE : result;
}

static int check_words(const struct cat *cat, const struct cli_arguments *arguments)
{
	if (arguments->count < 2 && cat->nth == UINT64_MAX)
		return cli_usage_error("cat", "cat: which tensor? expected PATH NAME...");
	return cat->slice ? selection_check_slice("cat", cat->slice) : CLI_GO_ON;
}

int cmd_cat(int argc, char **argv)
{
	struct cat cat = {.nth = UINT64_MAX};
	const struct cli_option options[] = {
		{"--slice", CLI_TEXT, "SPEC",
		 "a part: 'START,LENGTH' or '-' a dimension, e.g. '0,4:-'", &cat.slice},
		{"--nth", CLI_COUNT, "N", "the N-th tensor of 'ls --json', from 0", &cat.nth},
	};
	const struct cli_usage usage = {
		"cat",
		"PATH NAME...",
		"Writes the bytes of tensors to stdout: row-major, little-endian.",
		"Names are literal; \"--\" ends options, for names that begin with a dash. Several "
		"names give\n"
		"their bytes one after the other. Strings: u64 length and bytes, element by "
		"element.\n"
		"--nth takes a tensor whose name cannot be an argument.\n",
		1,
		SIZE_MAX,
		options,
		sizeof(options) / sizeof(options[0]),
	};
	struct cli_arguments arguments;
	int result = cli_parse(&usage, argc, argv, &arguments);

	if (result == CLI_GO_ON)
		result = check_words(&cat, &arguments);
	if (result != CLI_GO_ON)
		return result;
	cat.path = arguments.values[0];
	result = cli_open(cat.path, NULL, &cat.reader);
	if (result == CLI_UNKNOWN && arguments.count > 1)
		selection_note_order(cat.path, arguments.values[1]);
	if (result != CLI_GO_ON)
		return result;
	result = stream_all(&cat, &arguments);
	cairn_reader_close(cat.reader);
	return result;
}
