/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn gc: removes what dead writers left behind.
 *
 * The library judges and removes, and only counts. Names come from listings before and after; they
 * are shown only where they agree with the counts, since others may be at work in the folder.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/json_output.h"
#include "tools/text.h"

#define HEX      "0123456789abcdef"
#define HEX_SIZE 32

/* Something that gc may have to do with. */
struct candidate {
	char *name; /* owned; relative to the folder */
	bool is_shard;
	bool is_gone; /* after the sweep */
};

struct gc {
	const char *folder;
	bool json;
	struct candidate *candidates; /* owned */
	size_t count;
	bool is_listed; /* the names are complete */
	struct cairn_sweep_report report;
	size_t cleared; /* checkpoints */
	size_t removed; /* of the candidates */
	size_t kept;
};

/* ---------------------------------------------------------------------------------------- names */

static bool has_grammar(const char *name, const char *prefix)
{
	const size_t size = strlen(prefix);

	return strncmp(name, prefix, size) == 0 && strlen(name) == size + HEX_SIZE &&
	       strspn(name + size, HEX) == HEX_SIZE;
}

static bool is_temporary(const char *name)
{
	return has_grammar(name, ".cairn-tmp-") || has_grammar(name, ".cairn-trash-");
}

/* Every name of a shard, and a few that are none: those are never gone after the sweep. */
static bool may_be_shard(const char *name)
{
	return strncmp(name, "shard-", strlen("shard-")) == 0;
}

/* "FOLDER/NAME" into malloc'ed text, or NULL. */
static char *join(const char *folder, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

static bool is_there(const char *folder, const char *name)
{
	struct stat facts;
	char *path = join(folder, name);
	const bool there = path && lstat(path, &facts) == 0;

	free(path);
	return there;
}

/* -------------------------------------------------------------------------------------- listing */

static bool add_candidate(struct gc *gc, const char *inner, const char *name)
{
	struct candidate *candidates = reallocarray(gc->candidates, gc->count + 1,
						    sizeof(*candidates));

	if (!candidates)
		return false;
	gc->candidates = candidates;
	char *shown = inner ? join(inner, name) : strdup(name);
	if (!shown)
		return false;
	candidates[gc->count++] = (struct candidate){shown, !is_temporary(name), false};
	return true;
}

static bool list_folder(struct gc *gc, const char *path, const char *inner);

/* Sharded checkpoints in the folder are swept too. */
static bool list_inner(struct gc *gc, const char *path, const char *name)
{
	char *folder = join(path, name);
	struct stat facts;
	bool listed = folder != NULL;

	if (listed && lstat(folder, &facts) == 0 && S_ISDIR(facts.st_mode) &&
	    is_there(folder, "index.cairn"))
		listed = list_folder(gc, folder, name);
	free(folder);
	return listed;
}

/* `inner` is NULL for the folder itself, else a name in it. */
static bool list_folder(struct gc *gc, const char *path, const char *inner)
{
	const bool is_sharded = is_there(path, "index.cairn");
	DIR *directory = opendir(path);
	const struct dirent *entry;
	bool listed = directory != NULL;

	while (listed && (entry = readdir(directory)) != NULL) {
		const char *name = entry->d_name;
		if (is_temporary(name) || (is_sharded && may_be_shard(name)))
			listed = add_candidate(gc, inner, name);
		else if (!inner && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			listed = list_inner(gc, path, name);
	}
	if (directory)
		closedir(directory);
	return listed;
}

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *left = a;
	const struct candidate *right = b;

	return strcmp(left->name, right->name);
}

static void compare_listings(struct gc *gc)
{
	for (size_t i = 0; i < gc->count; i++) {
		struct candidate *candidate = &gc->candidates[i];
		candidate->is_gone = !is_there(gc->folder, candidate->name);
		gc->removed += candidate->is_gone;
		gc->kept += !candidate->is_gone && !candidate->is_shard;
	}
	if (gc->removed != gc->report.removed)
		gc->is_listed = false;
}

/* --------------------------------------------------------------------------------------- result */

/* Why something with the name of a draft is still there, as far as can be told. */
static const char *why_kept(const struct gc *gc, const char *name)
{
	char *path = join(gc->folder, name);
	struct stat facts;
	const char *why = "a living writer is at work on it, or it could not be removed";

	if (!path || lstat(path, &facts) != 0)
		why = "it cannot be looked at";
	else if (!S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode))
		why = "it is neither a file nor a folder";
	else if (facts.st_uid != geteuid())
		why = "it belongs to another user";
	else if (S_ISDIR(facts.st_mode))
		why = "a living writer is at work in it, or it holds what is not Cairn's";
	free(path);
	return why;
}

