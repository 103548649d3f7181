/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn stats: what the values of a model are like.
 *
 * Everything is read, verified and summed up before the first line is printed. Tensors of zeros, of
 * one value, and with NaN or infinities are what people look for; strings and blocks without
 * numbers are counted.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/colour.h"
#include "tools/commands.h"
#include "tools/json_output.h"
#include "tools/progress.h"
#include "tools/text.h"

/* Names in a list for people. JSON has all of them. */
#define LISTED_MAX 20

/* Columns of a number. */
#define NUMBER_WIDTH 12

enum row_kind {
	ROW_NUMBERS,
	ROW_STRINGS,
	ROW_BLOCKS,
	ROW_INCOMPLETE
};

struct row {
	struct cairn_string name; /* the reader's */
	enum row_kind kind;
	enum cairn_dtype dtype;
	uint64_t elements;
	struct cairn_tensor_stats stats;
};

struct stats {
	const char *pattern; /* or NULL: all */
	bool json;
	struct cairn_reader *reader;
	struct row *rows; /* owned; in byte order of names */
	size_t count;
	struct cairn_tensor_stats model; /* all together */
	uint64_t finite;

	struct progress progress;
	uint64_t done; /* bytes of the tensors before */
	uint64_t total;
};

/* ------------------------------------------------------------------------------------ gathering */

static enum row_kind kind_of(const struct cairn_tensor *tensor)
{
	if (cli_has_strings(tensor))
		return ROW_STRINGS;
	if (cairn_dtype_numbers(tensor->dtype) == 0)
		return ROW_BLOCKS;
	return tensor->flags & CAIRN_TENSOR_INCOMPLETE ? ROW_INCOMPLETE : ROW_NUMBERS;
}

static int for_each_tensor(struct stats *stats,
			   int (*visit)(struct stats *stats, const struct cairn_tensor *tensor))
{
	const uint64_t count = cairn_reader_tensor_count(stats->reader);
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_tensor tensor;
	int result = CLI_GO_ON;

	for (uint64_t i = 0; i < count && result == CLI_GO_ON; i++) {
		const enum cairn_status status = cairn_reader_tensor_at(stats->reader, i, &tensor,
									&error);
		if (status != CAIRN_OK)
			return cli_fail(status, &error);
		if (!stats->pattern || text_matches(stats->pattern, tensor.name))
			result = visit(stats, &tensor);
	}
	return result;
}

static int measure(struct stats *stats, const struct cairn_tensor *tensor)
{
	stats->count++;
	if (kind_of(tensor) == ROW_NUMBERS)
		stats->total = cli_add(stats->total, tensor->size);
	return CLI_GO_ON;
}

static int on_progress(void *context, uint64_t done, uint64_t total)
{
	struct stats *stats = context;

	(void)total;
	return progress_update(&stats->progress, cli_add(stats->done, done), stats->total);
}

static void add_to_model(struct stats *stats, const struct cairn_tensor_stats *tensor)
{
	struct cairn_tensor_stats *model = &stats->model;
	const uint64_t finite = tensor->count - tensor->nan_count - tensor->infinite_count;

	model->count += tensor->count;
	model->nan_count += tensor->nan_count;
	model->infinite_count += tensor->infinite_count;
	model->zero_count += tensor->zero_count;
	if (finite) {
		if (!stats->finite || tensor->min < model->min)
			model->min = tensor->min;
		if (!stats->finite || tensor->max > model->max)
			model->max = tensor->max;
	}
	stats->finite += finite;
	model->sum += tensor->sum;
}

static int take_row(struct stats *stats, const struct cairn_tensor *tensor)
{
	const struct cairn_stats_options options = {
		.size = sizeof(options),
		.progress = on_progress,
		.progress_context = stats,
	};
	struct cairn_error error = {.code = CAIRN_OK};
	struct row *row = &stats->rows[stats->count++];

	*row = (struct row){
		.name = tensor->name,
		.kind = kind_of(tensor),
		.dtype = tensor->dtype,
		.elements = tensor->element_count,
	};
	if (row->kind != ROW_NUMBERS)
		return progress_interrupted() ? cli_error(CLI_INTERRUPTED, "interrupted")
					      : CLI_GO_ON;
	const enum cairn_status status = cairn_tensor_stats(tensor, &options, &row->stats, &error);
	if (status != CAIRN_OK) {
		progress_end(&stats->progress);
		return cli_fail(status, &error);
	}
	stats->done = cli_add(stats->done, tensor->size);
	add_to_model(stats, &row->stats);
	return CLI_GO_ON;
}

