/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn explain: how the tensors of a checkpoint would be brought in here, and why that way.
 *
 * The plan is made and laid out, and not carried out. Steps that follow each other in a file and
 * come in the same way for the same reason are one line for people; JSON has each of them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/colour.h"
#include "tools/commands.h"
#include "tools/json_output.h"
#include "tools/text.h"

/* Lines of the table, unless all were asked for. */
#define LISTED_MAX 20

/* Columns of what is printed. */
#define BYTES_WIDTH 11

struct explain {
	const char *pattern; /* or NULL: all */
	const char *into;    /* "buffers", "views", "pages" */
	bool json;
	bool all;
	uint64_t threads;
	uint64_t memory;
	struct cairn_reader *reader;
	struct cairn_plan *plan;
	struct cairn_plan_report report;
	const char *path;
};

static const struct {
	const char *name;
	enum cairn_plan_destination destination;
} destinations[] = {
	{"buffers", CAIRN_PLAN_BUFFER},
	{"views", CAIRN_PLAN_VIEW},
	{"pages", CAIRN_PLAN_PREFETCH},
};

#define DESTINATION_COUNT (sizeof(destinations) / sizeof(destinations[0]))

static const char *const transport_names[] = {"", "mapped", "read", "decode"};
static const char *const residency_names[] = {"unknown", "in memory", "not in memory"};

/* --------------------------------------------------------------------------------- the plan */

static bool find_destination(const char *name, enum cairn_plan_destination *destination)
{
	for (size_t i = 0; i < DESTINATION_COUNT; i++) {
		if (strcmp(destinations[i].name, name) == 0) {
			*destination = destinations[i].destination;
			return true;
		}
	}
	return false;
}

/* Nothing is written to the buffer: the plan is never run. */
static int add_tensor(struct explain *explain, const struct cairn_tensor *tensor,
		      enum cairn_plan_destination destination)
{
	static char nowhere;
	const struct cairn_plan_entry entry = {
		.size = sizeof(entry),
		.name = tensor->name,
		.destination = destination,
		.buffer = &nowhere,
		.buffer_size = tensor->size,
	};
	struct cairn_error error = {.code = CAIRN_OK};
	const enum cairn_status status = cairn_plan_add(explain->plan, &entry, 1, &error);

	return status == CAIRN_OK ? CLI_GO_ON : cli_fail(status, &error);
}

static int add_tensors(struct explain *explain, enum cairn_plan_destination destination)
{
	const uint64_t count = cairn_reader_tensor_count(explain->reader);
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_tensor tensor;
	int result = CLI_GO_ON;

	for (uint64_t i = 0; i < count && result == CLI_GO_ON; i++) {
		const enum cairn_status status = cairn_reader_tensor_at(explain->reader, i, &tensor,
									&error);
		if (status != CAIRN_OK)
			return cli_fail(status, &error);
		if (!explain->pattern || text_matches(explain->pattern, tensor.name))
			result = add_tensor(explain, &tensor, destination);
	}
	return result;
}

static int make_plan(struct explain *explain, enum cairn_plan_destination destination)
{
	const struct cairn_plan_options options = {
		.size = sizeof(options),
		.flags = CAIRN_PLAN_PREDICT,
		.thread_count = (uint32_t)explain->threads,
		.memory_max = explain->memory,
	};
	struct cairn_error error = {.code = CAIRN_OK};
	enum cairn_status status = cairn_plan_create(explain->reader, &options, &explain->plan,
						     &error);
	int result;

	if (status != CAIRN_OK)
		return cli_fail(status, &error);
	result = add_tensors(explain, destination);
	if (result != CLI_GO_ON)
		return result;
	status = cairn_plan_prepare(explain->plan, &error);
	if (status != CAIRN_OK)
		return cli_fail(status, &error);
	explain->report.size = sizeof(explain->report);
	cairn_plan_report(explain->plan, &explain->report);
	return CLI_GO_ON;
}

static struct cairn_plan_step step_at(const struct explain *explain, uint64_t number)
{
	struct cairn_plan_step step = {.size = 0};

	if (cairn_plan_step(explain->plan, number, &step, NULL) != CAIRN_OK)
		step.reason = "";
	return step;
}

/* ------------------------------------------------------------------------------------- JSON */

static void json_count(struct json_output *json, const char *key, uint64_t count)
{
	emit_key(json, key);
	emit_unsigned(json, count);
}

static void json_text(struct json_output *json, const char *key, const char *text)
{
	emit_key(json, key);
	emit_text(json, text);
}

static void json_step(struct json_output *json, const struct cairn_plan_step *step)
{
	emit_begin_object(json);
	emit_key(json, "file");
	emit_string(json, step->file);
	json_count(json, "offset", step->offset);
	json_count(json, "nbytes", step->size);
	json_count(json, "entries", step->entries);
	json_text(json, "transport", transport_names[step->transport]);
	json_text(json, "residency", residency_names[step->residency]);
	json_text(json, "reason", step->reason);
	emit_end_object(json);
}

