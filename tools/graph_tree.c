/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object graph as a tree for people.
 *
 * An object is shown where it is reached first; every other way to it is a line that says where
 * that is. The way down is kept in memory of its own: a chain may be as long as the file is large.
 */
#include "tools/graph_output.h"

#include <inttypes.h>
#include <stdlib.h>

#include "tools/cli.h"
#include "tools/text.h"

/* Deeper lines are not indented further: a long chain would be mostly blanks. */
#define INDENT_MAX 40

/* Tensors that are shown for a key that several begin with. */
#define TENSORS_MAX 16

/* An object whose children are being shown. */
struct level {
	uint64_t node;
	uint64_t next; /* child; then slots, counted on from the children */
};

struct tree {
	const struct graph_walk *walk;
	const struct graph_bounds *bounds;
	struct level *levels; /* owned */
	size_t count;
	size_t capacity;
};

/* ---------------------------------------------------------------------------------------- lines */

static void indent(uint64_t depth)
{
	text_pad(stdout, 2 * (size_t)(depth < INDENT_MAX ? depth : INDENT_MAX));
	if (depth > INDENT_MAX)
		printf("(%" PRIu64 ") ", depth);
}

static void print_path(const struct graph_walk *walk, uint64_t node)
{
	const struct cairn_string path = graph_path(walk, node);

	if (!path.data)
		printf("object %" PRIu64, node);
	else if (!path.size)
		fputs("(root)", stdout);
	else
		text_print(stdout, path, 0);
	free((char *)(uintptr_t)path.data);
}

static void print_name(struct cairn_string name)
{
	if (name.size)
		text_print(stdout, name, 0);
	else
		fputs("''", stdout);
}

static int print_tensor(const struct graph_walk *walk, uint64_t number)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_tensor tensor;
	char dtype[CLI_DTYPE_SIZE];
	const enum cairn_status status = cairn_reader_tensor_at(walk->reader, number, &tensor,
								&error);

	if (status != CAIRN_OK)
		return cli_fail(status, &error);
	printf("%s [", cli_dtype_name(tensor.dtype, dtype));
	for (uint32_t d = 0; d < tensor.rank; d++)
		printf("%s%" PRIu64, d ? ", " : "", tensor.dims[d]);
	fputs("]  ", stdout);
	print_name(tensor.name);
	putchar('\n');
	return CLI_GO_ON;
}

/* The tensors of a key that several begin with, a line each. */
static int print_tensors(const struct tree *tree, const struct cairn_graph_attribute *attribute,
			 uint64_t depth)
{
	int result = CLI_GO_ON;

	printf("%" PRIu64 " tensor%s whose names begin with  ", attribute->tensor_count,
	       cli_plural(attribute->tensor_count));
	print_name(attribute->key);
	putchar('\n');
	for (uint64_t i = 0; i < attribute->tensor_count && result == CLI_GO_ON; i++) {
		indent(depth + 1);
		if (i == TENSORS_MAX) {
			fputs("...\n", stdout);
			break;
		}
		result = print_tensor(tree->walk, attribute->first_tensor + i);
	}
	return result;
}

static int print_attribute(const struct tree *tree, uint64_t node, uint64_t index, uint64_t depth)
{
	struct cairn_graph_attribute attribute;
	const int result = graph_attribute(tree->walk, node, index, &attribute);

	if (result != CLI_GO_ON)
		return result;
	indent(depth);
	print_name(attribute.name);
	fputs(" = ", stdout);
	if (attribute.state == CAIRN_GRAPH_KEY_TENSOR)
		return print_tensor(tree->walk, attribute.first_tensor);
	if (attribute.state == CAIRN_GRAPH_KEY_PREFIX)
		return print_tensors(tree, &attribute, depth);
	fputs("nothing: DANGLES, no tensor has the key  ", stdout);
	print_name(attribute.key);
	putchar('\n');
	return CLI_GO_ON;
}

/* What an object has itself. */
static int print_values(const struct tree *tree, uint64_t number, uint64_t depth)
{
	const struct cairn_graph_node node = graph_node(tree->walk, number);
	int result = CLI_GO_ON;

	for (uint64_t i = 0; i < node.attribute_count && result == CLI_GO_ON; i++)
		result = print_attribute(tree, number, i, depth);
	if (result == CLI_GO_ON && node.has_saver) {
		indent(depth);
		fputs("saved by ", stdout);
		print_name(node.saver_name);
		fputs(" as ", stdout);
		print_name(node.saver_object_name);
		putchar('\n');
	}
	return result;
}

/* ----------------------------------------------------------------------------------------- tree */