static int gather(struct stats *stats)
{
	int result = for_each_tensor(stats, measure);

	if (result != CLI_GO_ON)
		return result;
	stats->rows = calloc(stats->count + 1, sizeof(*stats->rows));
	if (!stats->rows)
		return cli_error(CLI_UNKNOWN, "out of memory");
	stats->count = 0;
	progress_begin(&stats->progress, "reading");
	result = for_each_tensor(stats, take_row);
	progress_end(&stats->progress);
	stats->model.mean = stats->model.sum / (double)stats->finite;
	return result;
}

/* ------------------------------------------------------------------------------------- findings */

static bool has_finite(const struct cairn_tensor_stats *stats)
{
	return stats->count > stats->nan_count + stats->infinite_count;
}

static bool is_all_zero(const struct row *row)
{
	return row->kind == ROW_NUMBERS && row->stats.count &&
	       row->stats.zero_count == row->stats.count;
}

/* One value, several times, which is not zero. */
static bool is_constant(const struct row *row)
{
	const struct cairn_tensor_stats *stats = &row->stats;

	return row->kind == ROW_NUMBERS && stats->count > 1 &&
	       stats->nan_count + stats->infinite_count == 0 && !(stats->min < stats->max) &&
	       !is_all_zero(row);
}

static bool has_bad_numbers(const struct row *row)
{
	return row->stats.nan_count + row->stats.infinite_count != 0;
}

static bool is_without_numbers(const struct row *row)
{
	return row->kind == ROW_BLOCKS;
}

static bool is_incomplete(const struct row *row)
{
	return row->kind == ROW_INCOMPLETE;
}

static void count_strings(const struct stats *stats, uint64_t *tensors, uint64_t *elements)
{
	*tensors = 0;
	*elements = 0;
	for (size_t i = 0; i < stats->count; i++) {
		if (stats->rows[i].kind != ROW_STRINGS)
			continue;
		++*tensors;
		*elements = cli_add(*elements, stats->rows[i].elements);
	}
}

/* ----------------------------------------------------------------------------------------- JSON */

static void json_number(struct json_output *json, const char *key, bool there, double number)
{
	emit_key(json, key);
	if (there)
		emit_double(json, number);
	else
		emit_null(json);
}

static void json_stats(struct json_output *json, const struct cairn_tensor_stats *stats)
{
	const bool there = has_finite(stats);

	emit_key(json, "count");
	emit_unsigned(json, stats->count);
	json_number(json, "min", there, stats->min);
	json_number(json, "max", there, stats->max);
	json_number(json, "mean", there, stats->mean);
	emit_key(json, "nan");
	emit_unsigned(json, stats->nan_count);
	emit_key(json, "inf");
	emit_unsigned(json, stats->infinite_count);
	emit_key(json, "zeros");
	emit_unsigned(json, stats->zero_count);
}

static void json_row(struct json_output *json, const struct row *row)
{
	char dtype[CLI_DTYPE_SIZE];

	emit_begin_object(json);
	emit_key(json, "name");
	emit_string(json, row->name);
	emit_key(json, "dtype");
	emit_text(json, cli_dtype_name(row->dtype, dtype));
	json_stats(json, &row->stats);
	emit_end_object(json);
}

static void json_names(struct json_output *json, const struct stats *stats, const char *key,
		       bool (*belongs)(const struct row *row))
{
	emit_key(json, key);
	emit_begin_array(json);
	for (size_t i = 0; i < stats->count; i++) {
		if (belongs(&stats->rows[i]))
			emit_string(json, stats->rows[i].name);
	}
	emit_end_array(json);
}

static void json_strings(struct json_output *json, const struct stats *stats)
{
	uint64_t tensors;
	uint64_t elements;

	count_strings(stats, &tensors, &elements);
	emit_key(json, "strings");
	emit_begin_object(json);
	emit_key(json, "tensors");
	emit_unsigned(json, tensors);
	emit_key(json, "elements");
	emit_unsigned(json, elements);
	emit_end_object(json);
}