/* Tensors that cannot be restored, and why. */
static void json_refused(struct json_output *json, const struct explain *explain)
{
	emit_key(json, "refused");
	emit_begin_array(json);
	for (uint64_t i = 0; i < explain->report.entries; i++) {
		struct cairn_plan_result result = {.size = sizeof(result)};

		if (cairn_plan_result(explain->plan, i, &result, NULL) != CAIRN_OK ||
		    result.status == CAIRN_OK)
			continue;
		emit_begin_object(json);
		emit_key(json, "name");
		emit_string(json, result.tensor.name);
		json_text(json, "code", cairn_status_name(result.status));
		json_text(json, "message", result.error ? result.error->message : NULL);
		emit_end_object(json);
	}
	emit_end_array(json);
}

static void json_facts(struct json_output *json, const struct explain *explain)
{
	const struct cairn_plan_report *report = &explain->report;

	json_text(json, "path", explain->path);
	json_text(json, "into", explain->into);
	json_count(json, "tensors", report->entries);
	json_count(json, "bytes", report->bytes);
	json_count(json, "file_bytes", report->file_bytes);
	json_count(json, "threads", report->threads);
	json_count(json, "private_bytes", report->private_bytes);
	emit_key(json, "memory_available");
	if (report->memory_available == CAIRN_PLAN_NOT_LIMITED)
		emit_null(json);
	else
		emit_unsigned(json, report->memory_available);
	emit_key(json, "verified");
	emit_bool(json, report->verified != 0);
	json_count(json, "resident_bytes", report->resident_bytes);
	json_count(json, "absent_bytes", report->absent_bytes);
	json_count(json, "unknown_bytes", report->unknown_bytes);
	json_count(json, "mapped_bytes", report->mapped_bytes);
	json_count(json, "read_bytes", report->read_bytes);
	json_count(json, "decoded_bytes", report->decoded_bytes);
	json_count(json, "skipped_bytes", report->skipped_bytes);
	json_count(json, "predicted_bytes_per_second", report->predicted_rate);
}

static int print_json(const struct explain *explain)
{
	struct json_output json = {.file = stdout};

	emit_begin_object(&json);
	json_facts(&json, explain);
	json_refused(&json, explain);
	emit_key(&json, "steps");
	emit_begin_array(&json);
	for (uint64_t i = 0; i < explain->report.steps && !ferror(stdout); i++) {
		const struct cairn_plan_step step = step_at(explain, i);

		json_step(&json, &step);
	}
	emit_end_array(&json);
	emit_end_object(&json);
	if (!emit_finish(&json) && json.failed)
		return cli_error(CLI_UNKNOWN, "out of memory");
	return CLI_DONE;
}

/* ------------------------------------------------------------------------------- for people */

static void print_bytes(const char *what, uint64_t bytes, const char *how)
{
	char size[CLI_SIZE_SIZE];

	if (bytes != 0)
		printf("  %-14s %*s%s\n", what, BYTES_WIDTH, cli_format_size((double)bytes, size),
		       how);
}

static void print_memory(const struct cairn_plan_report *report)
{
	char size[CLI_SIZE_SIZE];

	printf("  %-14s %*s  of its own, at most\n", "memory", BYTES_WIDTH,
	       cli_format_size((double)report->private_bytes, size));
	if (report->memory_available != CAIRN_PLAN_NOT_LIMITED)
		printf("  %-14s %*s  may still be brought into memory by this process\n", "room",
		       BYTES_WIDTH, cli_format_size((double)report->memory_available, size));
}

static void print_prediction(const struct cairn_plan_report *report)
{
	char size[CLI_SIZE_SIZE];
	double seconds;

	if (report->predicted_rate == 0)
		return;
	seconds = (double)report->file_bytes / (double)report->predicted_rate;
	printf("  %-14s %*s  a second, ", "predicted", BYTES_WIDTH,
	       cli_format_size((double)report->predicted_rate, size));
	if (seconds < 0.001)
		printf("less than a millisecond\n");
	else if (seconds < 1)
		printf("about %.0f ms\n", seconds * 1000);
	else
		printf("about %.1f s\n", seconds);
}

static void print_summary(const struct explain *explain)
{
	const struct cairn_plan_report *report = &explain->report;
	char count[CLI_SIZE_SIZE];
	char size[CLI_SIZE_SIZE];

	printf("%s tensor%s, %s into %s\n", cli_format_count(report->entries, count),
	       cli_plural(report->entries), cli_format_size((double)report->bytes, size),
	       explain->into);
	print_bytes("in memory", report->resident_bytes, "");
	print_bytes("not in memory", report->absent_bytes, "");
	print_bytes("unknown", report->unknown_bytes, "  by what the kernel says");
	print_bytes("mapped", report->mapped_bytes, "  used where it is mapped");
	print_bytes("read", report->read_bytes, "  in large pieces");
	print_bytes("decode", report->decoded_bytes, "  read and put into another form");
	print_bytes("left out", report->skipped_bytes, "  memory has no room for it");
	printf("  %-14s %*" PRIu32 "\n", "threads", BYTES_WIDTH, report->threads);
	print_memory(report);
	print_prediction(report);
	printf("  %s\n", report->verified ? "every byte is verified on the way"
					  : "nothing is verified: there are no digests");
}

