/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn list: all checkpoints of a folder that a training job writes to: those that its state file
 * lists, there or not, and others that lie there.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/json_output.h"
#include "tools/text.h"

#define TIME_SIZE sizeof("YYYY-MM-DD hh:mm:ss")

/* A checkpoint; strings are owned but for the format. */
struct row {
	char *path;
	const char *format; /* static; NULL: not there */
	bool is_listed;
	bool is_latest;
	bool has_timestamp;
	double timestamp;
	double modified;
	uint64_t bytes;
};

struct list {
	const char *folder;
	const char *latest_filename; /* NULL: the default */
	bool json;
	struct row *rows; /* owned */
	size_t count;
	bool no_memory;
};

static int add_row(void *context, const struct cairn_state_entry *entry)
{
	struct list *list = context;
	struct row *rows = reallocarray(list->rows, list->count + 1, sizeof(*rows));
	char *path = strdup(entry->path);

	if (rows)
		list->rows = rows;
	if (!rows || !path) {
		free(path);
		list->no_memory = true;
		return 1;
	}
	rows[list->count++] = (struct row){
		.path = path,
		.format = entry->format,
		.is_listed = entry->is_listed != 0,
		.is_latest = entry->is_latest != 0,
		.has_timestamp = entry->has_timestamp != 0,
		.timestamp = entry->timestamp,
		.modified = entry->modified,
		.bytes = entry->bytes,
	};
	return 0;
}

/* ----------------------------------------------------------------------------------------- json */

static void json_time(struct json_output *json, const char *key, bool is_known, double seconds)
{
	emit_key(json, key);
	if (is_known)
		emit_double(json, seconds);
	else
		emit_null(json);
}

static void json_row(struct json_output *json, const struct row *row)
{
	emit_begin_object(json);
	emit_key(json, "path");
	emit_text(json, row->path);
	emit_key(json, "exists");
	emit_bool(json, row->format != NULL);
	emit_key(json, "format");
	emit_text(json, row->format);
	emit_key(json, "bytes");
	emit_unsigned(json, row->bytes);
	emit_key(json, "latest");
	emit_bool(json, row->is_latest);
	emit_key(json, "listed");
	emit_bool(json, row->is_listed);
	json_time(json, "timestamp", row->has_timestamp, row->timestamp);
	json_time(json, "modified", row->format != NULL, row->modified);
	emit_end_object(json);
}

static void print_json(const struct list *list)
{
	struct json_output json = {.file = stdout};

	emit_begin_object(&json);
	emit_key(&json, "path");
	emit_text(&json, list->folder);
	emit_key(&json, "checkpoints");
	emit_begin_array(&json);
	for (size_t i = 0; i < list->count; i++)
		json_row(&json, &list->rows[i]);
	emit_end_array(&json);
	emit_end_object(&json);
	emit_finish(&json);
}

/* ----------------------------------------------------------------------------------------- text */

/* Local time, or "-" where there is none that a calendar knows. */
static const char *format_time(const struct row *row, char buffer[TIME_SIZE])
{
	const double seconds = row->has_timestamp ? row->timestamp : row->modified;
	const bool is_known = row->has_timestamp || row->format;
	struct tm parts;

	/* up to the year 9999 */
	if (is_known && seconds >= 0 && seconds < 253e9) {
		const time_t whole = (time_t)seconds;
		if (localtime_r(&whole, &parts) &&
		    strftime(buffer, TIME_SIZE, "%Y-%m-%d %H:%M:%S", &parts))
			return buffer;
	}
	snprintf(buffer, TIME_SIZE, "-");
	return buffer;
}

static void print_row(const struct row *row, size_t width)
{
	char time[TIME_SIZE];
	char size[CLI_SIZE_SIZE];

	printf("%c ", row->is_latest ? '*' : ' ');
	const size_t printed = text_print(stdout, cairn_string_from(row->path), 0);
	text_pad(stdout, printed < width ? width - printed : 0);
	printf("  %-19s  %10s  %s%s%s\n", format_time(row, time),
	       row->format ? cli_format_size((double)row->bytes, size) : "-",
	       row->format ? row->format : "missing", row->is_latest ? ", latest" : "",
	       row->is_listed ? "" : ", not listed");
}

static void print_text(const struct list *list)
{
	size_t width = 0;

	for (size_t i = 0; i < list->count; i++) {
		const size_t columns = text_width(cairn_string_from(list->rows[i].path));
		if (columns > width)
			width = columns;
	}
	for (size_t i = 0; i < list->count; i++)
		print_row(&list->rows[i], width);
	if (list->count == 0)
		puts("no checkpoints");
}

/* -------------------------------------------------------------------------------------- command */

static int run(struct list *list)
{
	struct cairn_error error = {.code = CAIRN_OK};
	const enum cairn_status status = cairn_state_list(list->folder, list->latest_filename,
							  add_row, list, &error);

	if (list->no_memory)
		return cli_error(CLI_UNKNOWN, "out of memory");
	if (status != CAIRN_OK)
		return cli_fail_state(list->folder, status, &error);
	if (list->json)
		print_json(list);
	else
		print_text(list);
	return CLI_DONE;
}

int cmd_list(int argc, char **argv)
{
	struct list list = {.folder = NULL};
	const struct cli_option options[] = {
		{"--json", CLI_FLAG, NULL, "an object with all checkpoints", &list.json},
		{"--latest-filename", CLI_TEXT, "NAME",
		 "of the state file, instead of 'checkpoint'", &list.latest_filename},
	};
	const struct cli_usage usage = {
		"list",
		"DIR",
		"Lists the checkpoints of a folder, oldest first, the latest with a star.",
		"First those that the state file lists, whether they are there or not, then "
		"others that lie\n"
		"there (TensorFlow V2 and Cairn). The time is that of the state file, or else "
		"when the checkpoint\n"
		"was last modified. Each JSON object has: path, exists, format, bytes, latest, "
		"listed,\n"
		"timestamp, modified.\n",
		1,
		1,
		options,
		sizeof(options) / sizeof(options[0]),
	};
	struct cli_arguments arguments;
	int result = cli_parse(&usage, argc, argv, &arguments);

	if (result == CLI_GO_ON)
		result = cli_check_state_arguments(usage.command, arguments.values[0],
						   list.latest_filename);
	if (result == CLI_GO_ON) {
		list.folder = arguments.values[0];
		result = run(&list);
	}
	for (size_t i = 0; i < list.count; i++)
		free(list.rows[i].path);
	free(list.rows);
	return result;
}
