/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all commands share: option tables, errors, exit status, sizes, opening a checkpoint.
 *
 * A wrong command line gets one line that says which word is wrong and what would be right. An
 * error of the library is printed as it is (it names object, place and values), with what to do
 * next where that can be known here.
 */
#include "tools/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "tools/colour.h"
#include "tools/text.h"

/* --------------------------------------------------------------------------------------- errors */

static void print_line(const char *prefix, const char *format, va_list values) CAIRN_PRINTF(2, 0);

static void print_line(const char *prefix, const char *format, va_list values)
{
	fflush(stdout);
	fprintf(stderr, "%scairn:%s %s", colour(stderr, *prefix ? COLOUR_WARNING : COLOUR_BAD),
		colour(stderr, COLOUR_NONE), prefix);
	vfprintf(stderr, format, values);
}

int cli_usage_error(const char *command, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	print_line("", format, values);
	va_end(values);
	if (command)
		fprintf(stderr, " (see 'cairn %s --help')\n", command);
	else
		fputs(" (see 'cairn --help')\n", stderr);
	return CLI_USAGE;
}

int cli_error(enum cli_exit status, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	print_line("", format, values);
	va_end(values);
	putc('\n', stderr);
	return (int)status;
}

void cli_note(const char *format, ...)
{
	va_list values;

	va_start(values, format);
	print_line("note: ", format, values);
	va_end(values);
	putc('\n', stderr);
}

enum cli_exit cli_exit_from(enum cairn_status status)
{
	switch (status) {
	case CAIRN_OK:
		return CLI_DONE;
	case CAIRN_INVALID_ARGUMENT:
		return CLI_USAGE;
	case CAIRN_EXISTS:
	case CAIRN_NOT_A_CHECKPOINT:
	case CAIRN_UNSUPPORTED:
	case CAIRN_CORRUPT:
	case CAIRN_CHECKSUM:
	case CAIRN_TRUNCATED:
	case CAIRN_LIMIT:
	case CAIRN_MISMATCH:
	case CAIRN_UNMATCHED:
	case CAIRN_PRECONDITION:
		return CLI_NO;
	case CAIRN_CANCELLED:
		return CLI_INTERRUPTED;
	case CAIRN_NOT_FOUND:
	case CAIRN_IO:
	case CAIRN_NO_MEMORY:
	case CAIRN_BUSY:
	case CAIRN_IN_DOUBT:
		break;
	}
	return CLI_UNKNOWN; /* also for statuses of a newer library */
}

static const char *advice(enum cairn_status status, const struct cairn_error *error)
{
	if (status == CAIRN_BUSY)
		return "; trying again may help";
	if (status == CAIRN_IO && error->system_errno == ENOSPC)
		return "; free some space, or write to another file system";
	return "";
}

int cli_fail(enum cairn_status status, const struct cairn_error *error)
{
	if (status == CAIRN_CANCELLED)
		return cli_error(CLI_INTERRUPTED, "interrupted");
	return cli_error(cli_exit_from(status), "%s%s", error->message, advice(status, error));
}

int cli_finish(int exit_status)
{
	const bool whole = fflush(stdout) == 0 && !ferror(stdout);
	const int reason = errno;

	if (whole)
		return exit_status;
	/* `cairn ls model | head`: whoever read has seen enough, which is nothing to talk about. */
	if (reason != EPIPE)
		cli_error(CLI_UNKNOWN, "cannot write the result: %s",
			  reason ? strerror(reason) : "output failed");
	return exit_status ? exit_status : CLI_UNKNOWN;
}

/* -------------------------------------------------------------------------------- command lines */

bool cli_parse_count(const char *text, uint64_t *count)
{
	char *end = NULL;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	const unsigned long long value = strtoull(text, &end, 10);
	if (errno || *end)
		return false;
	*count = value;
	return true;
}

/* What a unit multiplies with; 0 when it is none. As in other tools: K is 1024, KB is 1000. */
static uint64_t unit_factor(const char *unit)
{
	static const char letters[] = "KMGTP";
	uint64_t binary = 1;
	uint64_t decimal = 1;

	if (!*unit || strcasecmp(unit, "B") == 0)
		return 1;
	for (size_t i = 0; letters[i]; i++) {
		binary *= 1024;
		decimal *= 1000;
		if (strncasecmp(unit, &letters[i], 1) != 0)
			continue;
		if (!unit[1] || strcasecmp(unit + 1, "iB") == 0)
			return binary;
		return strcasecmp(unit + 1, "B") == 0 ? decimal : 0;
	}
	return 0;
}

bool cli_parse_size(const char *text, uint64_t *size)
{
	char *end = NULL;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	const unsigned long long value = strtoull(text, &end, 10);
	const uint64_t factor = unit_factor(end);
	if (errno || !factor || value > INT64_MAX / factor)
		return false;
	*size = value * factor;
	return true;
}

