/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn show: the values of a tensor, for people.
 *
 * As NumPy prints them: all of up to 1,000 elements, else the first and last three along each
 * dimension, and only those are read. JSON has all of them, flat.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/json_output.h"
#include "tools/json_value.h"
#include "tools/selection.h"
#include "tools/show.h"
#include "tools/text.h"

/* All of what was asked for; without a slice also of types that have none. */
static enum cairn_status view_region(struct show *show, struct cairn_error *error)
{
	if (!show->slice)
		return cairn_tensor_view(&show->tensor, &show->view, error);
	return cairn_tensor_view_slice(&show->tensor, show->region.starts, show->region.lengths,
				       &show->view, error);
}

/* -------------------------------------------------------------------------------------- strings */

/* 'text', with \' and \\ and everything else that a terminal could mistake as an escape. */
static void quote(FILE *file, struct cairn_string text)
{
	size_t from = 0;

	putc('\'', file);
	for (size_t at = 0; at <= text.size; at++) {
		const bool end = at == text.size;
		if (!end && text.data[at] != '\'' && text.data[at] != '\\')
			continue;
		text_print(file, (struct cairn_string){text.data + from, at - from}, 0);
		if (!end)
			fprintf(file, "\\%c", text.data[at]);
		from = at + 1;
	}
	putc('\'', file);
}

/* Where a string that is shown lies among those of the view. */
static uint64_t string_index(const struct show *show, uint64_t number)
{
	uint64_t index[CAIRN_RANK_MAX];
	uint64_t flat = 0;
	uint64_t gap;

	for (uint32_t d = show->shape.rank; d-- > 0;) {
		const uint64_t shown = array_shown(&show->shape, d, &gap);
		index[d] = array_index(&show->shape, d, number % shown);
		number /= shown;
	}
	for (uint32_t d = 0; d < show->shape.rank; d++)
		flat = flat * show->region.lengths[d] + index[d];
	return flat;
}

/* An array_element. What cannot be had was refused before. */
static size_t string_word(void *context, uint64_t number, struct cairn_string *text)
{
	struct show *show = context;
	struct cairn_string string = {"", 0};
	const enum cairn_status status = cairn_view_string(
		&show->tensor, &show->view, string_index(show, number), &string, NULL);

	rewind(show->quoted);
	if (status == CAIRN_OK)
		quote(show->quoted, string);
	fflush(show->quoted);
	*text = (struct cairn_string){show->quoted_text, (size_t)ftello(show->quoted)};
	return text_width(*text);
}

/* Every string that is shown can be had. */
static int check_strings(struct show *show)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_string string;

	if (!array_shown_count(&show->shape, SHOW_MAX, &show->shown))
		return cli_error(CLI_NO, "'%s': too many dimensions to show; --slice takes a part",
				 show->path);
	for (uint64_t i = 0; i < show->shown; i++) {
		const enum cairn_status status = cairn_view_string(
			&show->tensor, &show->view, string_index(show, i), &string, &error);
		if (status != CAIRN_OK)
			return cli_fail(status, &error);
	}
	return CLI_GO_ON;
}

static int show_strings(struct show *show)
{
	struct cairn_error error = {.code = CAIRN_OK};
	const enum cairn_status status = view_region(show, &error);

	if (status != CAIRN_OK)
		return cli_fail(status, &error);
	array_shape_set(&show->shape, show->region.rank, show->region.lengths);
	const int result = check_strings(show);
	if (result != CLI_GO_ON)
		return result;
	show->quoted = open_memstream(&show->quoted_text, &show->quoted_size);
	if (!show->quoted)
		return cli_error(CLI_UNKNOWN, "out of memory");
	array_print(stdout, &show->shape, string_word, show);
	return CLI_DONE;
}

/* ----------------------------------------------------------------------------------------- JSON */

static int json_strings(struct show *show, struct json_output *json)
{
	int result = CLI_GO_ON;

	array_shape_set(&show->shape, show->region.rank, show->region.lengths);
	show->shape.summarised = false;
	for (uint64_t i = 0; i < show->shown && result == CLI_GO_ON; i++)
		result = json_string(json, &show->tensor, &show->view, string_index(show, i));
	return result;
}

static void json_fixed(const struct show *show, struct json_output *json)
{
	const unsigned char *data = show->view.data;
	const size_t size = show->tensor.block_bytes;

	for (uint64_t at = 0; size && at + size <= show->view.size && !ferror(json->file);
	     at += size) {
		if (show->tensor.block_elements == 1)
			json_element(json, show->tensor.dtype, data + at, size);
		else
			emit_hex(json, data + at, size);
	}
}

