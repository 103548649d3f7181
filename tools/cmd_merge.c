/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn merge: several checkpoints become one.
 *
 * The library merges, atomically, and links what it can. Here the sources are looked at before, so
 * that the result can say of each what became of it, and why: whether files can be linked follows
 * from their format and their file system. With --to tf all paths are prefixes of TensorFlow
 * checkpoints, whose data files are looked at by their names.
 */
#include <dirent.h>
#include <fcntl.h>
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
	FOREIGN,   /* copied: of a format that has no digests and no alignment */
	ELSEWHERE, /* copied: no link leads to another file system */
	SYMBOLIC   /* copied: a link would lead where the symbolic one does */
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
	bool allow_missing;
	bool remove_sources;
	bool json;
	uint64_t shard_size_max;
	const char *to; /* or NULL */
	enum cairn_target target;

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

static bool is_bundle(const struct merge *merge)
{
	return merge->target == CAIRN_TARGET_TENSORFLOW;
}

static bool is_one_file(const struct merge *merge)
{
	static const char suffix[] = ".cairn";
	const size_t size = strlen(merge->destination);

	return !is_bundle(merge) && size >= sizeof(suffix) - 1 &&
	       strcmp(merge->destination + size - (sizeof(suffix) - 1), suffix) == 0;
}

/* All bytes are written anew, whatever the sources are. */
static bool is_rewritten(const struct merge *merge)
{
	return is_one_file(merge) || merge->shard_size_max;
}

/* What stands for a checkpoint: itself, or of a prefix the index. */
static bool find_facts(const struct merge *merge, const char *path, bool follow, struct stat *facts)
{
	char *index = NULL;

	if (is_bundle(merge) && asprintf(&index, "%s.index", path) < 0)
		return false;
	const char *name = index ? index : path;
	const bool found = (follow ? stat(name, facts) : lstat(name, facts)) == 0;
	free(index);
	return found;
}