static int print_json(const struct stats *stats)
{
	struct json_output json = {.file = stdout};

	emit_begin_object(&json);
	emit_key(&json, "tensors");
	emit_begin_array(&json);
	for (size_t i = 0; i < stats->count && !ferror(stdout); i++) {
		if (stats->rows[i].kind == ROW_NUMBERS)
			json_row(&json, &stats->rows[i]);
	}
	emit_end_array(&json);
	emit_key(&json, "model");
	emit_begin_object(&json);
	json_stats(&json, &stats->model);
	emit_end_object(&json);
	json_names(&json, stats, "all_zero", is_all_zero);
	json_names(&json, stats, "constant", is_constant);
	json_names(&json, stats, "not_finite", has_bad_numbers);
	json_strings(&json, stats);
	json_names(&json, stats, "without_numbers", is_without_numbers);
	json_names(&json, stats, "incomplete", is_incomplete);
	emit_end_object(&json);
	if (!emit_finish(&json) && json.failed)
		return cli_error(CLI_UNKNOWN, "out of memory");
	return CLI_DONE;
}

/* ----------------------------------------------------------------------------------- for people */

static int compare_rows(const void *a, const void *b)
{
	return text_compare_natural(((const struct row *)a)->name, ((const struct row *)b)->name);
}

struct columns {
	size_t name;
	int dtype;
	bool cut; /* names that are longer */
};

/* Names give way to the numbers, down to 16 columns, as in `ls`. */
static struct columns fit_columns(const struct stats *stats)
{
	const size_t terminal = text_terminal_width(stdout);
	struct columns columns = {.name = 4, .dtype = 4, .cut = terminal != 0};
	char dtype[CLI_DTYPE_SIZE];

	for (size_t i = 0; i < stats->count; i++) {
		const struct row *row = &stats->rows[i];
		if (row->kind != ROW_NUMBERS)
			continue;
		const size_t width = text_width(row->name);
		const int type = (int)strlen(cli_dtype_name(row->dtype, dtype));
		columns.name = width > columns.name ? width : columns.name;
		columns.dtype = type > columns.dtype ? type : columns.dtype;
	}
	const size_t others = (size_t)columns.dtype + (size_t)3 * (NUMBER_WIDTH + 1) +
			      (size_t)3 * 9 + 2;
	const size_t most = !terminal ? 120 : terminal > others + 16 ? terminal - others : 16;
	columns.name = columns.name < most ? columns.name : most;
	return columns;
}

static void print_number(bool there, double number)
{
	if (there)
		printf(" %*.6g", NUMBER_WIDTH, number);
	else
		printf(" %*s", NUMBER_WIDTH, "-");
}

static void print_row(const struct row *row, const struct columns *columns)
{
	const struct cairn_tensor_stats *stats = &row->stats;
	const bool there = has_finite(stats);
	char dtype[CLI_DTYPE_SIZE];
	const size_t printed = text_print(stdout, row->name, columns->cut ? columns->name : 0);

	text_pad(stdout, printed < columns->name ? columns->name - printed : 0);
	printf("  %-*s", columns->dtype, cli_dtype_name(row->dtype, dtype));
	print_number(there, stats->min);
	print_number(there, stats->max);
	print_number(there, stats->mean);
	if (has_bad_numbers(row))
		fputs(colour(stdout, COLOUR_BAD), stdout);
	printf(" %8" PRIu64 " %8" PRIu64, stats->nan_count, stats->infinite_count);
	if (has_bad_numbers(row))
		fputs(colour(stdout, COLOUR_NONE), stdout);
	printf(" %8" PRIu64 "\n", stats->zero_count);
}

static void print_table(const struct stats *stats)
{
	const struct columns columns = fit_columns(stats);

	printf("%s%-*s  %-*s %*s %*s %*s %8s %8s %8s%s\n", colour(stdout, COLOUR_HEADING),
	       (int)columns.name, "name", columns.dtype, "type", NUMBER_WIDTH, "min", NUMBER_WIDTH,
	       "max", NUMBER_WIDTH, "mean", "nan", "inf", "zeros", colour(stdout, COLOUR_NONE));
	for (size_t i = 0; i < stats->count && !ferror(stdout); i++) {
		if (stats->rows[i].kind == ROW_NUMBERS)
			print_row(&stats->rows[i], &columns);
	}
}

