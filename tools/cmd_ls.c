/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn ls: the tensors of a checkpoint.
 *
 * JSON is in byte order of names and is streamed. All records are visited once before the first
 * byte is written, so that a damaged index gives an error and no half of a document; but for JSON
 * lines, each of which is a document. For people the order is natural and the columns fit the
 * terminal.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/colour.h"
#include "tools/commands.h"
#include "tools/json_output.h"
#include "tools/text.h"

struct ls {
	bool json;
	bool json_lines;
	bool details;
	const char *pattern; /* or NULL: all */
	const char *path;
	bool several; /* paths */
	struct cli_documents documents;
	size_t printed; /* paths */
	struct cairn_reader *reader;
};

/* --------------------------------------------------------------------------------------- visits */

/* What is done with each tensor that was asked for. */
typedef int (*ls_visit)(struct ls *ls, const struct cairn_tensor *tensor, void *context);

static int for_each_tensor(struct ls *ls, ls_visit visit, void *context)
{
	const uint64_t count = cairn_reader_tensor_count(ls->reader);
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_tensor tensor;

	for (uint64_t i = 0; i < count && !ferror(stdout); i++) {
		const enum cairn_status status = cairn_reader_tensor_at(ls->reader, i, &tensor,
									&error);
		if (status != CAIRN_OK)
			return cli_fail(status, &error);
		if (ls->pattern && !text_matches(ls->pattern, tensor.name))
			continue;
		const int result = visit(ls, &tensor, context);
		if (result != CLI_GO_ON)
			return result;
	}
	return CLI_GO_ON;
}

static int stored_slice(const struct cairn_tensor *tensor, uint32_t index,
			struct cairn_stored_slice *slice)
{
	struct cairn_error error = {.code = CAIRN_OK};
	const enum cairn_status status = cairn_tensor_stored_slice(tensor, index, slice, &error);

	return status == CAIRN_OK ? CLI_GO_ON : cli_fail(status, &error);
}

static int shard_name(const struct ls *ls, uint32_t index, struct cairn_string *name)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_shard shard;
	const enum cairn_status status = cairn_reader_shard(ls->reader, index, &shard, &error);

	if (status != CAIRN_OK)
		return cli_fail(status, &error);
	*name = shard.name;
	return CLI_GO_ON;
}

/* Everything that printing needs can be had. */
static int check_tensor(struct ls *ls, const struct cairn_tensor *tensor, void *context)
{
	struct cairn_stored_slice slice;
	struct cairn_string name;
	int result = CLI_GO_ON;

	(void)context;
	for (uint32_t i = 0; i < tensor->slice_count && result == CLI_GO_ON; i++) {
		result = stored_slice(tensor, i, &slice);
		if (result == CLI_GO_ON)
			result = shard_name(ls, slice.shard, &name);
	}
	return result;
}

/* ----------------------------------------------------------------------------------------- JSON */

static void json_offset(struct json_output *json, uint64_t offset)
{
	if (offset == CAIRN_NO_OFFSET)
		emit_null(json);
	else
		emit_unsigned(json, offset);
}

static void json_digest(struct json_output *json, bool there, const struct cairn_digest *digest,
			uint32_t crc_kind, uint32_t crc)
{
	if (there)
		emit_digest(json, digest);
	else
		emit_crc(json, crc_kind, crc);
}

/* "4 3 5 0,4:-:3,2": the shape, then what part of it, as TensorFlow writes it. Returns malloc'ed
 * text or NULL. */
static char *slice_spec(const struct cairn_tensor *tensor, const uint64_t *extents)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return NULL;
	for (uint32_t d = 0; d < tensor->rank; d++)
		fprintf(file, "%" PRIu64 " ", tensor->dims[d]);
	for (uint32_t d = 0; d < tensor->rank; d++) {
		const uint64_t *extent = extents ? extents + (size_t)d * 2 : NULL;
		const char *colon = d ? ":" : "";
		if (!extent || extent[1] == CAIRN_FULL)
			fprintf(file, "%s-", colon);
		else
			fprintf(file, "%s%" PRIu64 ",%" PRIu64, colon, extent[0], extent[1]);
	}
	fclose(file);
	return text;
}

