/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn info: what a checkpoint is.
 *
 * Looks at the records of all tensors and reads all metadata, but no tensor data. Everything is
 * gathered before the first byte is printed, so that damage gives an error and no half of a
 * document.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/colour.h"
#include "tools/commands.h"
#include "tools/info_graph.h"
#include "tools/json_output.h"
#include "tools/metadata_value.h"
#include "tools/text.h"

/* Of the metadata, shown to a person. */
#define METADATA_SHOWN_MAX 40

struct dtype_total {
	enum cairn_dtype dtype;
	uint64_t tensors;
	uint64_t bytes;
	uint64_t stored; /* bytes in the files */
	uint64_t raw;    /* bytes that these are */
};

struct facts {
	const char *path;
	struct cairn_reader *reader;
	struct cairn_reader_info info;
	uint64_t parameters;
	uint64_t bytes;
	struct dtype_total *dtypes; /* owned; ordered by code */
	size_t dtype_count;
	uint64_t alignment_minimum; /* 0: nothing is stored */
	uint64_t unaligned;
};

/* ------------------------------------------------------------------------------------ gathering */

static struct dtype_total *total_of(struct facts *facts, enum cairn_dtype dtype)
{
	size_t at = 0;

	while (at < facts->dtype_count && facts->dtypes[at].dtype < dtype)
		at++;
	if (at < facts->dtype_count && facts->dtypes[at].dtype == dtype)
		return &facts->dtypes[at];
	struct dtype_total *dtypes = reallocarray(facts->dtypes, facts->dtype_count + 1,
						  sizeof(*dtypes));
	if (!dtypes)
		return NULL;
	memmove(dtypes + at + 1, dtypes + at, (facts->dtype_count - at) * sizeof(*dtypes));
	dtypes[at] = (struct dtype_total){.dtype = dtype};
	facts->dtypes = dtypes;
	facts->dtype_count++;
	return &dtypes[at];
}

/* The largest power of two that divides an offset; files begin at a page. */
static uint64_t alignment_of(uint64_t offset)
{
	return offset ? offset & (~offset + 1) : 4096;
}

static int add_slices(struct facts *facts, struct dtype_total *total,
		      const struct cairn_tensor *tensor)
{
	const struct cairn_dtype_info *dtype = cairn_dtype_info(tensor->dtype);
	const uint64_t wanted = dtype && dtype->alignment ? dtype->alignment : 1;
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_stored_slice slice;
	bool unaligned = false;

	for (uint32_t i = 0; i < tensor->slice_count; i++) {
		const enum cairn_status status = cairn_tensor_stored_slice(tensor, i, &slice,
									   &error);
		if (status != CAIRN_OK)
			return cli_fail(status, &error);
		total->raw = cli_add(total->raw, slice.size);
		if (slice.offset == CAIRN_NO_OFFSET || slice.size == 0)
			continue;
		const uint64_t alignment = alignment_of(slice.offset);
		if (!facts->alignment_minimum || alignment < facts->alignment_minimum)
			facts->alignment_minimum = alignment;
		unaligned = unaligned || alignment < wanted;
	}
	facts->unaligned += unaligned;
	return CLI_GO_ON;
}

/* Only containers are compressed in a way that shows here. */
static bool is_cairn(const struct facts *facts)
{
	return strncmp(facts->info.format, "cairn", strlen("cairn")) == 0;
}

static int add_stored(struct dtype_total *total, const struct cairn_tensor *tensor)
{
	struct cairn_error error = {.code = CAIRN_OK};
	uint64_t stored = 0;
	const enum cairn_status status = cairn_tensor_stored_bytes(tensor, &stored, &error);

	if (status != CAIRN_OK)
		return cli_fail(status, &error);
	total->stored = cli_add(total->stored, stored);
	return CLI_GO_ON;
}

static int add_tensor(struct facts *facts, const struct cairn_tensor *tensor)
{
	struct dtype_total *total = total_of(facts, tensor->dtype);
	const uint64_t bytes = cli_tensor_bytes(tensor);

	if (!total)
		return cli_error(CLI_UNKNOWN, "out of memory");
	total->tensors++;
	total->bytes = cli_add(total->bytes, bytes);
	facts->bytes = cli_add(facts->bytes, bytes);
	if (!cli_has_strings(tensor))
		facts->parameters = cli_add(facts->parameters, tensor->element_count);
	const int result = is_cairn(facts) ? add_stored(total, tensor) : CLI_GO_ON;
	return result == CLI_GO_ON ? add_slices(facts, total, tensor) : result;
}

