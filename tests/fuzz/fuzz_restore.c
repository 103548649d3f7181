/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restoring: any object graphs against a program that grows meanwhile.
 *
 * The input is two graphs, made of few names so that they match often, and then steps: reading one
 * of them, setting children and slot variables, asking the load statuses. Whatever comes, answers
 * agree with each other, a failed step leaves nothing behind, and nothing is leaked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "engine/train/checkpoint.h"
#include "engine/write/writer.h"
#include "format/object_graph.h"
#include "tests/fuzz/fuzz.h"

#define NODES_MAX  12u
#define EDGES_MAX  6u
#define STEPS_MAX  40u
#define STATUS_MAX 4u

static const char *const names[] = {"a", "b", "c", "0", "1", "save_counter", "root", ""};
static const char *const keys[] = {"f/.ATTRIBUTES/VARIABLE_VALUE",
				   "i/.ATTRIBUTES/VARIABLE_VALUE",
				   "s/.ATTRIBUTES/py_state",
				   "p/.ATTRIBUTES/VARIABLE_VALUE",
				   "missing/.ATTRIBUTES/VARIABLE_VALUE",
				   "f",
				   ""};
static const char *const attributes[] = {"VARIABLE_VALUE", "py_state", "other"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum objects {
	MODULE_A,
	MODULE_B,
	DICT,
	LIST,
	OPTIMIZER,
	FLOAT,
	OTHER_FLOAT,
	INTEGER,
	PAIR,
	STATE,
	OBJECT_COUNT
};

struct world {
	struct memory_system *memory;
	struct system *system;
	struct cairn_object *objects[OBJECT_COUNT];
	struct cairn_checkpoint *checkpoint;
	struct cairn_load_status *statuses[STATUS_MAX];
	float floats[2];
	float made[STEPS_MAX];
	unsigned made_count;
	int64_t integer;
	float pair[2];
	bool has_root;
};

static struct cairn_error error;

static const char *pick(struct fuzz_input *input, const char *const *texts, size_t count)
{
	return texts[fuzz_take_u8(input) % count];
}

/* -------------------------------------------------------------------------------------- a graph */

static struct object_node take_node(struct fuzz_input *input, uint32_t node_count,
				    struct arena *arena)
{
	struct object_node node = {.values = (enum object_values)(fuzz_take_u8(input) % 3)};
	struct object_child *const children = arena_allocate_array(arena, EDGES_MAX,
								   sizeof(*children));
	struct object_attribute *const values = arena_allocate_array(arena, EDGES_MAX,
								     sizeof(*values));
	struct object_slot *const slots = arena_allocate_array(arena, EDGES_MAX, sizeof(*slots));

	node.child_count = fuzz_take_u8(input) % EDGES_MAX;
	for (uint32_t i = 0; i < node.child_count; i++)
		children[i] = (struct object_child){
			cairn_string_from(pick(input, names, COUNT(names))),
			fuzz_take_u8(input) % node_count};
	node.attribute_count = fuzz_take_u8(input) % 4 % 3;
	for (uint32_t i = 0; i < node.attribute_count; i++)
		values[i] = (struct object_attribute){
			cairn_string_from(pick(input, attributes, COUNT(attributes))),
			cairn_string_from(""), cairn_string_from(pick(input, keys, COUNT(keys)))};
	node.slot_count = fuzz_take_u8(input) % 4;
	for (uint32_t i = 0; i < node.slot_count; i++)
		slots[i] = (struct object_slot){fuzz_take_u8(input) % node_count,
						cairn_string_from(pick(input, names, 3)),
						fuzz_take_u8(input) % node_count};
	node.children = children;
	node.attributes = values;
	node.slots = slots;
	return node;
}

static struct cairn_string take_graph(struct fuzz_input *input, struct arena *arena)
{
	const uint32_t count = 1 + fuzz_take_u8(input) % NODES_MAX;
	struct object_node *const nodes = arena_allocate_array(arena, count, sizeof(*nodes));
	struct cairn_string message;

	for (uint32_t i = 0; i < count; i++)
		nodes[i] = take_node(input, count, arena);
	FUZZ_MUST(object_graph_write(&(struct object_graph){nodes, count}, arena, &message,
				     &error) == CAIRN_OK);
	return message;
}

static void write_checkpoint(const struct world *world, struct fuzz_input *input, const char *path)
{
	static const float values[2] = {1, 2};
	static const int64_t integer = 3;
	static const uint64_t two[] = {2};
	const struct cairn_string text = cairn_string_from("text");
	const struct cairn_writer_options options = {.size = sizeof(options), .thread_count = 1};
	struct cairn_string message;
	struct cairn_writer *writer;
	struct arena arena;

	fuzz_arena_init(&arena);
	message = take_graph(input, &arena);
	FUZZ_MUST(writer_create(world->system, path, &options, &writer, &error) == CAIRN_OK);
	FUZZ_MUST(cairn_writer_add(writer, keys[0], CAIRN_F32, 0, NULL, values, &error) ==
		  CAIRN_OK);
	FUZZ_MUST(cairn_writer_add(writer, keys[1], CAIRN_I64, 0, NULL, &integer, &error) ==
		  CAIRN_OK);
	FUZZ_MUST(cairn_writer_add_strings(writer, cairn_string_from(keys[2]), 0, NULL, &text,
					   &error) == CAIRN_OK);
	FUZZ_MUST(cairn_writer_add(writer, keys[3], CAIRN_F32, 1, two, values, &error) == CAIRN_OK);
	FUZZ_MUST(cairn_writer_add_strings(writer, cairn_string_from(CAIRN_GRAPH_TENSOR), 0, NULL,
					   &message, &error) == CAIRN_OK);
	FUZZ_MUST(cairn_writer_finish(writer, &error) == CAIRN_OK);
	cairn_writer_destroy(writer);
	arena_fini(&arena);
}

/* ------------------------------------------------------------------------------------ a program */

static enum cairn_status serialize(void *context, struct cairn_string *text,
				   struct cairn_error *failure)
{
	(void)context;
	(void)failure;
	*text = cairn_string_from("text");
	return CAIRN_OK;
}

static enum cairn_status deserialize(void *context, struct cairn_string text,
				     struct cairn_error *failure)
{
	(void)context;
	(void)failure;
	FUZZ_MUST(text.size == 4 && memcmp(text.data, "text", 4) == 0);
	return CAIRN_OK;
}

static struct cairn_object *variable(struct world *world, enum cairn_dtype dtype, uint64_t count,
				     void *data)
{
	const struct cairn_variable made = {
		.dtype = dtype, .rank = count == 1 ? 0 : 1, .dims = &count, .data = data};
	struct cairn_object *object;

	FUZZ_MUST(object_create_variable(world->system, &made, NULL, &object, &error) == CAIRN_OK);
	return object;
}

/* Makes some, and leaves others for later. */
static enum cairn_status make_slot(void *context, struct cairn_object *of, struct cairn_string name,
				   const struct cairn_tensor *value, struct cairn_object **slot,
				   struct cairn_error *failure)
{
	struct world *const world = context;

	(void)of;
	(void)value;
	(void)failure;
	if (name.data[0] == 'a' && world->made_count < STEPS_MAX)
		*slot = variable(world, CAIRN_F32, 1, &world->made[world->made_count++]);
	return CAIRN_OK;
}

static void make_objects(struct world *world)
{
	static const enum cairn_object_kind kinds[] = {CAIRN_OBJECT_MODULE, CAIRN_OBJECT_MODULE,
						       CAIRN_OBJECT_DICT, CAIRN_OBJECT_LIST};
	struct cairn_object **const objects = world->objects;

	for (size_t i = 0; i < COUNT(kinds); i++)
		FUZZ_MUST(object_create(world->system, kinds[i], &objects[i], &error) == CAIRN_OK);
	FUZZ_MUST(object_create_optimizer(world->system, make_slot, world, &objects[OPTIMIZER],
					  &error) == CAIRN_OK);
	objects[FLOAT] = variable(world, CAIRN_F32, 1, &world->floats[0]);
	objects[OTHER_FLOAT] = variable(world, CAIRN_F32, 1, &world->floats[1]);
	objects[INTEGER] = variable(world, CAIRN_I64, 1, &world->integer);
	objects[PAIR] = variable(world, CAIRN_F32, 2, world->pair);
	FUZZ_MUST(object_create_state(world->system, serialize, deserialize, world, &objects[STATE],
				      &error) == CAIRN_OK);
}

static void begin_world(struct world *world, bool has_root)
{
	*world = (struct world){.memory = memory_system_create(), .has_root = has_root};
	world->system = memory_system_get(world->memory);
	make_objects(world);
	FUZZ_MUST(checkpoint_create(world->system, has_root ? world->objects[MODULE_A] : NULL, NULL,
				    0, &world->checkpoint, &error) == CAIRN_OK);
}

/* Circles are broken: only these objects have children that have children. */
static void end_world(struct world *world)
{
	struct cairn_object *const parents[] = {cairn_checkpoint_root(world->checkpoint),
						world->objects[MODULE_A], world->objects[MODULE_B],
						world->objects[DICT]};

	for (size_t i = 0; i < COUNT(parents); i++) {
		for (size_t j = 0; j < COUNT(names); j++) {
			if (cairn_object_child(parents[i], names[j]) != NULL)
				FUZZ_MUST(cairn_object_remove(parents[i], names[j], &error) ==
					  CAIRN_OK);
		}
	}
	for (size_t i = 0; i < STATUS_MAX; i++)
		cairn_load_status_release(world->statuses[i]);
	cairn_checkpoint_destroy(world->checkpoint);
	for (size_t i = 0; i < OBJECT_COUNT; i++)
		cairn_object_release(world->objects[i]);
	FUZZ_MUST(memory_system_is_clean(world->memory));
	memory_system_destroy(world->memory);
}

/* ---------------------------------------------------------------------------------------- steps */

/* What a failed step must leave as it was: of all objects. */
struct snapshot {
	uint64_t uids[OBJECT_COUNT];
	uint32_t waiting[OBJECT_COUNT];
	uint32_t children[OBJECT_COUNT];
};

static struct snapshot look(const struct world *world)
{
	struct snapshot snapshot;

	memset(&snapshot, 0, sizeof(snapshot));
	for (size_t i = 0; i < OBJECT_COUNT; i++) {
		const struct cairn_object *const object = world->objects[i];

		snapshot.uids[i] = object->update_uid;
		snapshot.waiting[i] = object->waiting.left + object->waiting_slots.left;
		snapshot.children[i] = object->edge_count;
	}
	return snapshot;
}

static void check_step(const struct world *world, const struct snapshot *before,
		       enum cairn_status status)
{
	const struct snapshot after = look(world);

	if (status == CAIRN_OK)
		return;
	fuzz_check_error(status, &error);
	FUZZ_MUST(memcmp(before, &after, sizeof(after)) == 0);
}

static void read_one(struct world *world, struct fuzz_input *input)
{
	const uint8_t how = fuzz_take_u8(input);
	const struct cairn_checkpoint_read_options options = {.size = sizeof(options),
							      .skip_slot_variables = how & 1,
							      .verify_first = how >> 1 & 1};
	const char *const path = (how >> 2 & 1) != 0 ? "/f.cairn" : "/g.cairn";
	struct cairn_load_status **const status = &world->statuses[how >> 3 & 3];
	const struct snapshot before = look(world);
	struct cairn_load_status *made = NULL;
	enum cairn_status result;

	if ((how >> 5 & 1) != 0)
		result = cairn_checkpoint_restore(world->checkpoint, path, &options, &made, &error);
	else
		result = cairn_checkpoint_read(world->checkpoint, path, &options, &made, &error);
	if (result != CAIRN_OK) {
		/* a restore may have read, and only the counter does not fit */
		if ((how >> 5 & 1) == 0)
			check_step(world, &before, result);
		return;
	}
	cairn_load_status_release(*status);
	*status = made;
}

static void set_child(struct world *world, struct fuzz_input *input)
{
	struct cairn_object *const parents[] = {cairn_checkpoint_root(world->checkpoint),
						world->objects[MODULE_A], world->objects[MODULE_B],
						world->objects[DICT], world->objects[LIST]};
	struct cairn_object *const parent = parents[fuzz_take_u8(input) % COUNT(parents)];
	const char *const name = pick(input, names, COUNT(names));
	uint8_t child = fuzz_take_u8(input) % OBJECT_COUNT;
	const struct snapshot before = look(world);
	enum cairn_status status;

	if (parent == world->objects[LIST])
		status = cairn_object_append(
			parent, world->objects[FLOAT + child % (OBJECT_COUNT - FLOAT)], &error);
	else
		status = cairn_object_set(parent, name, world->objects[child], &error);
	check_step(world, &before, status);
}

static void set_slot(struct world *world, struct fuzz_input *input)
{
	const uint8_t which = fuzz_take_u8(input);
	const struct snapshot before = look(world);

	check_step(world, &before,
		   cairn_object_set_slot(world->objects[OPTIMIZER], names[which % 3],
					 world->objects[FLOAT + (which >> 2) % 4],
					 world->objects[FLOAT + (which >> 4) % 4], &error));
}

struct tally {
	unsigned count[CAIRN_LOAD_UNMATCHED + 1];
};

static int note(void *context, const struct cairn_load_entry *entry)
{
	FUZZ_MUST(entry->outcome <= CAIRN_LOAD_UNMATCHED);
	FUZZ_MUST(entry->path[0] == '(' || strstr(entry->path, "...") != NULL);
	((struct tally *)context)->count[entry->outcome]++;
	return 0;
}

/* A slot variable that is reached in another way ends a walk: then nothing is known. */
static void ask(const struct world *world, struct fuzz_input *input)
{
	const struct cairn_load_status
		*const status = world->statuses[fuzz_take_u8(input) % STATUS_MAX];
	struct tally tally = {{0}};
	enum cairn_status existing;
	enum cairn_status consumed;
	enum cairn_status nontrivial;

	if (status == NULL)
		return;
	existing = cairn_load_status_assert_existing_objects_matched(status, &error);
	consumed = cairn_load_status_assert_consumed(status, &error);
	nontrivial = cairn_load_status_assert_nontrivial_match(status, &error);
	FUZZ_MUST(nontrivial == CAIRN_OK || nontrivial == CAIRN_UNMATCHED ||
		  nontrivial == CAIRN_UNSUPPORTED);
	FUZZ_MUST(consumed != CAIRN_OK || existing == CAIRN_OK);
	if (cairn_load_status_list(status, note, &tally, &error) != CAIRN_OK) {
		fuzz_check_error(error.code, &error);
		return;
	}
	FUZZ_MUST(consumed != CAIRN_OK || tally.count[CAIRN_LOAD_WAITING] == 0);
	FUZZ_MUST(existing != CAIRN_OK || tally.count[CAIRN_LOAD_UNMATCHED] == 0);
	FUZZ_MUST(consumed != CAIRN_OK || cairn_load_status_is_partial(status) == 0);
}

/* What can be saved can be restored, into the objects that it was saved of; but a root that was
 * given may have a child of the same name as what is attached to it. */
static void save(struct world *world)
{
	const struct cairn_checkpoint_write_options options = {.size = sizeof(options),
							       .thread_count = 1};
	struct cairn_load_status *status = NULL;

	if (cairn_checkpoint_write(world->checkpoint, "/h", &options, &error) != CAIRN_OK) {
		fuzz_check_error(error.code, &error);
		return;
	}
	if (cairn_checkpoint_read(world->checkpoint, "/h", NULL, &status, &error) == CAIRN_OK)
		FUZZ_MUST(world->has_root || cairn_load_status_assert_existing_objects_matched(
						     status, &error) == CAIRN_OK);
	cairn_load_status_release(status);
}

static void step(struct world *world, struct fuzz_input *input)
{
	switch (fuzz_take_u8(input) % 8) {
	case 0:
	case 1:
		read_one(world, input);
		break;
	case 2:
	case 3:
	case 4:
		set_child(world, input);
		break;
	case 5:
		set_slot(world, input);
		break;
	case 6:
		ask(world, input);
		break;
	default:
		if (fuzz_take_u8(input) % 4 == 0)
			save(world);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct world world;

	begin_world(&world, fuzz_take_u8(&input) % 2 != 0);
	write_checkpoint(&world, &input, "/f.cairn");
	write_checkpoint(&world, &input, "/g.cairn");
	for (unsigned i = 0; i < STEPS_MAX && input.left != 0; i++)
		step(&world, &input);
	end_world(&world);
	return 0;
}