static int print_json_slice(struct ls *ls, struct json_output *json,
			    const struct cairn_tensor *tensor, uint32_t index)
{
	struct cairn_stored_slice slice;
	struct cairn_string file = {NULL, 0};
	int result = stored_slice(tensor, index, &slice);

	if (result == CLI_GO_ON)
		result = shard_name(ls, slice.shard, &file);
	if (result != CLI_GO_ON)
		return result;
	char *spec = slice_spec(tensor, slice.extents);
	if (!spec)
		return cli_error(CLI_UNKNOWN, "out of memory");
	emit_begin_object(json);
	emit_key(json, "spec");
	emit_text(json, spec);
	emit_key(json, "file");
	emit_string(json, file);
	emit_key(json, "offset");
	json_offset(json, slice.offset);
	emit_key(json, "nbytes");
	emit_unsigned(json, slice.size);
	emit_key(json, "digest");
	json_digest(json, slice.has_digest, &slice.digest, slice.crc_kind, slice.crc);
	emit_end_object(json);
	free(spec);
	return CLI_GO_ON;
}

static int print_json_slices(struct ls *ls, struct json_output *json,
			     const struct cairn_tensor *tensor)
{
	int result = CLI_GO_ON;

	emit_key(json, "slices");
	emit_begin_array(json);
	if (tensor->flags & CAIRN_TENSOR_SLICED) {
		for (uint32_t i = 0; i < tensor->slice_count && result == CLI_GO_ON; i++)
			result = print_json_slice(ls, json, tensor, i);
	}
	emit_end_array(json);
	return result;
}

/* Where a tensor lies: the file of its first piece, and the offset of its only one. */
struct place {
	struct cairn_string file; /* size 0: nothing is stored */
	uint64_t offset;
};

static int find_place(const struct ls *ls, const struct cairn_tensor *tensor, struct place *place)
{
	struct cairn_stored_slice slice;

	*place = (struct place){.offset = CAIRN_NO_OFFSET};
	if (tensor->slice_count == 0)
		return CLI_GO_ON;
	const int result = stored_slice(tensor, 0, &slice);
	if (result != CLI_GO_ON)
		return result;
	if (!(tensor->flags & CAIRN_TENSOR_SLICED))
		place->offset = slice.offset;
	return shard_name(ls, slice.shard, &place->file);
}

static void print_json_shape(struct json_output *json, const struct cairn_tensor *tensor)
{
	char dtype[CLI_DTYPE_SIZE];

	emit_key(json, "name");
	emit_string(json, tensor->name);
	emit_key(json, "dtype");
	emit_text(json, cli_dtype_name(tensor->dtype, dtype));
	emit_key(json, "shape");
	emit_begin_array(json);
	for (uint32_t d = 0; d < tensor->rank; d++)
		emit_unsigned(json, tensor->dims[d]);
	emit_end_array(json);
	emit_key(json, "nbytes");
	emit_unsigned(json, cli_tensor_bytes(tensor));
}

static int print_json_tensor(struct ls *ls, const struct cairn_tensor *tensor, void *context)
{
	struct json_output *json = context;
	struct place place;
	int result = find_place(ls, tensor, &place);

	if (result != CLI_GO_ON)
		return result;
	emit_begin_object(json);
	if (ls->json_lines && ls->several) {
		emit_key(json, "path");
		emit_text(json, ls->path);
	}
	print_json_shape(json, tensor);
	emit_key(json, "file");
	if (place.file.size)
		emit_string(json, place.file);
	else
		emit_null(json);
	emit_key(json, "offset");
	json_offset(json, place.offset);
	emit_key(json, "digest");
	json_digest(json, tensor->flags & CAIRN_TENSOR_DIGEST, &tensor->digest, tensor->crc_kind,
		    tensor->crc);
	result = print_json_slices(ls, json, tensor);
	emit_key(json, "incomplete");
	emit_bool(json, tensor->flags & CAIRN_TENSOR_INCOMPLETE);
	emit_end_object(json);
	return result;
}

static int print_json(struct ls *ls)
{
	struct json_output json = {.file = stdout};

	cli_document_begin(&ls->documents);
	if (ls->several) {
		emit_begin_object(&json);
		emit_key(&json, "path");
		emit_text(&json, ls->path);
		emit_key(&json, "tensors");
	}
	emit_begin_array(&json);
	const int result = for_each_tensor(ls, print_json_tensor, &json);
	emit_end_array(&json);
	if (ls->several)
		emit_end_object(&json);
	if (!emit_finish(&json) && json.failed)
		return cli_error(CLI_UNKNOWN, "out of memory");
	return result == CLI_GO_ON ? CLI_DONE : result;
}

static int print_json_line(struct ls *ls, const struct cairn_tensor *tensor, void *context)
{
	struct json_output json = {.file = stdout, .on_one_line = true};
	const int result = print_json_tensor(ls, tensor, &json);

	(void)context;
	if (result == CLI_GO_ON && !emit_finish(&json) && json.failed)
		return cli_error(CLI_UNKNOWN, "out of memory");
	return result;
}

static int print_json_lines(struct ls *ls)
{
	const int result = for_each_tensor(ls, print_json_line, NULL);

	return result == CLI_GO_ON ? CLI_DONE : result;
}

