/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn convert: the same checkpoint in another format.
 *
 * The library converts, atomically and without loss. Here the format is chosen, from --to or from
 * DST's suffix, before anything is opened, and mistakes that are easy to make (the arguments the
 * wrong way round) are told.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/name_choice.h"
#include "tools/progress.h"

struct convert {
	const char *source;
	const char *destination;
	const char *to;   /* or NULL: by suffix */
	const char *drop; /* or NULL */
	bool force;
	bool sort;
	bool shuffle;
	const char *compress; /* or NULL */
	bool dry_run;
	uint64_t shard_size_max;
	uint64_t alignment;
	uint64_t thread_count;
	struct cli_list matches;
	struct cli_list renames;
	struct name_choice names;
};

/* -------------------------------------------------------------------------------------- formats */

/* Formats by the names that --to takes. Those that this version cannot write have the target
 * BY_SUFFIX. */
struct target {
	const char *name;
	const char *suffix; /* NULL: none decides for it */
	enum cairn_target target;
};

static const struct target targets[] = {
	{"cairn", ".cairn", CAIRN_TARGET_CAIRN},
	{"safetensors", ".safetensors", CAIRN_TARGET_SAFETENSORS},
	{"safetensors", ".safetensors.index.json", CAIRN_TARGET_SAFETENSORS},
	{"gguf", ".gguf", CAIRN_TARGET_BY_SUFFIX},
	{"npy", ".npy", CAIRN_TARGET_BY_SUFFIX},
	{"tf", NULL, CAIRN_TARGET_TENSORFLOW},
};

#define TARGET_COUNT (sizeof(targets) / sizeof(targets[0]))

static bool ends_with(const char *text, const char *end)
{
	const size_t size = strlen(text);
	const size_t end_size = strlen(end);

	return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static const struct target *find_target(const struct convert *convert)
{
	for (size_t i = 0; i < TARGET_COUNT; i++) {
		const struct target *target = &targets[i];
		if (convert->to ? strcmp(convert->to, target->name) == 0
				: target->suffix && ends_with(convert->destination, target->suffix))
			return target;
	}
	return NULL;
}

static int choose_target(const struct convert *convert, struct cairn_convert_options *options)
{
	const struct target *target = find_target(convert);

	if (!target && convert->to)
		return cli_usage_error("convert",
				       "convert: --to '%s' is no format: cairn, safetensors or tf",
				       convert->to);
	if (!target)
		return cli_usage_error(
			"convert",
			"convert: no format follows from the name '%s': end it in .cairn, "
			".safetensors or .safetensors.index.json, or say --to FORMAT (tf: a "
			"prefix; a "
			"folder of shards: --to cairn --max-shard-size SIZE)",
			convert->destination);
	if (target->target == CAIRN_TARGET_BY_SUFFIX)
		return cli_error(CLI_NO,
				 "this version cannot write %s, only cairn, safetensors and tf",
				 target->name);
	options->target = target->target;
	return CLI_GO_ON;
}

/* -------------------------------------------------------------------------------------- options */

static uint32_t drop_from_name(const char *name, size_t size)
{
	static const struct {
		const char *name;
		uint32_t drop;
	} drops[] = {
		{"metadata", CAIRN_DROP_METADATA},
		{"slices", CAIRN_DROP_SLICES},
		{"alignment", CAIRN_DROP_ALIGNMENT},
	};

	for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]); i++) {
		if (strlen(drops[i].name) == size && memcmp(drops[i].name, name, size) == 0)
			return drops[i].drop;
	}
	return 0;
}

static int choose_drop(const char *names, struct cairn_convert_options *options)
{
	while (names) {
		const size_t size = strcspn(names, ",");
		const uint32_t drop = drop_from_name(names, size);
		if (!drop)
			return cli_usage_error("convert",
					       "convert: --drop '%.*s': expected metadata, slices, "
					       "alignment, or several joined by ','",
					       (int)(size < 64 ? size : 64), names);
		options->drop |= drop;
		names = names[size] ? names + size + 1 : NULL;
	}
	return CLI_GO_ON;
}

static int choose_layout(const struct convert *convert, struct cairn_convert_options *options)
{
	const uint64_t alignment = convert->alignment;
	const bool is_tf = convert->to && strcmp(convert->to, "tf") == 0;

	if (alignment &&
	    (alignment & (alignment - 1) || (alignment < 4096 && !is_tf) || alignment > 2u << 20))
		return cli_usage_error("convert",
				       "convert: --alignment %" PRIu64 " is no power of two %s2MiB",
				       alignment, is_tf ? "up to " : "from 4KiB to ");
	if (convert->thread_count > 64)
		return cli_usage_error("convert", "convert: --threads %" PRIu64 ": at most 64",
				       convert->thread_count);
	if (convert->shard_size_max && ends_with(convert->destination, ".cairn"))
		return cli_usage_error("convert",
				       "convert: '%s' is the name of one file: for shards name a "
				       "folder, without .cairn, and say --to cairn",
				       convert->destination);
	options->alignment = alignment;
	options->thread_count = (uint32_t)convert->thread_count;
	options->shard_size_max = convert->shard_size_max;
	options->replace = convert->force;
	options->sort = convert->sort;
	return CLI_GO_ON;
}