static void print_name(const char *word, const char *name, const char *why)
{
	printf("%s '", word);
	text_print(stdout, cairn_string_from(name), 0);
	printf("'%s%s\n", why ? ": " : "", why ? why : "");
}

static void print_names(const struct gc *gc)
{
	for (size_t i = 0; i < gc->count; i++) {
		const struct candidate *candidate = &gc->candidates[i];
		if (candidate->is_gone)
			print_name("removed", candidate->name, NULL);
		else if (!candidate->is_shard)
			print_name("kept", candidate->name, why_kept(gc, candidate->name));
	}
}

/* Of what the library kept, or (no locks there) did not even look at. */
static uint64_t kept_count(const struct gc *gc)
{
	return gc->is_listed && gc->kept > gc->report.kept ? gc->kept : gc->report.kept;
}

static void print_text(const struct gc *gc)
{
	char removed[CLI_SIZE_SIZE];
	char kept[CLI_SIZE_SIZE];

	if (gc->is_listed)
		print_names(gc);
	if (gc->report.removed == 0 && kept_count(gc) == 0)
		puts("nothing to do");
	else
		printf("%s removed, %s kept\n", cli_format_count(gc->report.removed, removed),
		       cli_format_count(kept_count(gc), kept));
}

static void json_names(struct json_output *json, const struct gc *gc, const char *key, bool gone)
{
	emit_key(json, key);
	if (!gc->is_listed) {
		emit_null(json);
		return;
	}
	emit_begin_array(json);
	for (size_t i = 0; i < gc->count; i++) {
		const struct candidate *candidate = &gc->candidates[i];
		if (candidate->is_gone == gone && (gone || !candidate->is_shard))
			emit_text(json, candidate->name);
	}
	emit_end_array(json);
}

static void print_json(const struct gc *gc)
{
	struct json_output json = {.file = stdout};

	emit_begin_object(&json);
	emit_key(&json, "path");
	emit_text(&json, gc->folder);
	emit_key(&json, "removed");
	emit_unsigned(&json, gc->report.removed);
	emit_key(&json, "kept");
	emit_unsigned(&json, kept_count(gc));
	json_names(&json, gc, "removed_names", true);
	json_names(&json, gc, "kept_names", false);
	emit_end_object(&json);
	emit_finish(&json);
}

/* -------------------------------------------------------------------------------------- command */

/* A checkpoint that was removed: as many files as it had, it counts as one. */
static void note_cleared(void *context, const char *path)
{
	struct gc *gc = context;
	const char *slash = strrchr(path, '/');

	gc->cleared++;
	if (!add_candidate(gc, NULL, slash ? slash + 1 : path))
		gc->is_listed = false;
}

/* First what the marks among the temporary names say, then these. */
static int run(struct gc *gc)
{
	struct cairn_error error = {.code = CAIRN_OK};

	if (!*gc->folder)
		return cli_usage_error("gc", "gc: the path of the folder is empty");
	gc->is_listed = true;
	enum cairn_status status = cairn_manager_clear(gc->folder, note_cleared, gc, &error);
	if (status != CAIRN_OK)
		return cli_fail(status, &error);
	gc->is_listed = list_folder(gc, gc->folder, NULL) && gc->is_listed;
	status = cairn_sweep(gc->folder, &gc->report, &error);
	if (status != CAIRN_OK)
		return cli_fail(status, &error);
	gc->report.removed += gc->cleared;
	if (gc->count)
		qsort(gc->candidates, gc->count, sizeof(*gc->candidates), compare_candidates);
	compare_listings(gc);
	if (gc->json)
		print_json(gc);
	else
		print_text(gc);
	return CLI_DONE;
}

int cmd_gc(int argc, char **argv)
{
	struct gc gc = {.folder = NULL};
	const struct cli_option options[] = {
		{"--json", CLI_FLAG, NULL, "one object", &gc.json},
	};
	const struct cli_usage usage = {
		"gc",
		"DIR",
		"Removes what dead writers left in a folder and in the sharded checkpoints in it.",
		"Those are names of the form .cairn-tmp-* and .cairn-trash-* that no living "
		"writer holds,\n"
		"shards that no index names, and checkpoints that a manager was about to remove "
		"when it died.\n"
		"Everything else stays as it is.\n",
		1,
		1,
		options,
		sizeof(options) / sizeof(options[0]),
	};
	struct cli_arguments arguments;
	int result = cli_parse(&usage, argc, argv, &arguments);

	if (result == CLI_GO_ON) {
		gc.folder = arguments.values[0];
		result = run(&gc);
	}
	for (size_t i = 0; i < gc.count; i++)
		free(gc.candidates[i].name);
	free(gc.candidates);
	return result;
}
