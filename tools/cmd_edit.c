/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn edit: metadata and names of a container, without rewriting its data.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/name_choice.h"
#include "tools/progress.h"
#include "tools/value_text.h"

struct edit {
	struct cli_list set;
	struct cli_list unset;
	struct cli_list renames;
	bool dry_run;
	struct name_choice names;
	struct value_text *values; /* owned; one for each --set */
	struct cairn_metadata_value metadata[CLI_LIST_MAX];
	struct cairn_string keys[CLI_LIST_MAX];
};

static int take_values(struct edit *edit)
{
	int result = CLI_GO_ON;

	edit->values = calloc(edit->set.count + 1, sizeof(*edit->values));
	if (!edit->values)
		return cli_error(CLI_UNKNOWN, "out of memory");
	for (size_t i = 0; i < edit->set.count && result == CLI_GO_ON; i++)
		result = value_text_parse("edit", edit->set.values[i], &edit->values[i],
					  &edit->metadata[i]);
	return result;
}

static void print_result(const struct edit *edit, const char *path,
			 const struct cairn_edit_report *report)
{
	char tensors[CLI_SIZE_SIZE];
	char set[CLI_SIZE_SIZE];
	char unset[CLI_SIZE_SIZE];
	char data[CLI_SIZE_SIZE];
	char index[CLI_SIZE_SIZE];

	printf("%s '%s': %s tensor%s renamed, %s of metadata set, %s unset; %s of data kept, %s of "
	       "index written\n",
	       edit->dry_run ? "would edit" : "edited", path,
	       cli_format_count(report->tensors_renamed, tensors),
	       cli_plural(report->tensors_renamed), cli_format_count(report->metadata_set, set),
	       cli_format_count(report->metadata_unset, unset),
	       cli_format_size((double)report->data_bytes, data),
	       cli_format_size((double)report->index_bytes, index));
	if (report->parts_dropped)
		printf("left out %s part%s of a later version\n",
		       cli_format_count(report->parts_dropped, set),
		       cli_plural(report->parts_dropped));
}

static int run(struct edit *edit, const char *path)
{
	struct cairn_edit_report report = {.tensors_renamed = 0};
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_edit_options options = {
		.size = sizeof(options),
		.set = edit->metadata,
		.set_count = (uint32_t)edit->set.count,
		.unset = edit->keys,
		.unset_count = (uint32_t)edit->unset.count,
		.renames = edit->names.selection.renames,
		.rename_count = edit->names.selection.rename_count,
		.dry_run = edit->dry_run,
	};

	for (size_t i = 0; i < edit->unset.count; i++)
		edit->keys[i] = cairn_string_from(edit->unset.values[i]);
	progress_defer_signals();
	const enum cairn_status status = cairn_edit(path, &options, &report, &error);
	if (status != CAIRN_OK)
		return cli_fail_open(path, status, &error);
	print_result(edit, path, &report);
	return CLI_DONE;
}

int cmd_edit(int argc, char **argv)
{
	static struct edit edit; /* large */
	const struct cli_option options[] = {
		{"--set", CLI_LIST, "KEY=VALUE",
		 "a metadata value: 5, 0.1, true, null, [1,2], text; f32:0.1 says the type",
		 &edit.set},
		{"--unset", CLI_LIST, "KEY", "remove a metadata value", &edit.unset},
		{"--rename", CLI_LIST, "FROM=TO",
		 "call tensors otherwise, as in 'cairn convert'; may be repeated, as the others",
		 &edit.renames},
		{"--dry-run", CLI_FLAG, NULL, "say what would be done, and do nothing",
		 &edit.dry_run},
	};
	const struct cli_usage usage = {
		"edit",
		"PATH",
		"Changes metadata and names of a container, without rewriting its data.",
		"A new file, which shares the data of the old one where the file system can do "
		"that, is\n"
		"published over it. Of a sharded checkpoint only the index is written. Other "
		"formats are\n"
		"converted instead: 'cairn convert --rename FROM=TO SRC DST'.\n",
		1,
		1,
		options,
		sizeof(options) / sizeof(options[0]),
	};
	struct cli_arguments arguments;
	int result = cli_parse(&usage, argc, argv, &arguments);

	if (result != CLI_GO_ON)
		return result;
	if (!edit.set.count && !edit.unset.count && !edit.renames.count)
		return cli_usage_error("edit", "edit: nothing to do: --set, --unset or --rename");
	result = name_choice_begin(&edit.names, "edit", NULL, &edit.renames);
	if (result == CLI_GO_ON)
		result = take_values(&edit);
	if (result == CLI_GO_ON)
		result = run(&edit, arguments.values[0]);
	for (size_t i = 0; edit.values && i < edit.set.count; i++)
		value_text_free(&edit.values[i]);
	free(edit.values);
	name_choice_end(&edit.names);
	return result;
}