static void print_refused(const struct explain *explain)
{
	uint64_t found = 0;

	for (uint64_t i = 0; i < explain->report.entries && found < explain->report.entries_failed;
	     i++) {
		struct cairn_plan_result result = {.size = sizeof(result)};

		if (cairn_plan_result(explain->plan, i, &result, NULL) != CAIRN_OK ||
		    result.status == CAIRN_OK)
			continue;
		if (found++ < LISTED_MAX)
			printf("%snot restored:%s %s\n", colour(stdout, COLOUR_BAD),
			       colour(stdout, COLOUR_NONE),
			       result.error ? result.error->message
					    : cairn_status_name(result.status));
	}
	if (found > LISTED_MAX)
		printf("and %" PRIu64 " more\n", found - LISTED_MAX);
}

static bool continues(const struct cairn_plan_step *run, const struct cairn_plan_step *step)
{
	return run->file.data == step->file.data && run->transport == step->transport &&
	       strcmp(run->reason, step->reason) == 0;
}

static void print_run(const struct cairn_plan_step *run, uint64_t steps)
{
	char size[CLI_SIZE_SIZE];
	char count[CLI_SIZE_SIZE];

	printf("%14" PRIu64 " %*s %9s  %-6s  %s", run->offset, BYTES_WIDTH,
	       cli_format_size((double)run->size, size), cli_format_count(steps, count),
	       transport_names[run->transport], run->reason);
	if (run->file.size != 0) {
		fputs("  ", stdout);
		text_print(stdout, run->file, 0);
	}
	putchar('\n');
}

static void print_steps(const struct explain *explain)
{
	const uint64_t count = explain->report.steps;
	uint64_t lines = 0;
	uint64_t left = 0;

	if (count != 0)
		printf("%s%14s %*s %9s  %-6s  %s%s\n", colour(stdout, COLOUR_HEADING), "offset",
		       BYTES_WIDTH, "size", "steps", "how", "why, and in which file",
		       colour(stdout, COLOUR_NONE));
	for (uint64_t i = 0; i < count && !ferror(stdout);) {
		struct cairn_plan_step run = step_at(explain, i);
		uint64_t steps = 1;

		for (; i + steps < count; steps++) {
			const struct cairn_plan_step step = step_at(explain, i + steps);

			if (!continues(&run, &step))
				break;
			run.size = cli_add(run.size, step.size);
		}
		i += steps;
		if (explain->all || lines++ < LISTED_MAX)
			print_run(&run, steps);
		else
			left += steps;
	}
	if (left != 0)
		printf("and %" PRIu64 " more steps; --all has them\n", left);
}

static int print_text(const struct explain *explain)
{
	print_summary(explain);
	print_refused(explain);
	print_steps(explain);
	return CLI_DONE;
}

/* --------------------------------------------------------------------------------- the command */

static int run(struct explain *explain)
{
	enum cairn_plan_destination destination;
	int result;

	if (!find_destination(explain->into, &destination))
		return cli_usage_error("explain", "--into is buffers, views or pages, not '%s'",
				       explain->into);
	if (explain->threads > 64)
		return cli_usage_error("explain", "--threads is at most 64");
	result = cli_open(explain->path, NULL, &explain->reader);
	if (result != CLI_GO_ON)
		return result;
	result = make_plan(explain, destination);
	if (result == CLI_GO_ON)
		result = explain->json ? print_json(explain) : print_text(explain);
	cairn_plan_destroy(explain->plan);
	cairn_reader_close(explain->reader);
	return result;
}

int cmd_explain(int argc, char **argv)
{
	struct explain explain = {.into = "buffers"};
	const struct cli_option options[] = {
		{"--json", CLI_FLAG, NULL, "an object, with every step", &explain.json},
		{"--into", CLI_TEXT, "WHAT", "buffers (default), views or pages", &explain.into},
		{"--match", CLI_TEXT, "GLOB", "only names that match, e.g. 'h.*.weight'",
		 &explain.pattern},
		{"--threads", CLI_COUNT, "N", "by so many threads; default: chosen",
		 &explain.threads},
		{"--memory", CLI_SIZE, "SIZE", "with so much private memory; default: no limit",
		 &explain.memory},
		{"--all", CLI_FLAG, NULL, "all lines of the table", &explain.all},
	};
	const struct cli_usage usage = {
		"explain",
		"PATH",
		"Says how a restore would be carried out here, and why.",
		"The plan is made and not carried out: what is read in which order, what is used "
		"where it is\n"
		"mapped, by how many threads, and how fast that may be. To predict, up to 8 MiB of "
		"what is\n"
		"not in memory are read.\n",
		1,
		1,
		options,
		sizeof(options) / sizeof(options[0]),
	};
	struct cli_arguments arguments;
	const int result = cli_parse(&usage, argc, argv, &arguments);

	if (result != CLI_GO_ON)
		return result;
	explain.path = arguments.values[0];
	return run(&explain);
}