static int gather(struct facts *facts)
{
	const uint64_t count = cairn_reader_tensor_count(facts->reader);
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_tensor tensor;

	facts->info = cli_info(facts->reader);
	for (uint64_t i = 0; i < count; i++) {
		const enum cairn_status status = cairn_reader_tensor_at(facts->reader, i, &tensor,
									&error);
		if (status != CAIRN_OK)
			return cli_fail(status, &error);
		const int result = add_tensor(facts, &tensor);
		if (result != CLI_GO_ON)
			return result;
	}
	return CLI_GO_ON;
}

static int shard_at(const struct facts *facts, uint32_t index, struct cairn_shard *shard)
{
	struct cairn_error error = {.code = CAIRN_OK};
	const enum cairn_status status = cairn_reader_shard(facts->reader, index, shard, &error);

	return status == CAIRN_OK ? CLI_GO_ON : cli_fail(status, &error);
}

/* ------------------------------------------------------------------------------------- metadata */

static int take_entry(const struct facts *facts, uint64_t index, struct metadata_value *entry)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_tensor tensor;
	const enum cairn_status status = cairn_reader_metadata_at(facts->reader, index, &tensor,
								  &error);

	return status == CAIRN_OK ? metadata_take(&tensor, entry) : cli_fail(status, &error);
}

static int json_metadata(struct json_output *json, const struct facts *facts)
{
	int result = CLI_GO_ON;

	emit_key(json, "metadata");
	emit_begin_object(json);
	for (uint64_t i = 0; i < facts->info.metadata_count && result == CLI_GO_ON; i++) {
		struct metadata_value entry;
		result = take_entry(facts, i, &entry);
		if (result != CLI_GO_ON)
			break;
		emit_key_string(json, entry.tensor.name);
		result = metadata_json(json, &entry, entry.tensor.element_count);
		cairn_view_release(&entry.view);
	}
	emit_end_object(json);
	return result;
}

/* ----------------------------------------------------------------------------------------- JSON */

static void json_dtypes(struct json_output *json, const struct facts *facts)
{
	char name[CLI_DTYPE_SIZE];

	emit_key(json, "dtypes");
	emit_begin_object(json);
	for (size_t i = 0; i < facts->dtype_count; i++) {
		emit_key(json, cli_dtype_name(facts->dtypes[i].dtype, name));
		emit_begin_object(json);
		emit_key(json, "tensors");
		emit_unsigned(json, facts->dtypes[i].tensors);
		emit_key(json, "bytes");
		emit_unsigned(json, facts->dtypes[i].bytes);
		if (facts->dtypes[i].stored < facts->dtypes[i].raw && is_cairn(facts)) {
			emit_key(json, "stored_bytes");
			emit_unsigned(json, facts->dtypes[i].stored);
		}
		emit_end_object(json);
	}
	emit_end_object(json);
}

static int json_shards(struct json_output *json, const struct facts *facts)
{
	const uint32_t count = cairn_reader_shard_count(facts->reader);
	struct cairn_shard shard;

	emit_key(json, "shards");
	emit_begin_array(json);
	for (uint32_t i = 0; i < count; i++) {
		const int result = shard_at(facts, i, &shard);
		if (result != CLI_GO_ON)
			return result;
		emit_begin_object(json);
		emit_key(json, "file");
		emit_string(json, shard.name);
		emit_key(json, "bytes");
		emit_unsigned(json, shard.size);
		emit_end_object(json);
	}
	emit_end_array(json);
	return CLI_GO_ON;
}

static void json_alignment(struct json_output *json, const struct facts *facts)
{
	emit_key(json, "alignment");
	emit_begin_object(json);
	emit_key(json, "minimum");
	if (facts->alignment_minimum)
		emit_unsigned(json, facts->alignment_minimum);
	else
		emit_null(json);
	emit_key(json, "unaligned");
	emit_unsigned(json, facts->unaligned);
	emit_end_object(json);
}

