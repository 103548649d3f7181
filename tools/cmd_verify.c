/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn verify: is everything as it was written?
 *
 * The library reads and judges; this file reports. What is wrong is a result and goes to stdout,
 * one line (or one JSON object) for each thing; that something is wrong is also said on stderr. A
 * checkpoint that is too damaged to be opened is reported in the same form.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/colour.h"
#include "tools/commands.h"
#include "tools/json_output.h"
#include "tools/progress.h"
#include "tools/text.h"

/* Problems that are listed one by one. All are counted. */
#define LISTED_MAX 100000

struct verify {
	const char *path;
	bool several; /* paths: each line begins with its own */
	struct cli_documents documents;
	bool json;
	bool require_digests;
	struct cairn_verify_report report;
	bool has_digests;
	const char *check_name; /* "digest", or "checksum" of a foreign format */
	uint64_t listed;

	/* JSON comes out when all is known: an error on the way must leave stdout empty. */
	struct json_output problems;
	char *problems_text; /* owned; what the output wrote */
	size_t problems_size;
	struct progress progress;
};

/* ------------------------------------------------------------------------------------- problems */

static void json_number_or_null(struct json_output *json, const char *key, uint64_t value)
{
	emit_key(json, key);
	if (value == UINT64_MAX) /* CAIRN_NO_CHUNK, CAIRN_NO_OFFSET */
		emit_null(json);
	else
		emit_unsigned(json, value);
}

static void json_digest_or_null(struct json_output *json, const char *key,
				const struct cairn_problem *problem,
				const struct cairn_digest *digest, uint32_t crc)
{
	emit_key(json, key);
	if (problem->has_digests)
		emit_digest(json, digest);
	else
		emit_crc(json, problem->crc_kind, crc);
}

static void write_json_problem(struct json_output *json, const struct cairn_problem *problem)
{
	emit_begin_object(json);
	emit_key(json, "code");
	emit_text(json, cairn_status_name(problem->code));
	emit_key(json, "file");
	emit_text(json, problem->file);
	emit_key(json, "tensor");
	if (problem->tensor.data)
		emit_string(json, problem->tensor);
	else
		emit_null(json);
	json_number_or_null(json, "chunk", problem->chunk);
	json_number_or_null(json, "offset", problem->offset);
	json_digest_or_null(json, "expected", problem, &problem->expected, problem->expected_crc);
	json_digest_or_null(json, "found", problem, &problem->found, problem->found_crc);
	emit_key(json, "message");
	emit_text(json, problem->message);
	emit_end_object(json);
}

static void print_path(const struct verify *verify)
{
	if (!verify->several)
		return;
	text_print(stdout, cairn_string_from(verify->path), 0);
	fputs(": ", stdout);
}

static int on_problem(void *context, const struct cairn_problem *problem)
{
	struct verify *verify = context;

	if (verify->listed == LISTED_MAX)
		return progress_interrupted();
	verify->listed++;
	if (verify->json) {
		write_json_problem(&verify->problems, problem);
	} else {
		progress_end(&verify->progress);
		print_path(verify);
		text_print(stdout, cairn_string_from(problem->message), 0);
		putchar('\n');
	}
	return progress_interrupted();
}

/*
 * Which file of a checkpoint is meant: messages begin with the quoted names of the checkpoint and
 * of the files on the way. Into `name`; false when the message names only one, or one that had to
 * be escaped.
 */
static bool file_from_message(const char *message, char name[CAIRN_MESSAGE_SIZE])
{
	int names = 0;

	*name = '\0';
	while (*message == '\'') {
		const char *end = strstr(message, "': ");
		if (!end)
			break;
		snprintf(name, CAIRN_MESSAGE_SIZE, "%.*s", (int)(end - message - 1), message + 1);
		message = end + strlen("': ");
		names++;
	}
	return names > 1 && !strpbrk(name, "\\/");
}

/* The problem that kept a checkpoint from being opened. */
static void report_unopened(struct verify *verify, enum cairn_status status,
			    const struct cairn_error *error)
{
	const char *slash = strrchr(verify->path, '/');
	const char *base = slash && slash[1] ? slash + 1 : verify->path;
	char part[CAIRN_MESSAGE_SIZE];
	const struct cairn_problem problem = {
		.code = status,
		.file = file_from_message(error->message, part) ? part : base,
		.chunk = CAIRN_NO_CHUNK,
		.offset = error->offset,
		.message = error->message,
	};

	verify->report.problem_count = 1;
	on_problem(verify, &problem);
}

/* --------------------------------------------------------------------------------------- result */

static bool is_ok(const struct verify *verify)
{
	if (verify->report.structure_only && verify->require_digests)
		return false;
	return verify->report.problem_count == 0;
}

static int print_json(struct verify *verify)
{
	struct json_output json = {.file = stdout};

	emit_end_array(&verify->problems);
	if (fclose(verify->problems.file) || verify->problems.failed) {
		verify->problems.file = NULL;
		return cli_error(CLI_UNKNOWN, "out of memory");
	}
	verify->problems.file = NULL;
	cli_document_begin(&verify->documents);
	emit_begin_object(&json);
	if (verify->several) {
		emit_key(&json, "path");
		emit_text(&json, verify->path);
	}
	emit_key(&json, "ok");
	emit_bool(&json, is_ok(verify));
	emit_key(&json, "structure_only");
	emit_bool(&json, verify->report.structure_only);
	emit_key(&json, "tensors");
	emit_unsigned(&json, verify->report.tensor_count);
	emit_key(&json, "bytes");
	emit_unsigned(&json, verify->report.bytes);
	emit_key(&json, "digests");
	emit_bool(&json, verify->has_digests);
	emit_key(&json, "problem_count");
	emit_unsigned(&json, verify->report.problem_count);
	emit_key(&json, "problems");
	fwrite(verify->problems_text, 1, verify->problems_size, stdout);
	emit_end_object(&json);
	emit_finish(&json);
	return CLI_GO_ON;
}