static int choose_compression(const struct convert *convert, struct cairn_convert_options *options)
{
	if (convert->compress && strcmp(convert->compress, "lz4") != 0)
		return cli_usage_error("convert", "convert: --compress '%s': only lz4 is known",
				       convert->compress);
	if (convert->shuffle && !convert->compress)
		return cli_usage_error("convert", "convert: --shuffle goes with --compress lz4");
	if (convert->compress && options->target != CAIRN_TARGET_CAIRN)
		return cli_usage_error("convert",
				       "convert: --compress lz4: only cairn is compressed");
	if (convert->compress && convert->alignment && convert->alignment != 4096)
		return cli_usage_error("convert",
				       "convert: --alignment: of compressed tensors it is "
				       "4KiB");
	if (convert->compress)
		options->compression = convert->shuffle ? CAIRN_COMPRESSION_LZ4_SHUFFLE
							: CAIRN_COMPRESSION_LZ4;
	return CLI_GO_ON;
}

static int choose_options(const struct convert *convert, struct cairn_convert_options *options)
{
	int result = choose_layout(convert, options);

	if (result == CLI_GO_ON)
		result = choose_drop(convert->drop, options);
	if (result == CLI_GO_ON)
		result = choose_target(convert, options);
	if (result == CLI_GO_ON)
		result = choose_compression(convert, options);
	return result;
}

/* -------------------------------------------------------------------------------------- command */

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

static int open_source(const struct convert *convert, struct cairn_reader **reader)
{
	const int result = cli_open(convert->source, NULL, reader);

	if (result == CLI_UNKNOWN && !is_there(convert->source) && is_there(convert->destination))
		cli_note("'%s' is there: the source comes first, then what is written",
			 convert->destination);
	return result;
}

/* What is left out, where something is. */
static void print_dropped(const struct cairn_convert_report *report)
{
	char text[CLI_SIZE_SIZE];

	if (report->metadata_dropped)
		printf("without %s of the metadata\n",
		       cli_format_count(report->metadata_dropped, text));
	if (report->slices_joined)
		printf("without the slices of %s tensor%s, which are joined\n",
		       cli_format_count(report->slices_joined, text),
		       cli_plural(report->slices_joined));
	if (report->alignment_dropped)
		printf("without the alignment of %s\n",
		       cli_format_size((double)report->alignment_dropped, text));
}

static void print_plan(const struct convert *convert, const char *format,
		       const struct cairn_convert_report *report)
{
	char tensors[CLI_SIZE_SIZE];
	char metadata[CLI_SIZE_SIZE];
	char files[CLI_SIZE_SIZE];
	char size[CLI_SIZE_SIZE];

	printf("would write '%s' (%s): %s tensor%s, %s of metadata, %s in %s file%s\n",
	       convert->destination, format, cli_format_count(report->tensor_count, tensors),
	       cli_plural(report->tensor_count), cli_format_count(report->metadata_count, metadata),
	       cli_format_size((double)report->bytes, size),
	       cli_format_count(report->file_count, files), cli_plural(report->file_count));
	print_dropped(report);
}

static void print_result(const struct convert *convert, const struct cairn_reader *reader,
			 const char *format, const struct cairn_convert_report *report,
			 double seconds)
{
	const struct cairn_reader_info info = cli_info(reader);
	char count[CLI_SIZE_SIZE];
	char size[CLI_SIZE_SIZE];
	char rate[CLI_SIZE_SIZE];

	printf("wrote '%s' (%s): %s tensor%s, %s read, %.2f s (%s/s)\n", convert->destination,
	       format, cli_format_count(report->tensor_count, count),
	       cli_plural(report->tensor_count), cli_format_size((double)info.file_bytes, size),
	       seconds, cli_format_size((double)info.file_bytes / seconds, rate));
	print_dropped(report);
}

static const char *format_written(const struct cairn_convert_options *options)
{
	if (options->target == CAIRN_TARGET_TENSORFLOW)
		return "tensorflow-v2";
	if (options->target == CAIRN_TARGET_SAFETENSORS)
		return "safetensors";
	return options->shard_size_max ? "cairn-sharded" : "cairn";
}

static int convert_reader(const struct convert *convert, const struct cairn_reader *reader,
			  struct cairn_convert_options *options)
{
	struct cairn_convert_report report = {.tensor_count = 0};
	struct cairn_error error = {.code = CAIRN_OK};
	struct progress progress;

