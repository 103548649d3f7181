/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn dump: a checkpoint as text, on stdout or in a file.
 *
 * The library writes the text; here it gets its files. What was begun and failed is removed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/progress.h"

struct dump {
	const char *path;
	const char *output; /* or NULL: stdout */
	const char *data;   /* a word, or NULL */
	uint64_t numbers_max;
	bool force;
};

/* A file that is written; or stdout, which has no path. */
struct sink {
	const char *path;
	FILE *file;
	int error; /* errno of the first failure */
};

static const struct {
	const char *word;
	enum cairn_text_data data;
} kinds[] = {
	{"auto", CAIRN_TEXT_AUTO},       {"numbers", CAIRN_TEXT_NUMBERS},
	{"base64", CAIRN_TEXT_BASE64},   {"beside", CAIRN_TEXT_BESIDE},
	{"digests", CAIRN_TEXT_DIGESTS},
};

static int choose_data(const struct dump *dump, struct cairn_dump_options *options)
{
	const size_t count = sizeof(kinds) / sizeof(kinds[0]);
	size_t i = 0;

	options->numbers_max = dump->numbers_max;
	while (i < count && dump->data && strcmp(kinds[i].word, dump->data) != 0)
		i++;
	if (i == count)
		return cli_usage_error("dump",
				       "dump: --data '%s': expected auto, numbers, base64, beside "
				       "or digests",
				       dump->data);
	options->data = kinds[i].data;
	if (options->data == CAIRN_TEXT_BESIDE && !dump->output)
		return cli_usage_error("dump", "dump: --data beside: needs --output FILE, the data "
					       "go to FILE.data");
	return CLI_GO_ON;
}

/* ---------------------------------------------------------------------------------------- files */

/* A cairn_consume. */
static enum cairn_status write_bytes(void *context, const void *bytes, size_t size)
{
	struct sink *sink = context;

	if (progress_interrupted())
		return CAIRN_CANCELLED;
	errno = 0;
	if (fwrite(bytes, 1, size, sink->file) == size)
		return CAIRN_OK;
	sink->error = errno;
	return CAIRN_IO;
}

static int open_sink(struct sink *sink, const char *path, bool force)
{
	sink->path = path;
	sink->file = path ? fopen(path, force ? "wb" : "wbx") : stdout;
	if (sink->file)
		return CLI_GO_ON;
	if (errno == EEXIST)
		return cli_error(CLI_NO, "'%s': it is there already; --force replaces it", path);
	return cli_error(CLI_UNKNOWN, "'%s': %s", path, strerror(errno));
}

static int close_sink(struct sink *sink, int result)
{
	if (!sink->path || !sink->file)
		return result;
	errno = 0;
	if (fclose(sink->file) && !sink->error)
		sink->error = errno;
	if (sink->error && result == CLI_GO_ON)
		result = cli_error(CLI_UNKNOWN, "'%s': %s", sink->path, strerror(sink->error));
	if (result != CLI_GO_ON)
		unlink(sink->path);
	return result;
}

/* -------------------------------------------------------------------------------------- command */

static int write_text(const struct cairn_reader *reader, struct cairn_dump_options *options,
		      struct sink *text, struct sink *beside)
{
	struct cairn_error error = {.code = CAIRN_OK};
	const char *slash = beside->path ? strrchr(beside->path, '/') : NULL;

	options->beside_name = slash ? slash + 1 : beside->path;
	options->beside = write_bytes;
	options->beside_context = beside;
	const enum cairn_status status = cairn_dump(reader, write_bytes, text, options, &error);
	if (status == CAIRN_OK || text->error || beside->error)
		return text->path || status == CAIRN_OK ? CLI_GO_ON : CLI_UNKNOWN;
	return cli_fail(status, &error);
}

static int run(const struct dump *dump, const struct cairn_reader *reader,
	       struct cairn_dump_options *options)
{
	struct sink text = {.path = NULL};
	struct sink beside = {.path = NULL};
	char *path = NULL;
	int result = CLI_GO_ON;

	progress_defer_signals();
	if (options->data == CAIRN_TEXT_BESIDE) {
		const size_t size = strlen(dump->output) + sizeof(".data");

		path = malloc(size);
		if (!path)
			return cli_error(CLI_UNKNOWN, "out of memory");
		snprintf(path, size, "%s.data", dump->output);
		result = open_sink(&beside, path, dump->force);
	}
	if (result == CLI_GO_ON)
		result = open_sink(&text, dump->output, dump->force);
	if (result == CLI_GO_ON)
		result = write_text(reader, options, &text, &beside);
	result = close_sink(&text, result);
	result = close_sink(&beside, result);
	free(path);
	return result == CLI_GO_ON ? CLI_DONE : result;
}

int cmd_dump(int argc, char **argv)
{
	struct dump dump = {.path = NULL};
	struct cairn_dump_options settings = {.size = sizeof(settings)};
	const struct cli_option options[] = {
		{"--output", CLI_TEXT, "FILE", "where the text goes; default: to stdout",
		 &dump.output},
		{"--data", CLI_TEXT, "HOW",
		 "auto (numbers when few, else Base64), numbers, base64, beside, digests",
		 &dump.data},
		{"--numbers-max", CLI_COUNT, "N",
		 "elements of a tensor that auto writes as numbers; default: 1024",
		 &dump.numbers_max},
		{"--force", CLI_FLAG, NULL, "replace what is at FILE", &dump.force},
	};
	const struct cli_usage usage = {
		"dump",
		"PATH",
		"Writes a checkpoint as text, from which 'cairn pack' makes a container again.",
		"The text of a container gives the same bytes again; that of another format a "
		"container\n"
		"that holds the same. With --data beside large tensors go to FILE.data, as they "
		"are;\n"
		"with digests only their digests are written: to look at, or to compare with "
		"diff.\n",
		1,
		1,
		options,
		sizeof(options) / sizeof(options[0]),
	};
	struct cairn_reader *reader = NULL;
	struct cli_arguments arguments;
	int result = cli_parse(&usage, argc, argv, &arguments);

	if (result == CLI_GO_ON)
		result = choose_data(&dump, &settings);
	if (result == CLI_GO_ON)
		result = cli_open(arguments.values[0], NULL, &reader);
	if (result != CLI_GO_ON)
		return result;
	result = run(&dump, reader, &settings);
	cairn_reader_close(reader);
	return result;
}