static int print_help(const struct cli_usage *usage)
{
	printf("usage: cairn %s [options] %s\n\n%s\n", usage->command, usage->arguments,
	       usage->summary);
	if (usage->details)
		printf("\n%s", usage->details);
	puts("\noptions:");
	for (size_t i = 0; i < usage->option_count; i++) {
		const struct cli_option *option = &usage->options[i];
		char form[64];
		snprintf(form, sizeof(form), "%s %s", option->name,
			 option->value_name ? option->value_name : "");
		printf("  %-24s %s\n", form, option->help);
	}
	printf("  %-24s %s\n", "--help", "this text");
	return cli_finish(CLI_DONE);
}

/* The option that a word such as "--match" or "--match=x*" means; NULL when there is none. */
static const struct cli_option *find_option(const struct cli_usage *usage, const char *word)
{
	const size_t size = strcspn(word, "=");

	for (size_t i = 0; i < usage->option_count; i++) {
		const char *name = usage->options[i].name;
		if (strlen(name) == size && memcmp(name, word, size) == 0)
			return &usage->options[i];
	}
	return NULL;
}

static int unknown_option(const struct cli_usage *usage, const char *word)
{
	const struct cairn_string wanted = {word, strcspn(word, "=")};
	const char *nearest = NULL;
	size_t best = 4;

	for (size_t i = 0; i < usage->option_count; i++) {
		const char *name = usage->options[i].name;
		const size_t mismatch = text_mismatch(wanted, cairn_string_from(name));
		if (mismatch < best) {
			best = mismatch;
			nearest = name;
		}
	}
	char shown[64];
	text_escape(wanted, shown, sizeof(shown));
	if (nearest)
		return cli_usage_error(usage->command,
				       "%s: unknown option '%s', did you mean '%s'?",
				       usage->command, shown, nearest);
	return cli_usage_error(usage->command, "%s: unknown option '%s'", usage->command, shown);
}

static int bad_value(const struct cli_usage *usage, const struct cli_option *option,
		     const char *value, const char *wanted)
{
	return cli_usage_error(usage->command, "%s: %s takes %s, not '%s'", usage->command,
			       option->name, wanted, value);
}

static int add_to_list(const struct cli_usage *usage, const struct cli_option *option,
		       const char *value)
{
	struct cli_list *list = option->target;

	if (list->count == CLI_LIST_MAX)
		return cli_usage_error(usage->command, "%s: %s: more than %d of them",
				       usage->command, option->name, CLI_LIST_MAX);
	list->values[list->count++] = value;
	return CLI_GO_ON;
}

static int set_value(const struct cli_usage *usage, const struct cli_option *option,
		     const char *value)
{
	switch (option->kind) {
	case CLI_FLAG:
		*(bool *)option->target = true;
		break;
	case CLI_TEXT:
		*(const char **)option->target = value;
		break;
	case CLI_COUNT:
		if (!cli_parse_count(value, option->target))
			return bad_value(usage, option, value, "a number");
		break;
	case CLI_SIZE:
		if (!cli_parse_size(value, option->target))
			return bad_value(usage, option, value, "a size such as 512MiB or 5GB");
		break;
	case CLI_LIST:
		return add_to_list(usage, option, value);
	}
	return CLI_GO_ON;
}

/* Takes the option at argv[*at], and its value; moves *at to its last word. */
static int take_option(const struct cli_usage *usage, int argc, char **argv, int *at)
{
	const char *word = argv[*at];
	const char *value = strchr(word, '=');
	const struct cli_option *option = find_option(usage, word);

	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return print_help(usage);
	if (!option)
		return unknown_option(usage, word);
	if (option->kind == CLI_FLAG) {
		if (value)
			return cli_usage_error(usage->command, "%s: %s takes no value",
					       usage->command, option->name);
		return set_value(usage, option, NULL);
	}
	if (!value && *at + 1 >= argc)
		return cli_usage_error(usage->command, "%s: %s needs a value: %s %s",
				       usage->command, option->name, option->name,
				       option->value_name);
	return set_value(usage, option, value ? value + 1 : argv[++*at]);
}

static int check_arguments(const struct cli_usage *usage, const struct cli_arguments *arguments)
{
	if (arguments->count < usage->arguments_min)
		return cli_usage_error(usage->command, "%s: %s: expected %s", usage->command,
				       arguments->count ? "an argument is missing"
							: "no arguments given",
				       usage->arguments);
	if (arguments->count > usage->arguments_max)
		return cli_usage_error(usage->command, "%s: '%s' is too much: expected %s",
				       usage->command, arguments->values[usage->arguments_max],
				       usage->arguments);
	return CLI_GO_ON;
}

/* While somebody asks for usages, parsing a command line answers instead. */
static cli_usage_visitor usage_visitor;
static void *usage_visitor_context;

void cli_visit_usage(int (*run)(int argc, char **argv), cli_usage_visitor visit, void *context)
{
	char *words[] = {NULL};

	usage_visitor = visit;
	usage_visitor_context = context;
	run(0, words);
	usage_visitor = NULL;
}

