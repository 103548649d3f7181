/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Differences for people: in natural order, a list that ends, and a line that sums up.
 */
#include "tools/diff_output.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "tools/cli.h"
#include "tools/metadata_value.h"
#include "tools/text.h"

/* Differences that are shown, of tensors and of metadata each. All are counted. */
#define SHOWN_MAX 100

static void print_shape(FILE *file, const struct cairn_tensor *tensor)
{
	putc('[', file);
	for (uint32_t d = 0; d < tensor->rank; d++)
		fprintf(file, "%s%" PRIu64, d ? ", " : "", tensor->dims[d]);
	putc(']', file);
}

static void print_type(FILE *file, const struct cairn_tensor *tensor)
{
	char name[CLI_DTYPE_SIZE];

	assert(tensor); /* of the kinds that say so */
	fprintf(file, "%s ", cli_dtype_name(tensor->dtype, name));
	print_shape(file, tensor);
}

static void print_coordinate(void *context, uint32_t dimension, uint64_t value)
{
	fprintf(context, "%s%" PRIu64, dimension ? ", " : "", value);
}

static void print_statistics(FILE *file, const struct cairn_difference *difference)
{
	const struct cairn_difference_statistics *statistics = difference->statistics;
	char different[CLI_SIZE_SIZE];
	char compared[CLI_SIZE_SIZE];

	fprintf(file, ": %s of %s, first at [", cli_format_count(statistics->different, different),
		cli_format_count(statistics->compared, compared));
	diff_coordinates(difference->a, statistics->first, print_coordinate, file);
	putc(']', file);
	if (!statistics->has_numbers)
		return;
	fprintf(file, ", by at most %.4g (relative %.4g)", statistics->absolute_max,
		statistics->relative_max);
	if (statistics->nan_count[0] || statistics->nan_count[1])
		fprintf(file, ", NaN: %" PRIu64 " -> %" PRIu64, statistics->nan_count[0],
			statistics->nan_count[1]);
}

static void print_change(FILE *file, const struct cairn_difference *difference)
{
	char words[DIFF_WHAT_SIZE];

	if (difference->what & (CAIRN_DIFFERENT_DTYPE | CAIRN_DIFFERENT_SHAPE)) {
		print_type(file, difference->a);
		fputs(" -> ", file);
		print_type(file, difference->b);
		return;
	}
	fputs(diff_what(difference->what, words), file);
	if (difference->what & CAIRN_DIFFERENT_PRESENCE)
		fprintf(file, " (%" PRIu64 " elements stored only before, %" PRIu64 " only after)",
			difference->stored_only[0], difference->stored_only[1]);
	if (difference->statistics)
		print_statistics(file, difference);
}

static void print_difference(FILE *file, const struct cairn_difference *difference)
{
	switch (difference->kind) {
	case CAIRN_DIFFERENCE_ADDED:
		print_type(file, difference->b);
		break;
	case CAIRN_DIFFERENCE_REMOVED:
		print_type(file, difference->a);
		break;
	case CAIRN_DIFFERENCE_CHANGED:
		print_change(file, difference);
		break;
	case CAIRN_DIFFERENCE_UNKNOWN:
		fprintf(file, "cannot be compared: %s", difference->message);
		break;
	}
}

static int print_value(FILE *file, const struct cairn_tensor *tensor)
{
	struct metadata_value value;
	int result = metadata_take(tensor, &value);

	if (result == CLI_GO_ON)
		result = metadata_print(file, &value);
	cairn_view_release(&value.view);
	return result;
}

/* Of metadata the values are shown: "1" -> "2". */
static int print_values(FILE *file, const struct cairn_difference *difference)
{
	int result = CLI_GO_ON;

	if (difference->a)
		result = print_value(file, difference->a);
	if (difference->a && difference->b)
		fputs(" -> ", file);
	if (difference->b && result == CLI_GO_ON)
		result = print_value(file, difference->b);
	if (difference->what & (CAIRN_DIFFERENT_DTYPE | CAIRN_DIFFERENT_SHAPE)) {
		fputs("  (", file);
		print_change(file, difference);
		putc(')', file);
	}
	return result;
}

static int describe(FILE *file, const struct cairn_difference *difference)
{
	if (difference->is_metadata && difference->kind != CAIRN_DIFFERENCE_UNKNOWN)
		return print_values(file, difference);
	print_difference(file, difference);
	return CLI_GO_ON;
}