static bool push(struct tree *tree, uint64_t node)
{
	if (tree->count == tree->capacity) {
		const size_t capacity = tree->capacity ? 2 * tree->capacity : 64;
		struct level *levels = reallocarray(tree->levels, capacity, sizeof(*levels));
		if (!levels)
			return false;
		tree->levels = levels;
		tree->capacity = capacity;
	}
	tree->levels[tree->count++] = (struct level){.node = node};
	return true;
}

/* Shows what is inside an object, now its own values, then what it leads to. */
static int enter(struct tree *tree, uint64_t node)
{
	const int result = print_values(tree, node, tree->count + 1);

	if (result != CLI_GO_ON)
		return result;
	return push(tree, node) ? CLI_GO_ON : cli_error(CLI_UNKNOWN, "out of memory");
}

/* The rest of a line that names an object: here it is, or where it is. */
static int enter_or_refer(struct tree *tree, uint64_t node, enum graph_way way,
			  const struct level *level, uint64_t edge)
{
	const struct graph_place *place = &tree->walk->places[node];

	if (place->way == way && place->parent == level->node && place->edge == edge) {
		putchar('\n');
		return enter(tree, node);
	}
	fputs(" -> ", stdout);
	print_path(tree->walk, node);
	putchar('\n');
	return CLI_GO_ON;
}

static int print_child(struct tree *tree, const struct level *level, uint64_t index)
{
	const struct cairn_graph_child child = graph_child(tree->walk, level->node, index);

	indent(tree->count);
	print_name(child.name);
	return enter_or_refer(tree, child.node, GRAPH_CHILD, level, index);
}

static int print_slot(struct tree *tree, const struct level *level, uint64_t index)
{
	const struct cairn_graph_slot slot = graph_slot(tree->walk, level->node, index);

	indent(tree->count);
	fputs("slot ", stdout);
	print_name(slot.name);
	fputs(" of ", stdout);
	print_path(tree->walk, slot.variable);
	return enter_or_refer(tree, slot.slot, GRAPH_SLOT, level, index);
}

/* The next line below the innermost object; leaves it when there is none. */
static int print_next(struct tree *tree)
{
	struct level *innermost = &tree->levels[tree->count - 1];
	const struct level level = *innermost;
	const struct cairn_graph_node node = graph_node(tree->walk, level.node);
	const uint64_t all = node.child_count + node.slot_count;
	const bool too_deep = tree->count > tree->bounds->depth;
	const bool too_many = level.next == tree->bounds->breadth;

	if (level.next == all || too_deep || too_many) {
		if (level.next != all) {
			indent(tree->count);
			printf("... %" PRIu64 " more\n", all - level.next);
		}
		tree->count--;
		return CLI_GO_ON;
	}
	innermost->next++;
	if (level.next < node.child_count)
		return print_child(tree, &level, level.next);
	return print_slot(tree, &level, level.next - node.child_count);
}

static int print_from(struct tree *tree, uint64_t node)
{
	int result = enter(tree, node);

	while (result == CLI_GO_ON && tree->count)
		result = print_next(tree);
	return result;
}

/* Objects that nothing leads to: legal, though TensorFlow writes none. */
static int print_unreached(struct tree *tree)
{
	int result = CLI_GO_ON;

	for (uint64_t i = 0; i < tree->walk->node_count && result == CLI_GO_ON; i++) {
		if (tree->walk->places[i].way != GRAPH_UNREACHED)
			continue;
		printf("object %" PRIu64 ", to which nothing leads\n", i);
		result = print_from(tree, i);
	}
	return result;
}

static void print_summary(const struct graph_walk *walk)
{
	char objects[CLI_SIZE_SIZE];
	char values[CLI_SIZE_SIZE];
	char dangling[CLI_SIZE_SIZE];
	char unclaimed[CLI_SIZE_SIZE];

	printf("%s object%s, %s value%s", cli_format_count(walk->node_count, objects),
	       cli_plural(walk->node_count), cli_format_count(walk->value_count, values),
	       cli_plural(walk->value_count));
	if (walk->dangling_count)
		printf(", %s DANGLING", cli_format_count(walk->dangling_count, dangling));
	if (walk->unclaimed_count)
		printf("; %s tensor%s that no object has",
		       cli_format_count(walk->unclaimed_count, unclaimed),
		       cli_plural(walk->unclaimed_count));
	putchar('\n');
}

int graph_print_tree(const struct graph_walk *walk, const struct graph_bounds *bounds)
{
	struct tree tree = {.walk = walk, .bounds = bounds};
	int result = CLI_GO_ON;

	if (walk->node_count) {
		puts("(root)");
		result = print_from(&tree, 0);
	}
	if (result == CLI_GO_ON)
		result = print_unreached(&tree);
	free(tree.levels);
	if (result != CLI_GO_ON)
		return result;
	print_summary(walk);
	return CLI_DONE;
}