int cli_parse(const struct cli_usage *usage, int argc, char **argv, struct cli_arguments *arguments)
{
	bool options = true;

	if (usage_visitor) {
		usage_visitor(usage_visitor_context, usage);
		return CLI_DONE;
	}
	*arguments = (struct cli_arguments){.values = argv + 1};
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		if (options && strcmp(word, "--") == 0) {
			options = false;
		} else if (options && word[0] == '-' && word[1]) {
			const int status = take_option(usage, argc, argv, &i);
			if (status != CLI_GO_ON)
				return status;
		} else {
			arguments->values[arguments->count++] = argv[i];
		}
	}
	return check_arguments(usage, arguments);
}

/* -------------------------------------------------------------------------------- several paths */

int cli_each_path(const struct cli_arguments *paths, cli_path_run run, void *context)
{
	int worst = CLI_DONE;

	for (size_t i = 0; i < paths->count && !ferror(stdout); i++) {
		const int status = run(context, paths->values[i]);
		worst = status > worst ? status : worst;
		if (status == CLI_INTERRUPTED)
			break;
	}
	return worst;
}

void cli_document_begin(struct cli_documents *documents)
{
	if (documents->several)
		fputs(documents->count ? ",\n" : "[\n", stdout);
	documents->count++;
}

void cli_documents_end(const struct cli_documents *documents)
{
	if (documents->several && documents->count)
		puts("]");
}

/* ---------------------------------------------------------------------------------- checkpoints */

int cli_fail_open(const char *path, enum cairn_status status, const struct cairn_error *error)
{
	struct stat facts;

	/* Not found, but the path is there: a part of the checkpoint is missing, which is an
	 * answer. */
	if (status == CAIRN_NOT_FOUND && stat(path, &facts) == 0)
		return cli_error(CLI_NO, "%s", error->message);
	return cli_fail(status, error);
}

int cli_open(const char *path, const struct cairn_reader_options *options,
	     struct cairn_reader **reader)
{
	struct cairn_error error = {.code = CAIRN_OK};

	if (!*path)
		return cli_error(CLI_USAGE, "the path of the checkpoint is empty");
	const enum cairn_status status = cairn_reader_open(path, options, reader, &error);
	if (status != CAIRN_OK)
		return cli_fail_open(path, status, &error);
	const struct cairn_reader_info info = cli_info(*reader);
	if (info.note)
		cli_note("%s", info.note);
	return CLI_GO_ON;
}

int cli_fail_state(const char *folder, enum cairn_status status, const struct cairn_error *error)
{
	struct stat facts;

	if (status == CAIRN_INVALID_ARGUMENT ||
	    (status == CAIRN_NOT_FOUND && stat(folder, &facts) == 0 && S_ISDIR(facts.st_mode)))
		return cli_error(CLI_NO, "%s", error->message);
	return cli_fail(status, error);
}

int cli_check_state_arguments(const char *command, const char *folder, const char *latest_filename)
{
	if (!*folder)
		return cli_usage_error(command, "%s: the path of the folder is empty", command);
	if (latest_filename && (!*latest_filename || strchr(latest_filename, '/')))
		return cli_usage_error(command,
				       "--latest-filename: a name in the folder, without '/'");
	return CLI_GO_ON;
}

struct cairn_reader_info cli_info(const struct cairn_reader *reader)
{
	struct cairn_reader_info info = {.size = sizeof(info)};

	cairn_reader_info(reader, &info);
	return info;
}

bool cli_has_strings(const struct cairn_tensor *tensor)
{
	return tensor->block_bytes == 0 && tensor->dtype != CAIRN_NULL;
}

uint64_t cli_tensor_bytes(const struct cairn_tensor *tensor)
{
	if (!cli_has_strings(tensor))
		return tensor->size;
	return tensor->size - tensor->element_count * sizeof(uint64_t);
}

const char *cli_dtype_name(enum cairn_dtype dtype, char buffer[CLI_DTYPE_SIZE])
{
	const struct cairn_dtype_info *info = cairn_dtype_info(dtype);

	if (info)
		return info->name;
	snprintf(buffer, CLI_DTYPE_SIZE, "type-%u", (unsigned)dtype);
	return buffer;
}

uint64_t cli_add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* ---------------------------------------------------------------------------------------- sizes */

const char *cli_format_size(double bytes, char buffer[CLI_SIZE_SIZE])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	size_t unit = 0;

	while (bytes >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1024;
		unit++;
	}
	snprintf(buffer, CLI_SIZE_SIZE, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
	return buffer;
}

const char *cli_format_count(uint64_t count, char buffer[CLI_SIZE_SIZE])
{
	char digits[CLI_SIZE_SIZE];
	const int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	size_t used = 0;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			buffer[used++] = ',';
		buffer[used++] = digits[i];
	}
	buffer[used] = '\0';
	return buffer;
}

char *cli_without_slashes(char *path)
{
	size_t size = strlen(path);

	while (size > 1 && path[size - 1] == '/')
		path[--size] = '\0';
	return path;
}

const char *cli_plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}
