/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn merge: several checkpoints become one.
 *
 * The library merges, atomically, and links what it can. Here the sources are looked at before, so
 * that the result can say of each what became of it, and why: whether files can be linked follows
 * from their format and their file system.
 */
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/json_output.h"
#include "tools/progress.h"

enum fate {
	LINKED,
	FOREIGN,  /* copied: of a format that has no digests and no alignment */
	ELSEWHERE /* copied: no link leads to another file system */
};

struct source {
	const char *path; /* borrowed from the command line */
	const char *format;
	enum fate fate;
	uint64_t bytes; /* of its files */
};

struct merge {
	const char *destination;
	bool force;
	bool allow_incomplete;
	bool remove_sources;
	bool json;
	uint64_t shard_size_max;

	struct source *sources; /* owned */
	uint32_t source_count;
	struct cairn_merge_report report;

	/* Each copy reports bytes of its own; these make one course of them. */
	struct progress progress;
	uint64_t copied_before;
	uint64_t copied_now;
	uint64_t to_copy;
};

/* ---------------------------------------------------------------------------- what is asked for */

static bool is_one_file(const struct merge *merge)
{
	static const char suffix[] = ".cairn";
	const size_t size = strlen(merge->destination);

	return size >= sizeof(suffix) - 1 &&
	       strcmp(merge->destination + size - (sizeof(suffix) - 1), suffix) == 0;
}

/* All bytes are written anew, whatever the sources are. */
static bool is_rewritten(const struct merge *merge)
{
	return is_one_file(merge) || merge->shard_size_max;
}

static int check_destination(const struct merge *merge)
{
	struct stat facts;

	if (!*merge->destination)
		return cli_usage_error("merge", "merge: the path to write to is empty");
	if (merge->shard_size_max && is_one_file(merge))
		return cli_usage_error("merge",
				       "merge: '%s' is the name of one file: shards need a folder, "
				       "whose name does not end in .cairn",
				       merge->destination);
	if (!merge->force && lstat(merge->destination, &facts) == 0)
		return cli_error(CLI_NO,
				 "'%s': it is there already, and the first argument is what is "
				 "written; --force replaces it",
				 merge->destination);
	return CLI_GO_ON;
}

/* -------------------------------------------------------------------------------------- sources */

/* The file system on which the result will be. */
static bool destination_device(const struct merge *merge, dev_t *device)
{
	struct stat facts;
	char *copy = strdup(merge->destination);
	const bool found = copy && stat(dirname(copy), &facts) == 0;

	free(copy);
	if (found)
		*device = facts.st_dev;
	return found;
}

/* Where the names of a checkpoint's files lead from. Returns malloc'ed text or NULL. */
static char *folder_of(const char *path)
{
	struct stat facts;
	char *copy = strdup(path);

	if (!copy || (stat(copy, &facts) == 0 && S_ISDIR(facts.st_mode)))
		return copy;
	char *folder = strdup(dirname(copy));
	free(copy);
	return folder;
}

static bool is_on_device(const char *folder, struct cairn_string name, dev_t device)
{
	struct stat facts;
	char *path = NULL;

	if (asprintf(&path, "%s/%.*s", folder, (int)name.size, name.data) < 0)
		return true;
	const bool elsewhere = stat(path, &facts) == 0 && facts.st_dev != device;
	free(path);
	return !elsewhere;
}

static enum fate foresee(const struct merge *merge, const struct source *source,
			 const struct cairn_reader *reader)
{
	const uint32_t count = cairn_reader_shard_count(reader);
	struct cairn_shard shard;
	dev_t device;
	enum fate fate = LINKED;

	if (strncmp(source->format, "cairn", strlen("cairn")) != 0)
		return FOREIGN;
	if (!destination_device(merge, &device))
		return LINKED;
	char *folder = folder_of(source->path);
	for (uint32_t i = 0; folder && i < count; i++) {
		if (cairn_reader_shard(reader, i, &shard, NULL) == CAIRN_OK &&
		    !is_on_device(folder, shard.name, device))
			fate = ELSEWHERE;
	}
	free(folder);
	return fate;
}

/* Without the reader's note: that a source is one shard of several is why it is merged. */
static int examine_source(struct merge *merge, struct source *source)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_reader *reader = NULL;

	if (!*source->path)
		return cli_usage_error("merge", "merge: the path of a source is empty");
	const enum cairn_status status = cairn_reader_open(source->path, NULL, &reader, &error);
	if (status != CAIRN_OK)
		return cli_fail_open(source->path, status, &error);
	const struct cairn_reader_info info = cli_info(reader);
	source->format = info.format;
	source->bytes = info.file_bytes;
	source->fate = foresee(merge, source, reader);
	cairn_reader_close(reader);
	if (source->fate != LINKED)
		merge->to_copy = cli_add(merge->to_copy, source->bytes);
	if (is_rewritten(merge))
		merge->to_copy = cli_add(merge->to_copy, source->bytes);
	return CLI_GO_ON;
}

