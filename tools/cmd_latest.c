/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn latest: the newest checkpoint of a folder that a training job writes to.
 *
 * What its state file names, if that is there; with --verified the newest of all listed ones that
 * is there and as it was written. Why newer ones were passed over is said on stderr.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/json_output.h"
#include "tools/progress.h"
#include "tools/text.h"

struct latest {
	const char *folder;
	const char *latest_filename; /* NULL: the default */
	bool verified;
	bool json;
};

/* Scripts get the bytes. */
static void print_path(const char *path)
{
	if (text_terminal_width(stdout))
		text_print(stdout, cairn_string_from(path), 0);
	else
		fputs(path, stdout);
	putchar('\n');
}

static int print(const struct latest *latest, const char *path, bool structure_only)
{
	struct json_output json = {.file = stdout};

	if (!latest->json) {
		print_path(path);
		return CLI_DONE;
	}
	emit_begin_object(&json);
	emit_key(&json, "path");
	emit_text(&json, latest->folder);
	emit_key(&json, "latest");
	emit_text(&json, path);
	emit_key(&json, "verified");
	emit_bool(&json, latest->verified && !structure_only);
	emit_end_object(&json);
	emit_finish(&json);
	return CLI_DONE;
}

static int print_latest(const struct latest *latest)
{
	struct cairn_error error = {.code = CAIRN_OK};
	char path[CAIRN_PATH_SIZE];
	const enum cairn_status status = cairn_state_latest(latest->folder, latest->latest_filename,
							    path, &error);

	if (status != CAIRN_OK)
		return cli_fail_state(latest->folder, status, &error);
	return print(latest, path, false);
}

/* ------------------------------------------------------------------------------------- verified */

/* The first problem, for the note. */
static int keep_problem(void *context, const struct cairn_problem *problem)
{
	struct cairn_error *error = context;

	if (error->code == CAIRN_OK) {
		error->code = problem->code;
		snprintf(error->message, sizeof(error->message), "%s", problem->message);
	}
	return progress_interrupted();
}

/* CAIRN_OK: every digest is right. Else `error` says why it is not taken. */
static enum cairn_status verify(const struct cairn_reader *reader, const char *path,
				bool *structure_only, struct cairn_error *error)
{
	struct cairn_error problem = {.code = CAIRN_OK};
	struct cairn_verify_report report = {0};
	char shown[128];
	struct progress progress;
	const struct cairn_verify_options options = {
		.size = sizeof(options),
		.on_problem = keep_problem,
		.problem_context = &problem,
		.progress = progress_update,
		.progress_context = &progress,
	};

	progress_begin(&progress, "verifying");
	const enum cairn_status status = cairn_reader_verify(reader, &options, &report, error);
	progress_end(&progress);
	if (status != CAIRN_OK)
		return status;
	*structure_only = report.structure_only;
	if (report.problem_count == 0)
		return CAIRN_OK;
	error->code = problem.code;
	snprintf(error->message, sizeof(error->message), "'%s': %.350s",
		 text_escape(cairn_string_from(path), shown, sizeof(shown)), problem.message);
	return problem.code;
}

static enum cairn_status try_checkpoint(const char *path, bool *structure_only,
					struct cairn_error *error)
{
	struct cairn_reader *reader = NULL;
	int exists = 0;
	enum cairn_status status = cairn_state_exists(path, &exists, error);

	if (status == CAIRN_OK && !exists) {
		char shown[CAIRN_MESSAGE_SIZE / 2];
		snprintf(error->message, sizeof(error->message), "'%s' is not there",
			 text_escape(cairn_string_from(path), shown, sizeof(shown)));
		return CAIRN_NOT_FOUND;
	}
	if (status == CAIRN_OK)
		status = cairn_reader_open(path, NULL, &reader, error);
	if (status == CAIRN_OK)
		status = verify(reader, path, structure_only, error);
	cairn_reader_close(reader);
	return status;
}

/* The number-th newest; NULL at the end or where the list repeats the latest. */
static const char *candidate(const struct cairn_state *state, uint64_t number)
{
	const char *path = state->model_checkpoint_path;

	if (number != 0) {
		path = state->all_model_checkpoint_paths[state->path_count - number];
		assert(path && state->model_checkpoint_path);
		if (strcmp(path, state->model_checkpoint_path) == 0)
			return NULL;
	}
	return path;
}

static int find_verified(const struct latest *latest, const struct cairn_state *state)
{
	for (uint64_t i = 0; i <= state->path_count; i++) {
		struct cairn_error error = {.code = CAIRN_OK};
		const char *path = candidate(state, i);
		bool structure_only = false;
		if (!path)
			continue;
		const enum cairn_status status = try_checkpoint(path, &structure_only, &error);
		if (status == CAIRN_CANCELLED || status == CAIRN_NO_MEMORY)
			return cli_fail(status, &error);
		if (status == CAIRN_OK) {
			if (structure_only)
				cli_note("structure only: its format has no digests");
			return print(latest, path, structure_only);
		}
		cli_note("passed over: %s", error.message);
	}
	return cli_error(CLI_NO, "'%s': no checkpoint in it is there and undamaged",
			 latest->folder);
}

static int print_verified(const struct latest *latest)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_state *state = NULL;
	const enum cairn_status status = cairn_state_get(latest->folder, latest->latest_filename,
							 &state, &error);

	if (status != CAIRN_OK)
		return cli_fail_state(latest->folder, status, &error);
	const int result = find_verified(latest, state);
	cairn_state_free(state);
	return result;
}

/* -------------------------------------------------------------------------------------- command */

int cmd_latest(int argc, char **argv)
{
	struct latest latest = {.folder = NULL};
	const struct cli_option options[] = {
		{"--json", CLI_FLAG, NULL, "one object", &latest.json},
		{"--latest-filename", CLI_TEXT, "NAME",
		 "of the state file, instead of 'checkpoint'", &latest.latest_filename},
		{"--verified", CLI_FLAG, NULL, "the newest whose every digest is right",
		 &latest.verified},
	};
	const struct cli_usage usage = {
		"latest",
		"DIR",
		"Prints the newest checkpoint of a folder, as its state file 'checkpoint' names "
		"it.",
		"The path that it prints can be given to the other commands. Exit status 1 when "
		"there is none,\n"
		"when it is not there, or when the state file is damaged. --verified goes back to "
		"the newest\n"
		"listed one that is there and undamaged, and says on stderr what it passed over.\n",
		1,
		1,
		options,
		sizeof(options) / sizeof(options[0]),
	};
	struct cli_arguments arguments;
	int result = cli_parse(&usage, argc, argv, &arguments);

	if (result == CLI_GO_ON)
		result = cli_check_state_arguments(usage.command, arguments.values[0],
						   latest.latest_filename);
	if (result != CLI_GO_ON)
		return result;
	latest.folder = arguments.values[0];
	return latest.verified ? print_verified(&latest) : print_latest(&latest);
}
