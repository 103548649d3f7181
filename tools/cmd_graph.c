/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn graph: the objects of a checkpoint that tf.train.Checkpoint wrote, as a tree.
 */
#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/graph_output.h"

static int open_graph(const struct cairn_reader *reader, struct cairn_graph **graph)
{
	struct cairn_error error = {.code = CAIRN_OK};
	const enum cairn_status status = cairn_graph_open(reader, graph, &error);

	if (status == CAIRN_OK)
		return CLI_GO_ON;
	if (status == CAIRN_NOT_FOUND) /* which is an answer */
		return cli_error(CLI_NO, "%s", error.message);
	return cli_fail(status, &error);
}

static int show(const struct cairn_reader *reader, const struct graph_bounds *bounds, bool json)
{
	struct cairn_graph *graph = NULL;
	struct graph_walk walk;
	int result = open_graph(reader, &graph);

	if (result != CLI_GO_ON)
		return result;
	result = graph_walk_begin(&walk, reader, graph);
	if (result == CLI_GO_ON)
		result = json ? graph_print_json(&walk) : graph_print_tree(&walk, bounds);
	graph_walk_end(&walk);
	cairn_graph_close(graph);
	return result;
}

int cmd_graph(int argc, char **argv)
{
	struct graph_bounds bounds = {UINT64_MAX, UINT64_MAX};
	bool json = false;
	const struct cli_option options[] = {
		{"--breadth", CLI_COUNT, "N", "at most N children of each object", &bounds.breadth},
		{"--depth", CLI_COUNT, "N", "no deeper than N edges below the root", &bounds.depth},
		{"--json", CLI_FLAG, NULL, "one object; all of it, whatever is asked for", &json},
	};
	const struct cli_usage usage = {
		"graph",
		"PATH",
		"Shows the object graph of a TensorFlow checkpoint (tf.train.Checkpoint) as a "
		"tree.",
		"Each object stands where it is reached first, with its values: type, shape and "
		"key "
		"of their\n"
		"tensors. Another way to it is a line NAME -> PATH. A value whose key no tensor "
		"has "
		"DANGLES.\n"
		"Slot variables stand below their optimizer. Works on every format that the "
		"checkpoint was\n"
		"converted to.\n"
		"--json: {object_graph: [node], values, dangling, unclaimed: [tensor]}; nodes by "
		"number, 0 is\n"
		"the root: {path, children: [[name, node]], attributes: [{name, full_name, key, "
		"dangles,\n"
		"tensor_count, tensors: [{name, dtype, shape}]}], slots: [[variable, name, slot]], "
		"has_values,\n"
		"registered_saver: {name, object_name}}. path, has_values and registered_saver may "
		"be null;\n"
		"of several tensors of one key the first 16 are listed.\n"
		"Exit status: 1 when the checkpoint is name-based.\n",
		1,
		1,
		options,
		sizeof(options) / sizeof(options[0]),
	};
	struct cli_arguments arguments;
	struct cairn_reader *reader = NULL;
	int result = cli_parse(&usage, argc, argv, &arguments);

	if (result == CLI_GO_ON)
		result = cli_open(arguments.values[0], NULL, &reader);
	if (result == CLI_GO_ON)
		result = show(reader, &bounds, json);
	cairn_reader_close(reader);
	return result;
}