static bool is_gone(const struct source *source)
{
	struct stat facts;

	return lstat(source->path, &facts) != 0;
}

/* Its name now leads to what was written. */
static bool is_replaced(const struct merge *merge, const struct source *source)
{
	struct stat facts;
	struct stat result;

	return stat(source->path, &facts) == 0 && stat(merge->destination, &result) == 0 &&
	       facts.st_dev == result.st_dev && facts.st_ino == result.st_ino;
}

/* -------------------------------------------------------------------------------------- merging */

static int update(void *context, uint64_t done, uint64_t total)
{
	struct merge *merge = context;

	if (done < merge->copied_now) /* the next copy has begun */
		merge->copied_before = cli_add(merge->copied_before, merge->copied_now);
	merge->copied_now = done;
	const uint64_t all = cli_add(merge->copied_before, done);
	const uint64_t wanted = merge->to_copy > total ? merge->to_copy : total;
	return progress_update(&merge->progress, all, wanted > all ? wanted : all);
}

/* An EXISTS is about two sources here: --force would not help. */
static int fail(const struct merge *merge, enum cairn_status status,
		const struct cairn_error *error)
{
	if (status == CAIRN_PRECONDITION && !merge->allow_incomplete)
		return cli_error(CLI_NO, "%s; --allow-incomplete merges it all the same",
				 error->message);
	return cli_fail(status, error);
}

static int merge_all(struct merge *merge)
{
	struct cairn_merge_options options = {
		.size = sizeof(options),
		.replace = merge->force,
		.allow_incomplete = merge->allow_incomplete,
		.remove_sources = merge->remove_sources,
		.shard_size_max = merge->shard_size_max,
		.progress = update,
		.progress_context = merge,
	};
	struct cairn_error error = {.code = CAIRN_OK};
	const char **paths = calloc(merge->source_count, sizeof(*paths));

	if (!paths)
		return cli_error(CLI_UNKNOWN, "out of memory");
	for (uint32_t i = 0; i < merge->source_count; i++)
		paths[i] = merge->sources[i].path;
	progress_begin(&merge->progress, "copying");
	progress_defer_signals();
	const enum cairn_status status = cairn_merge(paths, merge->source_count, merge->destination,
						     &options, &merge->report, &error);
	progress_end(&merge->progress);
	free(paths);
	return status == CAIRN_OK ? CLI_GO_ON : fail(merge, status, &error);
}

/* --------------------------------------------------------------------------------------- result */

/* Why the bytes of a source were copied; NULL when they were not. */
static const char *reason(const struct merge *merge, const struct source *source)
{
	if (is_one_file(merge))
		return "one-file";
	if (merge->shard_size_max)
		return "new-shards";
	if (source->fate == FOREIGN)
		return "foreign-format";
	return source->fate == ELSEWHERE ? "other-file-system" : NULL;
}

static void print_copied(const struct source *source)
{
	char size[CLI_SIZE_SIZE];

	if (source->fate == LINKED)
		return;
	printf("copied '%s' (%s): ", source->path, cli_format_size((double)source->bytes, size));
	if (source->fate == FOREIGN)
		printf("its format is %s\n", source->format);
	else
		puts("it is on another file system");
}

static void print_fates(const struct merge *merge)
{
	const uint32_t linked = merge->source_count - merge->report.copied;
	char size[CLI_SIZE_SIZE];

	cli_format_size((double)merge->report.copied_bytes, size);
	if (is_one_file(merge)) {
		printf("copied all tensors, %s: into one file\n", size);
		return;
	}
	if (merge->shard_size_max) {
		printf("copied all tensors, %s: into shards of another size\n", size);
		return;
	}
	for (uint32_t i = 0; i < merge->source_count; i++)
		print_copied(&merge->sources[i]);
	if (linked)
		printf("linked %" PRIu32 " source%s: none of their bytes were copied\n", linked,
		       cli_plural(linked));
}

static void print_removed(const struct merge *merge)
{
	uint32_t gone = 0;

	for (uint32_t i = 0; i < merge->source_count; i++)
		gone += is_gone(&merge->sources[i]);
	printf("removed %" PRIu32 " source%s\n", gone, cli_plural(gone));
}

/* On stderr, under --json too. */
static void note_kept(const struct merge *merge)
{
	for (uint32_t i = 0; i < merge->source_count; i++) {
		const struct source *source = &merge->sources[i];
		if (!is_gone(source) && !is_replaced(merge, source))
			cli_note("'%s' stays: %s", source->path,
				 source->fate == FOREIGN
					 ? "it was not written by Cairn"
					 : "it could not be removed, or is a part of a sharded "
					   "checkpoint");
	}
}