static void json_totals(struct json_output *json, const struct facts *facts)
{
	emit_key(json, "path");
	emit_text(json, facts->path);
	emit_key(json, "format");
	emit_text(json, facts->info.format);
	emit_key(json, "version");
	if (facts->info.format_version)
		emit_unsigned(json, facts->info.format_version);
	else
		emit_null(json);
	emit_key(json, "tensors");
	emit_unsigned(json, facts->info.tensor_count);
	emit_key(json, "parameters");
	emit_unsigned(json, facts->parameters);
	emit_key(json, "bytes");
	emit_unsigned(json, facts->bytes);
	emit_key(json, "file_bytes");
	emit_unsigned(json, facts->info.file_bytes);
}

static int write_json(struct json_output *json, const struct facts *facts)
{
	emit_begin_object(json);
	json_totals(json, facts);
	json_dtypes(json, facts);
	int result = json_shards(json, facts);
	if (result != CLI_GO_ON)
		return result;
	json_alignment(json, facts);
	emit_key(json, "digests");
	emit_bool(json, facts->info.has_digests);
	result = json_metadata(json, facts);
	emit_key(json, "sidecar");
	emit_null(json);
	emit_end_object(json);
	return result;
}

static int print_json(const struct facts *facts, struct cli_documents *documents)
{
	char *text = NULL;
	size_t size = 0;
	struct json_output json = {.file = open_memstream(&text, &size)};

	if (!json.file)
		return cli_error(CLI_UNKNOWN, "out of memory");
	int result = write_json(&json, facts);
	const bool written = emit_finish(&json);
	const bool whole = fclose(json.file) == 0 && written;
	if (result == CLI_GO_ON && !whole)
		result = cli_error(CLI_UNKNOWN, "out of memory");
	if (result == CLI_GO_ON) {
		cli_document_begin(documents);
		fwrite(text, 1, size, stdout);
		result = CLI_DONE;
	}
	free(text);
	return result;
}

/* ----------------------------------------------------------------------------------- for people */

static void print_label(const char *label)
{
	printf("%s%-12s%s", colour(stdout, COLOUR_HEADING), label, colour(stdout, COLOUR_NONE));
}

static void print_totals(const struct facts *facts)
{
	char text[CLI_SIZE_SIZE];

	print_label("path");
	text_print(stdout, cairn_string_from(facts->path), 0);
	putchar('\n');
	print_label("format");
	printf("%s", facts->info.format);
	if (facts->info.format_version)
		printf(", version %" PRIu32, facts->info.format_version);
	putchar('\n');
	print_label("tensors");
	puts(cli_format_count(facts->info.tensor_count, text));
	print_label("parameters");
	puts(cli_format_count(facts->parameters, text));
	print_label("bytes");
	printf("%s of tensors,", cli_format_size((double)facts->bytes, text));
	printf(" %s of files\n", cli_format_size((double)facts->info.file_bytes, text));
}

static void print_dtypes(const struct facts *facts)
{
	char name[CLI_DTYPE_SIZE];
	char count[CLI_SIZE_SIZE];
	char size[CLI_SIZE_SIZE];

	for (size_t i = 0; i < facts->dtype_count; i++) {
		const struct dtype_total *total = &facts->dtypes[i];
		print_label(i ? "" : "types");
		printf("%-14s %s tensor%s, %s", cli_dtype_name(total->dtype, name),
		       cli_format_count(total->tensors, count), cli_plural(total->tensors),
		       cli_format_size((double)total->bytes, size));
		if (total->stored < total->raw && is_cairn(facts))
			printf(" in %s (%.3f)", cli_format_size((double)total->stored, size),
			       (double)total->stored / (double)total->raw);
		putchar('\n');
	}
}

static int print_shards(const struct facts *facts)
{
	const uint32_t count = cairn_reader_shard_count(facts->reader);
	struct cairn_shard shard;
	char size[CLI_SIZE_SIZE];

	for (uint32_t i = 0; i < count; i++) {
		const int result = shard_at(facts, i, &shard);
		if (result != CLI_GO_ON)
			return result;
		print_label(i ? "" : count == 1 ? "file" : "files");
		text_print(stdout, shard.name, 0);
		printf(", %s\n", cli_format_size((double)shard.size, size));
	}
	return CLI_GO_ON;
}

