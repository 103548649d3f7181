/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn diff: what is different between two checkpoints?
 *
 * The library compares; this file collects, and prints after all is known: an error on the way must
 * leave no half of an answer. JSON is in byte order of names; people get natural order, and a list
 * that ends.
 */
#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/diff_output.h"
#include "tools/progress.h"
#include "tools/text.h"

struct diff {
	struct cairn_reader *readers[2];
	const char *pattern; /* or NULL: everything */
	bool json;
	bool statistics;
	bool ignore_metadata;
	int result; /* of the callback: CLI_GO_ON, or the exit status */
	struct cairn_diff_report report;
	struct diff_list lists[2][DIFF_LISTS];
	struct diff_lines lines[2];
	struct progress progress;
};

static int on_difference(void *context, const struct cairn_difference *difference)
{
	struct diff *diff = context;

	if (diff->json)
		diff_lists_add(diff->lists, difference);
	else
		diff->result = diff_lines_add(diff->lines, difference);
	return progress_interrupted() || diff->result != CLI_GO_ON;
}

static int is_wanted(void *context, struct cairn_string name, int is_metadata)
{
	const struct diff *diff = context;

	(void)is_metadata;
	return text_matches(diff->pattern, name);
}

static int compare(struct diff *diff)
{
	struct cairn_error error = {.code = CAIRN_OK};
	const struct cairn_diff_options options = {
		.size = sizeof(options),
		.flags = (diff->statistics ? (uint32_t)CAIRN_DIFF_STATISTICS : 0) |
			 (diff->ignore_metadata ? (uint32_t)CAIRN_DIFF_WITHOUT_METADATA : 0),
		.on_difference = on_difference,
		.difference_context = diff,
		.select = diff->pattern ? is_wanted : NULL,
		.select_context = diff,
		.progress = progress_update,
		.progress_context = &diff->progress,
	};

	progress_begin(&diff->progress, "comparing");
	const enum cairn_status status = cairn_diff(diff->readers[0], diff->readers[1], &options,
						    &diff->report, &error);
	progress_end(&diff->progress);
	if (diff->result != CLI_GO_ON)
		return diff->result;
	return status == CAIRN_OK ? CLI_GO_ON : cli_fail(status, &error);
}

static int compare_and_print(struct diff *diff)
{
	const bool opened = diff_lists_open(diff->lists);
	int result = opened ? compare(diff) : CLI_GO_ON;

	if (!diff_lists_close(diff->lists) && result == CLI_GO_ON)
		result = cli_error(CLI_UNKNOWN, "out of memory");
	if (result != CLI_GO_ON)
		return result;
	if (diff->json)
		diff_json_print(diff->lists, &diff->report);
	else
		diff_text_print(diff->lines, &diff->report, !diff->ignore_metadata);
	return diff->report.equal ? CLI_DONE : CLI_NO;
}

static void release(struct diff *diff)
{
	diff_lists_free(diff->lists);
	diff_lines_free(diff->lines);
	cairn_reader_close(diff->readers[0]);
	cairn_reader_close(diff->readers[1]);
}

int cmd_diff(int argc, char **argv)
{
	struct diff diff = {.result = CLI_GO_ON};
	const struct cli_option options[] = {
		{"--ignore-metadata", CLI_FLAG, NULL, "compare tensors only",
		 &diff.ignore_metadata},
		{"--json", CLI_FLAG, NULL, "one object, names in byte order", &diff.json},
		{"--match", CLI_TEXT, "GLOB", "only names that match, of tensors and of metadata",
		 &diff.pattern},
		{"--stat", CLI_FLAG, NULL, "read what differs, and say by how much",
		 &diff.statistics},
	};
	const struct cli_usage usage = {
		"diff",
		"A B",
		"Says what is different in B, compared with A: tensors and metadata added (+), "
		"removed (-),\n"
		"changed (~). The formats may be different.",
		"Tensors with comparable digests are not read. Others are, and what has digests is "
		"verified\n"
		"on the way: damage is an error, no difference. How a checkpoint is stored (files, "
		"slices,\n"
		"order) makes no difference, only what it holds.\n"
		"--json: {equal, added: [name], removed: [name], changed: [{name, what}], unknown: "
		"[{name,\n"
		"message}], same, metadata: {added, removed, changed, unknown, same}, "
		"compared_by_digest,\n"
		"bytes_read}. `what` is \"dtype\", \"shape\", \"data\", \"presence\" (other parts "
		"are "
		"stored), or\n"
		"some of them joined by \", \"; with dtype: [old, new], shape: [old, new], "
		"stored_only: [old,\n"
		"new] elements, and with --stat data: {compared, different, first: [index], "
		"max_absolute,\n"
		"max_relative, nan: [old, new]}, counted in elements that differ.\n"
		"Exit status: 0 equal, 1 different (or damaged), 2 and 3 as always.\n",
		2,
		2,
		options,
		sizeof(options) / sizeof(options[0]),
	};
	struct cli_arguments arguments;
	int result = cli_parse(&usage, argc, argv, &arguments);

	for (int side = 0; side < 2 && result == CLI_GO_ON; side++)
		result = cli_open(arguments.values[side], NULL, &diff.readers[side]);
	if (result == CLI_GO_ON) {
		progress_defer_signals();
		result = compare_and_print(&diff);
	}
	release(&diff);
	return result;
}