static void print_text(const struct merge *merge, double seconds)
{
	const uint32_t shards = merge->report.shards;

	if (is_one_file(merge))
		printf("wrote '%s' (cairn): ", merge->destination);
	else
		printf("wrote '%s' (cairn-sharded): %" PRIu32 " shard%s, ", merge->destination,
		       shards, cli_plural(shards));
	printf("from %" PRIu32 " source%s, %.2f s\n", merge->source_count,
	       cli_plural(merge->source_count), seconds);
	print_fates(merge);
	if (merge->remove_sources)
		print_removed(merge);
}

static void json_source(struct json_output *json, const struct merge *merge,
			const struct source *source)
{
	const char *why = reason(merge, source);

	emit_begin_object(json);
	emit_key(json, "path");
	emit_text(json, source->path);
	emit_key(json, "format");
	emit_text(json, source->format);
	emit_key(json, "bytes");
	emit_unsigned(json, source->bytes);
	emit_key(json, "action");
	emit_text(json, why ? "copied" : "linked");
	emit_key(json, "reason");
	emit_text(json, why);
	emit_key(json, "removed");
	emit_bool(json, merge->remove_sources && is_gone(source));
	emit_end_object(json);
}

static void print_json(const struct merge *merge)
{
	struct json_output json = {.file = stdout};

	emit_begin_object(&json);
	emit_key(&json, "path");
	emit_text(&json, merge->destination);
	emit_key(&json, "format");
	emit_text(&json, is_one_file(merge) ? "cairn" : "cairn-sharded");
	emit_key(&json, "shards");
	emit_unsigned(&json, merge->report.shards);
	emit_key(&json, "copied");
	emit_unsigned(&json, merge->report.copied);
	emit_key(&json, "copied_bytes");
	emit_unsigned(&json, merge->report.copied_bytes);
	emit_key(&json, "sources");
	emit_begin_array(&json);
	for (uint32_t i = 0; i < merge->source_count; i++)
		json_source(&json, merge, &merge->sources[i]);
	emit_end_array(&json);
	emit_end_object(&json);
	emit_finish(&json);
}

/* -------------------------------------------------------------------------------------- command */

static int run(struct merge *merge)
{
	int result = check_destination(merge);

	for (uint32_t i = 0; i < merge->source_count && result == CLI_GO_ON; i++)
		result = examine_source(merge, &merge->sources[i]);
	if (result != CLI_GO_ON)
		return result;
	const uint64_t start = progress_clock();
	result = merge_all(merge);
	if (result != CLI_GO_ON)
		return result;
	if (merge->json)
		print_json(merge);
	else
		print_text(merge, (double)(progress_clock() - start) / 1e9);
	if (merge->remove_sources)
		note_kept(merge);
	return CLI_DONE;
}

static int take_arguments(struct merge *merge, const struct cli_arguments *arguments)
{
	const size_t count = arguments->count - 1;

	merge->destination = cli_without_slashes(arguments->values[0]);
	merge->sources = calloc(count, sizeof(*merge->sources));
	if (!merge->sources)
		return cli_error(CLI_UNKNOWN, "out of memory");
	for (size_t i = 0; i < count; i++)
		merge->sources[i].path = cli_without_slashes(arguments->values[i + 1]);
	merge->source_count = (uint32_t)count;
	return run(merge);
}

int cmd_merge(int argc, char **argv)
{
	struct merge merge = {.destination = NULL};
	const struct cli_option options[] = {
		{"--force", CLI_FLAG, NULL, "replace what is at DST", &merge.force},
		{"--max-shard-size", CLI_SIZE, "SIZE",
		 "write new shards of at most, e.g. 5GB or 512MiB", &merge.shard_size_max},
		{"--allow-incomplete", CLI_FLAG, NULL, "also tensors of which slices are missing",
		 &merge.allow_incomplete},
		{"--remove-sources", CLI_FLAG, NULL, "remove the sources when all is done",
		 &merge.remove_sources},
		{"--json", CLI_FLAG, NULL, "one object", &merge.json},
	};
	const struct cli_usage usage = {
		"merge",
		"DST SHARD...",
		"Merges checkpoints into one: atomic and durable, it appears whole or not at all.",
		"DST becomes a folder: an index, and shards that are links to the files of the "
		"sources,\n"
		"whose bytes are not touched. Sources of another format, or on another file "
		"system, are\n"
		"copied. DST ending in .cairn becomes one file. A tensor may be in several "
		"sources if its\n"
		"bytes are the same; slices of one tensor are put together.\n",
		2,
		SIZE_MAX,
		options,
		sizeof(options) / sizeof(options[0]),
	};
	struct cli_arguments arguments;
	int result = cli_parse(&usage, argc, argv, &arguments);

	if (result == CLI_GO_ON)
		result = take_arguments(&merge, &arguments);
	free(merge.sources);
	return result;
}