	options->report = &report;
	options->dry_run = convert->dry_run;
	progress_begin(&progress, "converting");
	options->progress = progress_update;
	options->progress_context = &progress;
	progress_defer_signals();
	const enum cairn_status status = cairn_convert(reader, convert->destination, options,
						       &error);
	const uint64_t end = progress_clock();
	progress_end(&progress);
	if (status == CAIRN_EXISTS && !convert->force && !convert->renames.count)
		return cli_error(CLI_NO, "%s; --force replaces it", error.message);
	if (status == CAIRN_NOT_FOUND && options->selection) /* the source is there */
		return cli_error(CLI_NO, "%s", error.message);
	if (status != CAIRN_OK)
		return cli_fail(status, &error);
	if (convert->dry_run)
		print_plan(convert, format_written(options), &report);
	else
		print_result(convert, reader, format_written(options), &report,
			     (double)(end - progress.start) / 1e9);
	return CLI_DONE;
}

static int run(struct convert *convert)
{
	struct cairn_convert_options options = {.size = sizeof(options)};
	struct cairn_reader *reader = NULL;
	int result = choose_options(convert, &options);

	if (result == CLI_GO_ON)
		result = name_choice_begin(&convert->names, "convert", &convert->matches,
					   &convert->renames);
	if (result == CLI_GO_ON)
		result = open_source(convert, &reader);
	if (result == CLI_GO_ON) {
		if (convert->matches.count || convert->renames.count)
			options.selection = &convert->names.selection;
		result = convert_reader(convert, reader, &options);
		cairn_reader_close(reader);
	}
	name_choice_end(&convert->names);
	return result;
}

int cmd_convert(int argc, char **argv)
{
	struct convert convert = {.source = NULL};
	const struct cli_option options[] = {
		{"--to", CLI_TEXT, "FORMAT", "cairn, safetensors or tf; default: by DST's suffix",
		 &convert.to},
		{"--force", CLI_FLAG, NULL, "replace what is at DST", &convert.force},
		{"--drop", CLI_TEXT, "WHAT,...",
		 "leave out what the format cannot hold: metadata, slices, alignment",
		 &convert.drop},
		{"--max-shard-size", CLI_SIZE, "SIZE",
		 "several files of at most, e.g. 5GB or 512MiB", &convert.shard_size_max},
		{"--sort", CLI_FLAG, NULL, "lay data out in name order (not of safetensors)",
		 &convert.sort},
		{"--compress", CLI_TEXT, "lz4", "of cairn: each chunk that becomes smaller",
		 &convert.compress},
		{"--shuffle", CLI_FLAG, NULL, "sort bytes of numbers first: they compress better",
		 &convert.shuffle},
		{"--alignment", CLI_SIZE, "SIZE", "of large tensors, 4KiB to 2MiB; tf: of all data",
		 &convert.alignment},
		{"--threads", CLI_COUNT, "N", "at most 64; default: chosen", &convert.thread_count},
		{"--dry-run", CLI_FLAG, NULL, "say what would be written, and write nothing",
		 &convert.dry_run},
		{"--match", CLI_LIST, "GLOB", "only tensors whose name matches; may be repeated",
		 &convert.matches},
		{"--rename", CLI_LIST, "FROM=TO",
		 "call tensors otherwise: 'h.*.w=layers.*.weight'; may be repeated",
		 &convert.renames},
	};
	const struct cli_usage usage = {
		"convert",
		"SRC DST",
		"Writes a checkpoint in another format: atomic, durable, and without loss.",
		"DST's suffix decides: .cairn, .safetensors, or .safetensors.index.json (several "
		"files).\n"
		"With --to cairn and --max-shard-size DST becomes a folder: an index and shards. "
		"With\n"
		"--to tf DST is a prefix; a TensorFlow checkpoint keeps all its bytes then. "
		"Every\n"
		"name, type, shape, metadata value and bit is kept; what the format cannot hold is "
		"listed\n"
		"and nothing is written, unless it is dropped by name. DST appears whole or not at "
		"all.\n"
		"Sizes: KiB, MiB, GiB are powers of 1024; KB, MB, GB of 1000.\n"
		"Of several --rename the first whose FROM matches is applied; a star in TO is what "
		"the\n"
		"next one of FROM matched, {2} what its second did.\n",
		2,
		2,
		options,
		sizeof(options) / sizeof(options[0]),
	};
	struct cli_arguments arguments;
	const int result = cli_parse(&usage, argc, argv, &arguments);

	if (result != CLI_GO_ON)
		return result;
	convert.source = arguments.values[0];
	convert.destination = cli_without_slashes(arguments.values[1]);
	return run(&convert);
}