/* "all zero:  a, b, c and 4 more"; nothing where there is none. */
static void print_names(const struct stats *stats, const char *label, enum colour label_colour,
			bool (*belongs)(const struct row *row), bool with_value)
{
	size_t found = 0;

	for (size_t i = 0; i < stats->count; i++) {
		const struct row *row = &stats->rows[i];
		if (!belongs(row) || found++ >= LISTED_MAX)
			continue;
		if (found == 1)
			printf("%s%-12s%s", colour(stdout, label_colour), label,
			       colour(stdout, COLOUR_NONE));
		else
			fputs(", ", stdout);
		text_print(stdout, row->name, 0);
		if (with_value)
			printf(" = %.6g", row->stats.min);
	}
	if (found > LISTED_MAX)
		printf(" and %zu more; --json has all", found - LISTED_MAX);
	if (found)
		putchar('\n');
}

static void print_model(const struct stats *stats)
{
	const struct cairn_tensor_stats *model = &stats->model;
	char count[CLI_SIZE_SIZE];
	uint64_t tensors = 0;

	for (size_t i = 0; i < stats->count; i++)
		tensors += stats->rows[i].kind == ROW_NUMBERS;
	printf("%-12s%s tensor%s,", "all", cli_format_count(tensors, count), cli_plural(tensors));
	printf(" %s number%s", cli_format_count(model->count, count), cli_plural(model->count));
	if (has_finite(model))
		printf(", min %.6g, max %.6g, mean %.6g", model->min, model->max, model->mean);
	printf("; %s NaN,", cli_format_count(model->nan_count, count));
	printf(" %s infinite,", cli_format_count(model->infinite_count, count));
	printf(" %s zero%s\n", cli_format_count(model->zero_count, count),
	       cli_plural(model->zero_count));
}

static int print_text(const struct stats *stats)
{
	uint64_t tensors;
	uint64_t elements;
	char count[CLI_SIZE_SIZE];

	if (stats->count)
		qsort(stats->rows, stats->count, sizeof(*stats->rows), compare_rows);
	print_table(stats);
	print_model(stats);
	print_names(stats, "not finite", COLOUR_BAD, has_bad_numbers, false);
	print_names(stats, "all zero", COLOUR_WARNING, is_all_zero, false);
	print_names(stats, "constant", COLOUR_WARNING, is_constant, true);
	print_names(stats, "incomplete", COLOUR_WARNING, is_incomplete, false);
	print_names(stats, "no numbers", COLOUR_HEADING, is_without_numbers, false);
	count_strings(stats, &tensors, &elements);
	if (tensors) {
		printf("%-12s%s tensor%s,", "strings", cli_format_count(tensors, count),
		       cli_plural(tensors));
		printf(" %s element%s\n", cli_format_count(elements, count), cli_plural(elements));
	}
	return CLI_DONE;
}

/* -------------------------------------------------------------------------------------- command */

int cmd_stats(int argc, char **argv)
{
	struct stats stats = {.pattern = NULL};
	const struct cli_option options[] = {
		{"--json", CLI_FLAG, NULL, "an object with all tensors, in byte order of names",
		 &stats.json},
		{"--match", CLI_TEXT, "GLOB", "only names that match, e.g. 'h.*.weight'",
		 &stats.pattern},
	};
	const struct cli_usage usage = {
		"stats",
		"PATH",
		"Reads all values and says what they are like: least, greatest, mean, NaN, "
		"infinities, zeros.",
		"Extremes and mean are those of the finite numbers; real and imaginary parts count "
		"as two.\n"
		"Tensors of zeros, of one value, and with NaN or infinities are listed below the "
		"table.\n"
		"Every byte that has a digest is verified on the way.\n",
		1,
		1,
		options,
		sizeof(options) / sizeof(options[0]),
	};
	struct cli_arguments arguments;
	int result = cli_parse(&usage, argc, argv, &arguments);

	if (result != CLI_GO_ON)
		return result;
	result = cli_open(arguments.values[0], NULL, &stats.reader);
	if (result != CLI_GO_ON)
		return result;
	progress_defer_signals();
	result = gather(&stats);
	if (result == CLI_GO_ON)
		result = stats.json ? print_json(&stats) : print_text(&stats);
	cairn_reader_close(stats.reader);
	free(stats.rows);
	return result;
}