/* -------------------------------------------------------------------------------------- columns */

/* What a listing in natural order has to remember of each tensor: it is found again by its name. */
struct rows {
	struct cairn_string *names; /* owned; the bytes are the reader's */
	size_t count;
	size_t capacity;
	size_t name_width;
	size_t dtype_width;
	size_t shape_width;
	uint64_t bytes;
};

/* "[50257, 768]" into malloc'ed text, or NULL: 254 dimensions are legal. */
static char *shape_text(const struct cairn_tensor *tensor)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return NULL;
	putc('[', file);
	for (uint32_t d = 0; d < tensor->rank; d++)
		fprintf(file, "%s%" PRIu64, d ? ", " : "", tensor->dims[d]);
	putc(']', file);
	fclose(file);
	return text;
}

static void widen(size_t *width, size_t needed)
{
	if (*width < needed)
		*width = needed;
}

static bool make_room(struct rows *rows)
{
	if (rows->count < rows->capacity)
		return true;
	const size_t capacity = rows->capacity ? rows->capacity * 2 : 256;
	struct cairn_string *names = reallocarray(rows->names, capacity, sizeof(*names));
	if (!names)
		return false;
	rows->names = names;
	rows->capacity = capacity;
	return true;
}

static int collect_row(struct ls *ls, const struct cairn_tensor *tensor, void *context)
{
	struct rows *rows = context;
	char dtype[CLI_DTYPE_SIZE];
	char *shape = shape_text(tensor);

	(void)ls;
	if (!shape || !make_room(rows)) {
		free(shape);
		return cli_error(CLI_UNKNOWN, "out of memory");
	}
	rows->names[rows->count++] = tensor->name;
	widen(&rows->name_width, text_width(tensor->name));
	widen(&rows->dtype_width, strlen(cli_dtype_name(tensor->dtype, dtype)));
	widen(&rows->shape_width, strlen(shape));
	rows->bytes = cli_add(rows->bytes, cli_tensor_bytes(tensor));
	free(shape);
	return CLI_GO_ON;
}

static int compare_rows(const void *a, const void *b)
{
	return text_compare_natural(*(const struct cairn_string *)a,
				    *(const struct cairn_string *)b);
}

/*
 * On a terminal the other columns keep their width and the names give way, down to 16 columns.
 * Elsewhere nothing is cut, but one enormous name must not pad the lines of all others.
 */
static void fit_terminal(struct rows *rows, size_t terminal)
{
	if (!terminal) {
		rows->name_width = rows->name_width < 120 ? rows->name_width : 120;
		rows->shape_width = rows->shape_width < 60 ? rows->shape_width : 60;
		return;
	}
	if (rows->shape_width > 40)
		rows->shape_width = 40;
	const size_t others = rows->dtype_width + rows->shape_width + 16;
	const size_t left = terminal > others + 16 ? terminal - others : 16;
	if (rows->name_width > left)
		rows->name_width = left;
}

static void print_column(struct cairn_string text, size_t width, bool cut)
{
	const size_t printed = text_print(stdout, text, cut ? width : 0);

	text_pad(stdout, printed < width ? width - printed : 0);
}

static void print_digest(const struct cairn_tensor *tensor)
{
	if (tensor->crc_kind != CAIRN_CRC_NONE) {
		printf("  crc32c:%08" PRIx32, tensor->crc);
		return;
	}
	if (!(tensor->flags & CAIRN_TENSOR_DIGEST)) {
		fputs("  -", stdout);
		return;
	}
	fputs("  xxh3-128:", stdout);
	for (size_t i = 0; i < sizeof(tensor->digest.bytes); i++)
		printf("%02x", tensor->digest.bytes[i]);
}

/* The second line of --long: where it is stored, and its digest. */
static int print_details(struct ls *ls, const struct cairn_tensor *tensor)
{
	struct place place;
	const int result = find_place(ls, tensor, &place);

	if (result != CLI_GO_ON)
		return result;
	fputs("    ", stdout);
	text_print(stdout, place.file, 0);
	if (place.offset != CAIRN_NO_OFFSET)
		printf(" at %" PRIu64, place.offset);
	if (tensor->flags & CAIRN_TENSOR_SLICED)
		printf(" in %" PRIu32 " slice%s", tensor->slice_count,
		       cli_plural(tensor->slice_count));
	print_digest(tensor);
	putchar('\n');
	return CLI_GO_ON;
}