static void print_guarantees(const struct facts *facts)
{
	char size[CLI_SIZE_SIZE];

	print_label("alignment");
	if (!facts->alignment_minimum)
		fputs(facts->bytes == 0 ? "nothing is stored"
					: "no tensor lies in the files by itself",
		      stdout);
	else
		fputs(cli_format_size((double)facts->alignment_minimum, size), stdout);
	if (facts->unaligned)
		printf("; %" PRIu64 " tensor%s not aligned for the type, copied when used",
		       facts->unaligned, cli_plural(facts->unaligned));
	putchar('\n');
	print_label("digests");
	puts(facts->info.has_digests ? "yes: every byte is checked when it is first used"
				     : "no: this format has none, damage goes unnoticed");
}

static int print_metadata(const struct facts *facts)
{
	int result = CLI_GO_ON;

	for (uint64_t i = 0; i < facts->info.metadata_count && result == CLI_GO_ON; i++) {
		struct metadata_value entry = {.tensor = {.rank = 0}};
		print_label(i ? "" : "metadata");
		if (i == METADATA_SHOWN_MAX) {
			printf("... %" PRIu64 " in all; --json has them\n",
			       facts->info.metadata_count);
			break;
		}
		result = take_entry(facts, i, &entry);
		if (result != CLI_GO_ON)
			break;
		text_print(stdout, entry.tensor.name, METADATA_COLUMNS_MAX);
		fputs(" = ", stdout);
		result = metadata_print(stdout, &entry);
		putchar('\n');
		cairn_view_release(&entry.view);
	}
	return result;
}

static int print_text(const struct facts *facts)
{
	print_totals(facts);
	print_dtypes(facts);
	int result = print_shards(facts);
	if (result != CLI_GO_ON)
		return result;
	print_guarantees(facts);
	result = print_metadata(facts);
	return result == CLI_GO_ON ? CLI_DONE : result;
}

/* -------------------------------------------------------------------------------------- command */

struct info {
	bool json;
	struct cli_documents documents;
	size_t printed; /* paths */
};

static int show_facts(struct info *info, const struct facts *facts)
{
	if (info->json)
		return print_json(facts, &info->documents);
	if (info->printed++)
		putchar('\n');
	return print_text(facts);
}

static int print_graph(struct info *info, const char *path, const struct cairn_meta_graph *graph)
{
	struct json_output json = {.file = stdout};

	if (!info->json) {
		if (info->printed++)
			putchar('\n');
		info_graph_text(path, graph);
		return CLI_DONE;
	}
	cli_document_begin(&info->documents);
	info_graph_json(&json, path, graph);
	return emit_finish(&json) ? CLI_DONE : cli_error(CLI_UNKNOWN, "out of memory");
}

static int show_graph(struct info *info, const char *path)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_meta_graph *graph = NULL;
	const enum cairn_status status = cairn_meta_graph_open(path, &graph, &error);
	int result;

	if (status != CAIRN_OK)
		return cli_fail(status, &error);
	result = print_graph(info, path, graph);
	cairn_meta_graph_close(graph);
	return result;
}

/* A cli_path_run. */
static int run(void *context, const char *path)
{
	struct facts facts = {.path = path};
	int result;

	if (info_is_graph(path))
		return show_graph(context, path);
	result = cli_open(path, NULL, &facts.reader);
	if (result != CLI_GO_ON)
		return result;
	result = gather(&facts);
	if (result == CLI_GO_ON)
		result = show_facts(context, &facts);
	cairn_reader_close(facts.reader);
	free(facts.dtypes);
	return result;
}

int cmd_info(int argc, char **argv)
{
	struct info info = {.json = false};
	const struct cli_option options[] = {
		{"--json", CLI_FLAG, NULL, "one object; of several paths an array of them",
		 &info.json},
	};
	const struct cli_usage usage = {
		"info",
		"PATH...",
		"Says what a checkpoint is: format, tensors, bytes, types, files, alignment, "
		"digests,\n"
		"metadata. Reads no tensor data. Of a MetaGraph, PATH.meta: nodes, saver, "
		"collections.",
		"Of several paths the exit status is the worst.\n",
		1,
		SIZE_MAX,
		options,
		sizeof(options) / sizeof(options[0]),
	};
	struct cli_arguments arguments;
	int result = cli_parse(&usage, argc, argv, &arguments);

	if (result != CLI_GO_ON)
		return result;
	info.documents.several = arguments.count > 1;
	result = cli_each_path(&arguments, run, &info);
	cli_documents_end(&info.documents);
	return result;
}