static bool make_room(struct diff_lines *lines)
{
	if (lines->count < lines->capacity)
		return true;
	const size_t capacity = lines->capacity ? lines->capacity * 2 : 256;
	struct diff_line *grown = reallocarray(lines->lines, capacity, sizeof(*grown));
	if (!grown)
		return false;
	lines->lines = grown;
	lines->capacity = capacity;
	return true;
}

int diff_lines_add(struct diff_lines lines[2], const struct cairn_difference *difference)
{
	struct diff_lines *own = &lines[difference->is_metadata];
	char *text = NULL;
	size_t size = 0;
	FILE *file = make_room(own) ? open_memstream(&text, &size) : NULL;

	if (!file)
		return cli_error(CLI_UNKNOWN, "out of memory");
	int result = describe(file, difference);
	if (fclose(file) && result == CLI_GO_ON)
		result = cli_error(CLI_UNKNOWN, "out of memory");
	if (result == CLI_GO_ON)
		own->lines[own->count++] = (struct diff_line){
			.name = difference->name, .kind = difference->kind, .text = text};
	else
		free(text);
	return result;
}

void diff_lines_free(struct diff_lines lines[2])
{
	for (size_t kind = 0; kind < 2; kind++) {
		for (size_t i = 0; i < lines[kind].count; i++)
			free(lines[kind].lines[i].text);
		free(lines[kind].lines);
	}
}

static int compare_lines(const void *a, const void *b)
{
	const struct diff_line *left = a;
	const struct diff_line *right = b;

	return text_compare_natural(left->name, right->name);
}

/* Names are cut where the terminal ends; nothing is cut elsewhere. */
static size_t name_columns(const struct diff_lines *lines, size_t shown)
{
	const size_t terminal = text_terminal_width(stdout);
	const size_t most = terminal > 40 ? terminal - 24 : terminal ? 16 : 120;
	size_t columns = 0;

	for (size_t i = 0; i < shown; i++) {
		const size_t width = text_width(lines->lines[i].name);
		if (width > columns)
			columns = width;
	}
	return columns < most ? columns : most;
}

static void print_lines(const struct diff_lines *lines)
{
	static const char marks[] = "?+-~!";
	const size_t shown = lines->count < SHOWN_MAX ? lines->count : SHOWN_MAX;
	const bool cut = text_terminal_width(stdout) != 0;
	char count[CLI_SIZE_SIZE];

	if (lines->count)
		qsort(lines->lines, lines->count, sizeof(*lines->lines), compare_lines);
	const size_t columns = name_columns(lines, shown);
	for (size_t i = 0; i < shown; i++) {
		const struct diff_line *line = &lines->lines[i];
		printf("%c ", marks[line->kind]);
		const size_t printed = text_print(stdout, line->name, cut ? columns : 0);
		text_pad(stdout, printed < columns ? columns - printed : 0);
		printf("  %s\n", line->text);
	}
	if (shown < lines->count)
		printf("... and %s more; --json lists all\n",
		       cli_format_count(lines->count - shown, count));
}

/* "1 added, 2 changed, 144 the same" */
static void print_counts(const struct cairn_diff_counts *counts)
{
	const struct {
		uint64_t count;
		const char *word;
	} parts[] = {
		{counts->added, "added"},     {counts->removed, "removed"},
		{counts->changed, "changed"}, {counts->unknown, "not comparable"},
		{counts->same, "the same"},
	};
	const char *comma = "";
	char text[CLI_SIZE_SIZE];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!parts[i].count)
			continue;
		printf("%s%s %s", comma, cli_format_count(parts[i].count, text), parts[i].word);
		comma = ", ";
	}
	if (!*comma)
		fputs("none", stdout);
}

static void print_summary(const struct cairn_diff_report *report, bool with_metadata)
{
	char size[CLI_SIZE_SIZE];

	printf("%s: tensors: ", report->equal ? "equal" : "different");
	print_counts(&report->tensors);
	if (with_metadata) {
		fputs("; metadata: ", stdout);
		print_counts(&report->metadata);
	}
	if (report->bytes_read)
		printf("; %s read\n", cli_format_size((double)report->bytes_read, size));
	else
		puts("; nothing had to be read");
}

void diff_text_print(struct diff_lines lines[2], const struct cairn_diff_report *report,
		     bool with_metadata)
{
	print_lines(&lines[0]);
	if (lines[1].count)
		puts("metadata:");
	print_lines(&lines[1]);
	print_summary(report, with_metadata);
}
