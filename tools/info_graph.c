/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MetaGraphs for cairn info: versions, how many nodes, the saver, collections.
 */
#include "tools/info_graph.h"

#include <inttypes.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/colour.h"
#include "tools/text.h"

/* Of the collections, shown to a person. */
#define COLLECTIONS_SHOWN_MAX 40

bool info_is_graph(const char *path)
{
	const size_t size = strlen(path);
	struct cairn_reader *reader = NULL;
	enum cairn_status status;

	if (size < 5 || strcmp(path + size - 5, ".meta") != 0)
		return false;
	status = cairn_reader_open(path, NULL, &reader, NULL);
	cairn_reader_close(reader);
	return status != CAIRN_OK && status != CAIRN_NOT_FOUND;
}

/* ----------------------------------------------------------------------------------------- JSON */

static void json_saver(struct json_output *json, const struct cairn_saver_def *def)
{
	emit_begin_object(json);
	emit_key(json, "filename_tensor_name");
	emit_string(json, def->filename_tensor_name);
	emit_key(json, "save_tensor_name");
	emit_string(json, def->save_tensor_name);
	emit_key(json, "restore_op_name");
	emit_string(json, def->restore_op_name);
	emit_key(json, "max_to_keep");
	emit_signed(json, def->max_to_keep);
	emit_key(json, "sharded");
	emit_bool(json, def->sharded != 0);
	emit_key(json, "keep_checkpoint_every_n_hours");
	emit_float(json, def->keep_checkpoint_every_n_hours);
	emit_key(json, "version");
	emit_unsigned(json, def->version);
	emit_end_object(json);
}

static void json_collections(struct json_output *json, const struct cairn_meta_graph *graph,
			     uint64_t count)
{
	struct cairn_meta_collection collection;

	emit_key(json, "collections");
	emit_begin_array(json);
	for (uint64_t i = 0; i < count; i++) {
		if (cairn_meta_graph_collection(graph, i, &collection, NULL) != CAIRN_OK)
			break;
		emit_begin_object(json);
		emit_key(json, "name");
		emit_string(json, collection.name);
		emit_key(json, "kind");
		emit_text(json, collection.kind);
		emit_key(json, "count");
		emit_unsigned(json, collection.count);
		emit_end_object(json);
	}
	emit_end_array(json);
}

static void json_names(struct json_output *json, const char *key,
		       const struct cairn_meta_graph *graph, uint64_t count,
		       struct cairn_string (*name)(const struct cairn_meta_graph *graph,
						   uint64_t index))
{
	emit_key(json, key);
	emit_begin_array(json);
	for (uint64_t i = 0; i < count; i++)
		emit_string(json, name(graph, i));
	emit_end_array(json);
}

void info_graph_json(struct json_output *json, const char *path,
		     const struct cairn_meta_graph *graph)
{
	struct cairn_meta_graph_info info = {.size = sizeof(info)};

	cairn_meta_graph_info(graph, &info);
	emit_begin_object(json);
	emit_key(json, "path");
	emit_text(json, path);
	emit_key(json, "format");
	emit_text(json, "tensorflow-meta-graph");
	emit_key(json, "version");
	emit_string(json, info.meta_graph_version);
	emit_key(json, "tensorflow");
	emit_string(json, info.tensorflow_version);
	emit_key(json, "tensorflow_git");
	emit_string(json, info.tensorflow_git_version);
	json_names(json, "tags", graph, info.tag_count, cairn_meta_graph_tag);
	emit_key(json, "nodes");
	emit_unsigned(json, info.node_count);
	emit_key(json, "functions");
	emit_unsigned(json, info.function_count);
	emit_key(json, "producer");
	emit_signed(json, info.producer);
	emit_key(json, "min_consumer");
	emit_signed(json, info.min_consumer);
	emit_key(json, "saver");
	if (info.has_saver_def != 0)
		json_saver(json, &info.saver_def);
	else
		emit_null(json);
	json_collections(json, graph, info.collection_count);
	json_names(json, "signatures", graph, info.signature_count, cairn_meta_graph_signature);
	emit_key(json, "assets");
	emit_unsigned(json, info.asset_count);
	emit_key(json, "object_graph");
	emit_bool(json, info.has_object_graph != 0);
	emit_key(json, "file_bytes");
	emit_unsigned(json, info.bytes);
	emit_end_object(json);
}

/* ----------------------------------------------------------------------------------- for people */

static void print_label(const char *label)
{
	printf("%s%-12s%s", colour(stdout, COLOUR_HEADING), label, colour(stdout, COLOUR_NONE));
}

static void print_saver(const struct cairn_meta_graph_info *info)
{
	const struct cairn_saver_def *def = &info->saver_def;

	print_label("saver");
	if (info->has_saver_def == 0) {
		puts("none");
		return;
	}
	printf("version %" PRIu32 "%s, ", def->version, def->sharded != 0 ? ", sharded" : "");
	if (def->max_to_keep == 0)
		fputs("keeps all", stdout);
	else
		printf("keeps %" PRId32, def->max_to_keep);
	printf(", and one every %g hours for ever\n", (double)def->keep_checkpoint_every_n_hours);
	print_label("");
	fputs("saves by ", stdout);
	text_print(stdout, def->save_tensor_name, 0);
	fputs(", restores by ", stdout);
	text_print(stdout, def->restore_op_name, 0);
	putchar('\n');
}

static void print_collections(const struct cairn_meta_graph *graph, uint64_t count)
{
	struct cairn_meta_collection collection;

	for (uint64_t i = 0; i < count; i++) {
		print_label(i ? "" : "collections");
		if (i == COLLECTIONS_SHOWN_MAX) {
			printf("... %" PRIu64 " in all; --json has them\n", count);
			return;
		}
		if (cairn_meta_graph_collection(graph, i, &collection, NULL) != CAIRN_OK)
			return;
		text_print(stdout, collection.name, 0);
		printf(": %" PRIu64 " (%s)\n", collection.count, collection.kind);
	}
}

void info_graph_text(const char *path, const struct cairn_meta_graph *graph)
{
	struct cairn_meta_graph_info info = {.size = sizeof(info)};
	char text[CLI_SIZE_SIZE];

	cairn_meta_graph_info(graph, &info);
	print_label("path");
	text_print(stdout, cairn_string_from(path), 0);
	putchar('\n');
	print_label("format");
	fputs("tensorflow-meta-graph", stdout);
	if (info.tensorflow_version.size != 0) {
		fputs(", of TensorFlow ", stdout);
		text_print(stdout, info.tensorflow_version, 0);
	}
	putchar('\n');
	print_label("nodes");
	fputs(cli_format_count(info.node_count, text), stdout);
	printf(", %" PRIu64 " function%s, producer %" PRId64 "\n", info.function_count,
	       cli_plural(info.function_count), info.producer);
	print_label("bytes");
	puts(cli_format_size((double)info.bytes, text));
	print_saver(&info);
	print_collections(graph, info.collection_count);
}