static int print_row(struct ls *ls, const struct rows *rows, const struct cairn_tensor *tensor,
		     bool cut)
{
	char dtype[CLI_DTYPE_SIZE];
	char size[CLI_SIZE_SIZE];
	char *shape = shape_text(tensor);

	if (!shape)
		return cli_error(CLI_UNKNOWN, "out of memory");
	print_column(tensor->name, rows->name_width, cut);
	printf("  %-*s  ", (int)rows->dtype_width, cli_dtype_name(tensor->dtype, dtype));
	print_column(cairn_string_from(shape), rows->shape_width, cut);
	printf("  %10s", cli_format_size((double)cli_tensor_bytes(tensor), size));
	if (tensor->flags & CAIRN_TENSOR_INCOMPLETE)
		printf("  %sincomplete%s", colour(stdout, COLOUR_WARNING),
		       colour(stdout, COLOUR_NONE));
	putchar('\n');
	free(shape);
	return ls->details ? print_details(ls, tensor) : CLI_GO_ON;
}

static int print_rows(struct ls *ls, const struct rows *rows, bool cut)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_tensor tensor;
	char size[CLI_SIZE_SIZE];
	char count[CLI_SIZE_SIZE];

	for (size_t i = 0; i < rows->count && !ferror(stdout); i++) {
		const enum cairn_status status = cairn_reader_find_string(
			ls->reader, rows->names[i], &tensor, &error);
		if (status != CAIRN_OK)
			return cli_fail(status, &error);
		const int result = print_row(ls, rows, &tensor, cut);
		if (result != CLI_GO_ON)
			return result;
	}
	printf("%s tensor%s, %s\n", cli_format_count(rows->count, count), cli_plural(rows->count),
	       cli_format_size((double)rows->bytes, size));
	return CLI_DONE;
}

/* Which of several paths it is. */
static void print_heading(struct ls *ls)
{
	if (ls->printed++)
		putchar('\n');
	fputs(colour(stdout, COLOUR_HEADING), stdout);
	text_print(stdout, cairn_string_from(ls->path), 0);
	printf("%s:\n", colour(stdout, COLOUR_NONE));
}

static int print_table(struct ls *ls)
{
	const size_t terminal = text_terminal_width(stdout);
	struct rows rows = {.names = NULL};
	int result = for_each_tensor(ls, collect_row, &rows);

	if (result == CLI_GO_ON && ls->several)
		print_heading(ls);
	if (result == CLI_GO_ON) {
		if (rows.count)
			qsort(rows.names, rows.count, sizeof(*rows.names), compare_rows);
		fit_terminal(&rows, terminal);
		result = print_rows(ls, &rows, terminal != 0);
	}
	free(rows.names);
	return result;
}

/* -------------------------------------------------------------------------------------- command */

static int list(struct ls *ls)
{
	if (ls->json_lines)
		return print_json_lines(ls);
	const int result = for_each_tensor(ls, check_tensor, NULL);
	if (result != CLI_GO_ON)
		return result;
	return ls->json ? print_json(ls) : print_table(ls);
}

/* A cli_path_run. */
static int run(void *context, const char *path)
{
	struct ls *ls = context;
	int result = cli_open(path, NULL, &ls->reader);

	if (result != CLI_GO_ON)
		return result;
	ls->path = path;
	result = list(ls);
	cairn_reader_close(ls->reader);
	return result;
}

int cmd_ls(int argc, char **argv)
{
	struct ls ls = {.json = false};
	const struct cli_option options[] = {
		{"--json", CLI_FLAG, NULL, "an array of objects, in byte order of names", &ls.json},
		{"--json-lines", CLI_FLAG, NULL, "one object a line, for very many tensors",
		 &ls.json_lines},
		{"--long", CLI_FLAG, NULL, "also file, offset, slices and digest of each",
		 &ls.details},
		{"--match", CLI_TEXT, "GLOB", "only names that match, e.g. 'h.*.weight'",
		 &ls.pattern},
	};
	const struct cli_usage usage = {
		"ls",
		"PATH...",
		"Lists the tensors of a checkpoint: name, type, shape, size.",
		"People get natural order (layer 2 before layer 10), --json the byte order of "
		"names.\n"
		"Each JSON object has: name, dtype, shape, nbytes, file, offset, digest, slices, "
		"incomplete.\n"
		"Of several paths: objects with path and tensors, or a path in each line; the exit "
		"status is "
		"the worst.\n",
		1,
		SIZE_MAX,
		options,
		sizeof(options) / sizeof(options[0]),
	};
	struct cli_arguments arguments;
	int result = cli_parse(&usage, argc, argv, &arguments);

	if (result != CLI_GO_ON)
		return result;
	ls.several = arguments.count > 1;
	ls.documents.several = ls.several;
	result = cli_each_path(&arguments, run, &ls);
	cli_documents_end(&ls.documents);
	return result;
}