static void print_text(const struct verify *verify)
{
	const struct cairn_verify_report *report = &verify->report;
	char count[CLI_SIZE_SIZE];
	char size[CLI_SIZE_SIZE];

	if (report->problem_count > verify->listed) {
		print_path(verify);
		printf("... and %" PRIu64 " more\n", report->problem_count - verify->listed);
	}
	if (report->problem_count)
		return;
	print_path(verify);
	cli_format_count(report->tensor_count, count);
	if (report->structure_only)
		printf("%sstructure only%s: this format has no digests\n",
		       colour(stdout, COLOUR_WARNING), colour(stdout, COLOUR_NONE));
	else
		printf("%sok%s: %s tensor%s, %s, every %s as written\n",
		       colour(stdout, COLOUR_GOOD), colour(stdout, COLOUR_NONE), count,
		       cli_plural(report->tensor_count),
		       cli_format_size((double)report->bytes, size), verify->check_name);
}

static int conclude(struct verify *verify)
{
	const struct cairn_verify_report *report = &verify->report;
	char count[CLI_SIZE_SIZE];

	if (verify->json) {
		const int result = print_json(verify);
		if (result != CLI_GO_ON)
			return result;
	} else {
		print_text(verify);
	}
	if (report->problem_count)
		return cli_error(CLI_NO, "'%s': damaged: %s problem%s", verify->path,
				 cli_format_count(report->problem_count, count),
				 cli_plural(report->problem_count));
	if (!is_ok(verify))
		return cli_error(
			CLI_NO,
			"'%s': there are no digests to verify; converted to .cairn it gets them",
			verify->path);
	return CLI_DONE;
}

/* -------------------------------------------------------------------------------------- command */

/* Damage is the answer here, not a reason for having none. */
static bool is_damage(enum cairn_status status)
{
	return status == CAIRN_CORRUPT || status == CAIRN_CHECKSUM || status == CAIRN_TRUNCATED;
}

static int verify_reader(struct verify *verify, const struct cairn_reader *reader)
{
	struct cairn_error error = {.code = CAIRN_OK};
	const struct cairn_verify_options options = {
		.size = sizeof(options),
		.on_problem = on_problem,
		.problem_context = verify,
		.progress = progress_update,
		.progress_context = &verify->progress,
	};

	verify->has_digests = cli_info(reader).has_digests;
	verify->check_name = strncmp(cli_info(reader).format, "tensorflow", 10) == 0 ? "checksum"
										     : "digest";
	progress_begin(&verify->progress, "verifying");
	const enum cairn_status status = cairn_reader_verify(reader, &options, &verify->report,
							     &error);
	progress_end(&verify->progress);
	return status == CAIRN_OK ? CLI_GO_ON : cli_fail(status, &error);
}

static int verify_path(struct verify *verify)
{
	struct cairn_error error = {.code = CAIRN_OK, .offset = CAIRN_ERROR_NO_OFFSET};
	struct cairn_reader *reader = NULL;
	const enum cairn_status status = cairn_reader_open(verify->path, NULL, &reader, &error);

	if (is_damage(status)) {
		report_unopened(verify, status, &error);
		return CLI_GO_ON;
	}
	if (status != CAIRN_OK)
		return cli_fail_open(verify->path, status, &error);
	const struct cairn_reader_info info = cli_info(reader);
	if (info.note)
		cli_note("%s", info.note);
	const int result = verify_reader(verify, reader);
	cairn_reader_close(reader);
	return result;
}

/* A cli_path_run: `context` says what was asked for, and each path begins from there. */
static int run(void *context, const char *path)
{
	struct verify *request = context;
	struct verify verify = *request;

	verify.path = path;
	verify.problems.file = open_memstream(&verify.problems_text, &verify.problems_size);
	if (!verify.problems.file)
		return cli_error(CLI_UNKNOWN, "out of memory");
	emit_begin_array(&verify.problems);
	int result = verify_path(&verify);
	if (result == CLI_GO_ON)
		result = conclude(&verify);
	if (verify.problems.file)
		fclose(verify.problems.file);
	free(verify.problems_text);
	request->documents = verify.documents;
	return result;
}

int cmd_verify(int argc, char **argv)
{
	struct verify verify = {.path = NULL};
	const struct cli_option options[] = {
		{"--json", CLI_FLAG, NULL, "an object with all problems", &verify.json},
		{"--require-digests", CLI_FLAG, NULL, "a format without digests is a failure",
		 &verify.require_digests},
	};
	const struct cli_usage usage = {
		"verify",
		"PATH...",
		"Reads a whole checkpoint and checks every digest and every structural rule.",
		"Each problem names the tensor, the chunk and the place in the file. Formats "
		"without digests\n"
		"(safetensors) can only be checked for their structure, and the answer says so.\n"
		"At most 100,000 problems are listed; all are counted. Of several paths the exit "
		"status is the\n"
		"worst, and --json prints an array.\n",
		1,
		SIZE_MAX,
		options,
		sizeof(options) / sizeof(options[0]),
	};
	struct cli_arguments arguments;
	int result = cli_parse(&usage, argc, argv, &arguments);

	if (result != CLI_GO_ON)
		return result;
	verify.several = arguments.count > 1;
	verify.documents.several = verify.several;
	progress_defer_signals();
	result = cli_each_path(&arguments, run, &verify);
	cli_documents_end(&verify.documents);
	return result;
}