static int choose_target(struct merge *merge)
{
	merge->target = CAIRN_TARGET_CAIRN;
	if (merge->to && strcmp(merge->to, "tf") == 0)
		merge->target = CAIRN_TARGET_TENSORFLOW;
	else if (merge->to && strcmp(merge->to, "cairn") != 0)
		return cli_usage_error("merge", "merge: --to '%s': cairn or tf", merge->to);
	if (is_bundle(merge) && merge->shard_size_max)
		return cli_usage_error("merge", "merge: with --to tf shards stay as they are: no "
						"--max-shard-size");
	if (!is_bundle(merge) && merge->allow_missing)
		return cli_usage_error("merge", "merge: --allow-missing is for prefixes: --to tf");
	return CLI_GO_ON;
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
	if (!merge->force && find_facts(merge, merge->destination, false, &facts))
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

/* A data file of the prefix: its base name and ".data-" are in front. */
static void examine_data(struct merge *merge, struct source *source, int folder, const char *name,
			 const dev_t *device)
{
	struct stat link;
	struct stat facts;

	if (fstatat(folder, name, &facts, 0) != 0 ||
	    fstatat(folder, name, &link, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	source->bytes = cli_add(source->bytes, (uint64_t)facts.st_size);
	if (S_ISLNK(link.st_mode))
		source->fate = SYMBOLIC;
	else if (device && facts.st_dev != *device)
		source->fate = ELSEWHERE;
	if (source->fate != LINKED)
		merge->to_copy = cli_add(merge->to_copy, (uint64_t)facts.st_size);
}

/* What is wrong with it, the library says. */
static void examine_prefix(struct merge *merge, struct source *source)
{
	const char *slash = strrchr(source->path, '/');
	char *folder = slash ? strndup(source->path, (size_t)(slash - source->path) + 1)
			     : strdup(".");
	char *start = NULL;
	dev_t device = 0;
	const bool has_device = destination_device(merge, &device);
	DIR *stream = folder ? opendir(folder) : NULL;

	source->format = "tensorflow-v2";
	if (stream && asprintf(&start, "%s.data-", slash ? slash + 1 : source->path) >= 0) {
		for (const struct dirent *entry; (entry = readdir(stream));) {
			if (strncmp(entry->d_name, start, strlen(start)) == 0)
				examine_data(merge, source, dirfd(stream), entry->d_name,
					     has_device ? &device : NULL);
		}
		free(start);
	}
	if (stream)
		closedir(stream);
	free(folder);
}

/* Without the reader's note: that a source is one shard of several is why it is merged. */
static int examine_source(struct merge *merge, struct source *source)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_reader *reader = NULL;

	if (!*source->path)
		return cli_usage_error("merge", "merge: the path of a source is empty");
	if (is_bundle(merge)) {
		examine_prefix(merge, source);
		return CLI_GO_ON;
	}
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

static bool is_gone(const struct merge *merge, const struct source *source)
{
	struct stat facts;

	return !find_facts(merge, source->path, false, &facts);
}

/* Its name now leads to what was written. */
static bool is_replaced(const struct merge *merge, const struct source *source)
{
	struct stat facts;
	struct stat result;

	return find_facts(merge, source->path, true, &facts) &&
	       find_facts(merge, merge->destination, true, &result) &&
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
		.target = merge->target,
		.allow_missing = merge->allow_missing,
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
	if (source->fate == SYMBOLIC)
		return "symbolic-link";
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

static void print_data_files(const struct merge *merge)
{
	const uint32_t copied = merge->report.copied;
	const uint32_t linked = merge->report.shards - copied;
	char size[CLI_SIZE_SIZE];

	cli_format_size((double)merge->report.copied_bytes, size);
	if (copied)
		printf("copied %" PRIu32 " data file%s, %s: they cannot be linked from where they "
		       "are\n",
		       copied, cli_plural(copied), size);
	if (linked)
		printf("linked %" PRIu32 " data file%s: none of their bytes were copied\n", linked,
		       cli_plural(linked));
}

static void print_fates(const struct merge *merge)
{
	const uint32_t linked = merge->source_count - merge->report.copied;
	char size[CLI_SIZE_SIZE];

	if (is_bundle(merge)) {
		print_data_files(merge);
		return;
	}
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
		gone += is_gone(merge, &merge->sources[i]);
	printf("removed %" PRIu32 " source%s\n", gone, cli_plural(gone));
}

/* On stderr, under --json too. */
static void note_kept(const struct merge *merge)
{
	for (uint32_t i = 0; i < merge->source_count; i++) {
		const struct source *source = &merge->sources[i];
		if (!is_gone(merge, source) && !is_replaced(merge, source))
			cli_note("'%s' stays: %s", source->path,
				 source->fate == FOREIGN ? "it was not written by Cairn"
				 : is_bundle(merge)
					 ? "it could not be removed"
					 : "it could not be removed, or is a part of a sharded "
					   "checkpoint");
	}
}

static const char *format(const struct merge *merge)
{
	return is_bundle(merge) ? "tensorflow-v2" : is_one_file(merge) ? "cairn" : "cairn-sharded";
}

static void print_text(const struct merge *merge, double seconds)
{
	const uint32_t shards = merge->report.shards;

	if (is_one_file(merge))
		printf("wrote '%s' (cairn): ", merge->destination);
	else
		printf("wrote '%s' (%s): %" PRIu32 " shard%s, ", merge->destination, format(merge),
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
	emit_bool(json, merge->remove_sources && is_gone(merge, source));
	emit_end_object(json);
}

static void print_json(const struct merge *merge)
{
	struct json_output json = {.file = stdout};

	emit_begin_object(&json);
	emit_key(&json, "path");
	emit_text(&json, merge->destination);
	emit_key(&json, "format");
	emit_text(&json, format(merge));
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
	int result = choose_target(merge);

	if (result == CLI_GO_ON)
		result = check_destination(merge);
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
		{"--to", CLI_TEXT, "FORMAT",
		 "cairn, or tf: TensorFlow checkpoints, data and index as TensorFlow merges them",
		 &merge.to},
		{"--force", CLI_FLAG, NULL, "replace what is at DST", &merge.force},
		{"--max-shard-size", CLI_SIZE, "SIZE",
		 "write new shards of at most, e.g. 5GB or 512MiB", &merge.shard_size_max},
		{"--allow-incomplete", CLI_FLAG, NULL, "also tensors of which slices are missing",
		 &merge.allow_incomplete},
		{"--allow-missing", CLI_FLAG, NULL,
		 "with --to tf, leave out prefixes that are not there", &merge.allow_missing},
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
		"bytes are the same; slices of one tensor are put together.\n"
		"With --to tf DST and the sources are prefixes, as TensorFlow's Saver names them, "
		"in the\n"
		"order of their shards; no tensor may be in two of them.\n",
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