static int write_json(struct show *show, struct json_output *json)
{
	char dtype[CLI_DTYPE_SIZE];
	int result = CLI_GO_ON;

	emit_begin_object(json);
	emit_key(json, "name");
	emit_string(json, show->tensor.name);
	emit_key(json, "dtype");
	emit_text(json, cli_dtype_name(show->tensor.dtype, dtype));
	emit_key(json, "shape");
	emit_begin_array(json);
	for (uint32_t d = 0; d < show->region.rank; d++)
		emit_unsigned(json, show->region.lengths[d]);
	emit_end_array(json);
	emit_key(json, "values");
	emit_begin_array(json);
	if (cli_has_strings(&show->tensor))
		result = json_strings(show, json);
	else
		json_fixed(show, json);
	emit_end_array(json);
	emit_end_object(json);
	return result;
}

/* All values are there, checked, before the first is written. */
static int show_json(struct show *show)
{
	struct json_output json = {.file = stdout};
	struct cairn_error error = {.code = CAIRN_OK};
	const enum cairn_status status = view_region(show, &error);

	if (status != CAIRN_OK)
		return cli_fail(status, &error);
	show->shown = 1;
	for (uint32_t d = 0; d < show->region.rank; d++)
		show->shown *= show->region.lengths[d];
	const int result = write_json(show, &json);
	if (!emit_finish(&json) && json.failed)
		return cli_error(CLI_UNKNOWN, "out of memory");
	return result == CLI_GO_ON ? CLI_DONE : result;
}

/* -------------------------------------------------------------------------------------- command */

static int choose(struct show *show, const struct cli_arguments *arguments)
{
	int result;

	if (show->nth == UINT64_MAX)
		result = selection_find(show->path, show->reader, arguments->values[1],
					&show->tensor);
	else
		result = selection_find_nth(show->path, show->reader, show->nth, &show->tensor);
	if (result != CLI_GO_ON)
		return result;
	if (show->slice)
		return selection_resolve(show->path, show->slice, &show->tensor, &show->region);
	region_whole(&show->tensor, &show->region);
	return CLI_GO_ON;
}

static int show_tensor(struct show *show, const struct cli_arguments *arguments)
{
	int result = choose(show, arguments);

	if (result == CLI_GO_ON && show->json)
		result = show_json(show);
	else if (result == CLI_GO_ON && cli_has_strings(&show->tensor))
		result = show_strings(show);
	else if (result == CLI_GO_ON)
		result = show_fixed(show);
	cairn_view_release(&show->view);
	if (show->quoted)
		fclose(show->quoted);
	free(show->quoted_text);
	free(show->data);
	return result;
}

static int check_words(const struct show *show, const struct cli_arguments *arguments)
{
	if (arguments->count < 2 && show->nth == UINT64_MAX)
		return cli_usage_error("show", "show: which tensor? expected PATH NAME");
	if (arguments->count > 1 && show->nth != UINT64_MAX)
		return cli_usage_error("show", "show: a name and --nth: which of them?");
	return show->slice ? selection_check_slice("show", show->slice) : CLI_GO_ON;
}

int cmd_show(int argc, char **argv)
{
	struct show show = {.nth = UINT64_MAX};
	const struct cli_option options[] = {
		{"--json", CLI_FLAG, NULL, "an object with all values, in row-major order",
		 &show.json},
		{"--slice", CLI_TEXT, "SPEC",
		 "a part: 'START,LENGTH' or '-' a dimension, e.g. '0,4:-'", &show.slice},
		{"--nth", CLI_COUNT, "N", "the N-th tensor of 'ls --json', from 0", &show.nth},
	};
	const struct cli_usage usage = {
		"show",
		"PATH NAME",
		"Shows the values of a tensor, as NumPy prints them.",
		"Of more than 1,000 elements the first and last three along each dimension are "
		"shown, and\n"
		"read. Small floats (bf16, f8) are shown as the single precision they convert to. "
		"Types\n"
		"that are no numbers, or share bytes, are shown as blocks in hex.\n"
		"The JSON object has: name, dtype, shape, values (flat; complex numbers as [real, "
		"imaginary]).\n",
		1,
		2,
		options,
		sizeof(options) / sizeof(options[0]),
	};
	struct cli_arguments arguments;
	int result = cli_parse(&usage, argc, argv, &arguments);

	if (result == CLI_GO_ON)
		result = check_words(&show, &arguments);
	if (result != CLI_GO_ON)
		return result;
	show.path = arguments.values[0];
	result = cli_open(show.path, NULL, &show.reader);
	if (result == CLI_UNKNOWN && arguments.count > 1)
		selection_note_order(show.path, arguments.values[1]);
	if (result != CLI_GO_ON)
		return result;
	result = show_tensor(&show, &arguments);
	cairn_reader_close(show.reader);
	return result;
}
