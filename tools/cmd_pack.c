/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn pack: a container from its text form.
 */
#include <string.h>

#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/progress.h"

struct pack {
	const char *text;
	const char *destination;
	bool force;
	uint64_t thread_count;
};

/* Whether it is what the text was made of, where the text says that. */
static const char *likeness(const struct cairn_pack_report *report)
{
	static const struct cairn_digest none;

	if (memcmp(&report->expected_id, &none, sizeof(none)) == 0)
		return "";
	if (memcmp(&report->expected_id, &report->content_id, sizeof(none)) == 0)
		return ", the same as what was dumped";
	return ", different from what was dumped";
}

static int run(const struct pack *pack)
{
	struct cairn_pack_options options = {.size = sizeof(options),
					     .replace = pack->force,
					     .thread_count = (uint32_t)pack->thread_count};
	struct cairn_pack_report report = {.tensor_count = 0};
	struct cairn_error error = {.code = CAIRN_OK};
	struct progress progress;
	char count[CLI_SIZE_SIZE];

	progress_begin(&progress, "packing");
	options.progress = progress_update;
	options.progress_context = &progress;
	progress_defer_signals();
	const enum cairn_status status = cairn_pack(pack->text, pack->destination, &options,
						    &report, &error);
	progress_end(&progress);
	if (status == CAIRN_EXISTS && !pack->force)
		return cli_error(CLI_NO, "%s; --force replaces it", error.message);
	if (status != CAIRN_OK)
		return cli_fail(status, &error);
	printf("wrote '%s': %s tensor%s%s\n", pack->destination,
	       cli_format_count(report.tensor_count, count), cli_plural(report.tensor_count),
	       likeness(&report));
	return CLI_DONE;
}

int cmd_pack(int argc, char **argv)
{
	struct pack pack = {.text = NULL};
	const struct cli_option options[] = {
		{"--force", CLI_FLAG, NULL, "replace what is at OUT", &pack.force},
		{"--threads", CLI_COUNT, "N", "at most 64; default: chosen", &pack.thread_count},
	};
	const struct cli_usage usage = {
		"pack",
		"DUMP OUT",
		"Makes a container of the text that 'cairn dump' writes, edited or not.",
		"A text that was not edited gives the bytes of the container that it was made of. "
		"OUT\n"
		"appears whole or not at all. DUMP is read twice: it cannot be a pipe.\n",
		2,
		2,
		options,
		sizeof(options) / sizeof(options[0]),
	};
	struct cli_arguments arguments;
	const int result = cli_parse(&usage, argc, argv, &arguments);

	if (result != CLI_GO_ON)
		return result;
	if (pack.thread_count > 64)
		return cli_usage_error("pack", "pack: --threads: at most 64");
	pack.text = arguments.values[0];
	pack.destination = arguments.values[1];
	return run(&pack);
}
