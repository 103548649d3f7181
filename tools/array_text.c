/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrays as NumPy prints them.
 *
 * The rows of the last dimension are printed one after the other; between two of them stand the
 * brackets, dots and empty lines of the dimensions that end there. Blanks are held back until
 * something follows them, since lines have none at their ends.
 */
#include "tools/array_text.h"

#include <string.h>

#define LINE_COLUMNS 75
#define EDGE_ITEMS   3

void array_shape_set(struct array_shape *shape, uint32_t rank, const uint64_t *dims)
{
	uint64_t count = 1;

	*shape = (struct array_shape){.rank = rank};
	for (uint32_t d = 0; d < rank; d++) {
		shape->dims[d] = dims[d];
		if (dims[d] && count > ARRAY_WHOLE_MAX / dims[d])
			count = ARRAY_WHOLE_MAX + 1; /* or nothing at all: a later one may be 0 */
		else
			count *= dims[d];
	}
	shape->summarised = count > ARRAY_WHOLE_MAX;
}

static bool is_empty(const struct array_shape *shape)
{
	for (uint32_t d = 0; d < shape->rank; d++) {
		if (shape->dims[d] == 0)
			return true;
	}
	return false;
}

uint64_t array_shown(const struct array_shape *shape, uint32_t dimension, uint64_t *gap)
{
	const uint64_t dim = shape->dims[dimension];
	const bool cut = shape->summarised && dim > (uint64_t)2 * EDGE_ITEMS;

	*gap = cut ? EDGE_ITEMS : dim;
	return cut ? (uint64_t)2 * EDGE_ITEMS : dim;
}

bool array_shown_count(const struct array_shape *shape, uint64_t most, uint64_t *count)
{
	uint64_t gap;

	*count = is_empty(shape) ? 0 : 1;
	for (uint32_t d = 0; *count && d < shape->rank; d++) {
		const uint64_t shown = array_shown(shape, d, &gap);
		if (*count > most / shown)
			return false;
		*count *= shown;
	}
	return *count <= most;
}

uint64_t array_index(const struct array_shape *shape, uint32_t dimension, uint64_t shown)
{
	uint64_t gap;
	const uint64_t all = array_shown(shape, dimension, &gap);

	return shown < gap ? shown : shape->dims[dimension] - (all - shown);
}

uint32_t array_step(const struct array_shape *shape, uint32_t dimensions, uint64_t *index)
{
	uint64_t gap;

	for (uint32_t d = dimensions; d-- > 0;) {
		if (++index[d] < array_shown(shape, d, &gap))
			return d;
		index[d] = 0;
	}
	return dimensions;
}

/* ------------------------------------------------------------------------------------- printing */

struct printer {
	FILE *file;
	const struct array_shape *shape;
	size_t columns; /* on the line so far, with blanks that are held back */
	size_t blanks;  /* that are held back */
};

static void put_blanks(struct printer *printer, size_t count)
{
	printer->blanks += count;
	printer->columns += count;
}

static void put_text(struct printer *printer, struct cairn_string text, size_t columns)
{
	for (; printer->blanks; printer->blanks--)
		putc(' ', printer->file);
	fwrite(text.data, 1, text.size, printer->file);
	printer->columns += columns;
}

static void put_repeated(struct printer *printer, const char *text, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		put_text(printer, cairn_string_from(text), strlen(text));
}

static void put_line_ends(struct printer *printer, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		putc('\n', printer->file);
	printer->blanks = 0;
	printer->columns = 0;
}

/* Blanks around a word may end a line, and count. */
static void put_word(struct printer *printer, struct cairn_string word, size_t columns)
{
	const uint32_t indent = printer->shape->rank;
	const size_t width = indent < LINE_COLUMNS ? LINE_COLUMNS - indent : 0;

	if (printer->columns > indent && printer->columns + columns > width) {
		put_line_ends(printer, 1);
		put_blanks(printer, indent);
	}
	while (word.size && columns && word.data[0] == ' ') {
		put_blanks(printer, 1);
		word.data++;
		word.size--;
		columns--;
	}
	size_t behind = 0;
	while (behind < word.size && word.data[word.size - 1 - behind] == ' ')
		behind++;
	word.size -= behind;
	put_text(printer, word, columns - behind);
	put_blanks(printer, behind);
}

static void put_row(struct printer *printer, array_element element, void *context, uint64_t *number)
{
	uint64_t gap;
	const uint64_t shown = array_shown(printer->shape, printer->shape->rank - 1, &gap);

	for (uint64_t i = 0; i < shown; i++) {
		struct cairn_string text;
		if (i)
			put_blanks(printer, 1);
		if (i == gap) {
			put_word(printer, cairn_string_from("..."), 3);
			put_blanks(printer, 1);
		}
		const size_t columns = element(context, (*number)++, &text);
		put_word(printer, text, columns);
	}
}

/* What stands between two rows, the second of which begins at `index` of dimension d. */
static void put_between(struct printer *printer, uint32_t d, uint64_t index)
{
	const uint32_t inner = printer->shape->rank - 1 - d;
	uint64_t gap;

	array_shown(printer->shape, d, &gap);
	put_repeated(printer, "]", inner);
	put_line_ends(printer, inner);
	put_blanks(printer, d + 1);
	if (index == gap) {
		put_repeated(printer, "...", 1);
		put_line_ends(printer, inner);
		put_blanks(printer, d + 1);
	}
	put_repeated(printer, "[", inner);
}

void array_print(FILE *file, const struct array_shape *shape, array_element element, void *context)
{
	struct printer printer = {.file = file, .shape = shape};
	uint64_t index[CAIRN_RANK_MAX] = {0};
	uint64_t number = 0;

	if (is_empty(shape)) {
		fputs("[]\n", file);
		return;
	}
	if (shape->rank == 0) {
		struct cairn_string text;
		const size_t columns = element(context, 0, &text);
		put_text(&printer, text, columns);
		put_line_ends(&printer, 1);
		return;
	}
	const uint32_t outer = shape->rank - 1;
	put_repeated(&printer, "[", shape->rank);
	for (;;) {
		put_row(&printer, element, context, &number);
		const uint32_t d = array_step(shape, outer, index);
		if (d == outer)
			break;
		put_between(&printer, d, index[d]);
	}
	put_repeated(&printer, "]", shape->rank);
	put_line_ends(&printer, 1);
}
