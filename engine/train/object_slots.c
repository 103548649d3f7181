/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slot variables of optimizers. An optimizer holds the variable, too: its address is part of the
 * key, and must not be given to another one.
 */
#include <inttypes.h>

#include "engine/train/object.h"
#include "engine/train/restore.h"
#include "format/error.h"

static uint32_t find_slot(const struct cairn_object *optimizer, const struct object_link *variable,
			  struct cairn_string name)
{
	const struct hash_index *const index = &optimizer->slot_index;
	uint32_t number = hash_index_first(index, object_hash(name, variable));

	for (; number != HASH_INDEX_NONE; number = hash_index_next(index, number)) {
		const struct slot_edge *const slot = &optimizer->slots[number];

		if (slot->variable->link == variable && strings_equal(slot->name, name))
			break;
	}
	return number;
}

struct cairn_object *object_slot(const struct cairn_object *optimizer,
				 const struct cairn_object *variable, struct cairn_string name)
{
	const uint32_t number = find_slot(optimizer, variable->link, name);

	return number == HASH_INDEX_NONE ? NULL : optimizer->slots[number].slot;
}

static enum cairn_status add_slot(struct cairn_object *optimizer, struct cairn_string name,
				  struct cairn_object *variable, struct cairn_object *slot,
				  struct cairn_error *error)
{
	struct system *const system = optimizer->system;
	void *slots = optimizer->slots;
	struct cairn_string copy;

	if (!array_make_room(system, &slots, optimizer->slot_count, &optimizer->slot_capacity,
			     sizeof(*optimizer->slots)))
		return error_set_memory(error, "a slot variable");
	optimizer->slots = slots;
	copy = string_copy(system, name);
	if (copy.data == NULL ||
	    !hash_index_add(&optimizer->slot_index, system, object_hash(name, variable->link))) {
		system_free(system, (void *)(uintptr_t)copy.data);
		return error_set_memory(error, "a slot variable");
	}
	optimizer->slots[optimizer->slot_count++] = (struct slot_edge){
		copy, cairn_object_retain(variable), cairn_object_retain(slot)};
	return CAIRN_OK;
}

/* Takes the newest away again. */
static void drop_slot(struct cairn_object *optimizer)
{
	const struct slot_edge slot = optimizer->slots[--optimizer->slot_count];

	hash_index_drop(&optimizer->slot_index);
	system_free(optimizer->system, (void *)(uintptr_t)slot.name.data);
	cairn_object_release(slot.variable);
	cairn_object_release(slot.slot);
}

enum cairn_status object_put_slot(struct cairn_object *optimizer, struct cairn_string name,
				  struct cairn_object *variable, struct cairn_object *slot,
				  struct cairn_error *error)
{
	const uint32_t number = find_slot(optimizer, variable->link, name);
	struct cairn_object *old;

	if (number == HASH_INDEX_NONE)
		return add_slot(optimizer, name, variable, slot, error);
	old = optimizer->slots[number].slot;
	optimizer->slots[number].slot = cairn_object_retain(slot);
	cairn_object_release(old);
	return CAIRN_OK;
}

static enum cairn_status check_slot(const struct cairn_object *optimizer,
				    const struct cairn_object *variable,
				    const struct cairn_object *slot, struct cairn_error *error)
{
	const char *wrong = NULL;

	if (optimizer->kind != CAIRN_OBJECT_OPTIMIZER)
		wrong = "only an optimizer has slot variables";
	else if (variable == NULL || slot == NULL)
		wrong = "a slot variable needs a variable that it is for, and one that it is";
	else if (slot->kind != CAIRN_OBJECT_VARIABLE)
		wrong = "a slot variable is a variable";
	else if (variable->system != optimizer->system || slot->system != optimizer->system)
		wrong = "a slot variable is of another system";
	if (wrong == NULL)
		return CAIRN_OK;
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET, "%s", wrong);
}

enum cairn_status cairn_object_set_slot(struct cairn_object *optimizer, const char *name,
					struct cairn_object *variable, struct cairn_object *slot,
					struct cairn_error *error)
{
	const struct cairn_string none = {NULL, 0};
	const struct cairn_string text = name == NULL ? none : cairn_string_from(name);
	enum cairn_status status = check_slot(optimizer, variable, slot, error);
	uint32_t count;

	if (status == CAIRN_OK)
		status = object_check_name(text, error);
	if (status != CAIRN_OK)
		return status;
	count = optimizer->slot_count;
	status = object_put_slot(optimizer, text, variable, slot, error);
	if (status != CAIRN_OK || count == optimizer->slot_count)
		return status;
	status = restore_slot(optimizer, text, variable, slot, error);
	if (status != CAIRN_OK)
		drop_slot(optimizer);
	return status;
}

uint64_t cairn_object_slot_count(const struct cairn_object *optimizer)
{
	return optimizer->slot_count;
}

enum cairn_status cairn_object_slot_at(const struct cairn_object *optimizer, uint64_t index,
				       struct cairn_object_slot *slot, struct cairn_error *error)
{
	if (index >= optimizer->slot_count)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "slot variable %" PRIu64 " of %" PRIu32, index,
				 optimizer->slot_count);
	*slot = (struct cairn_object_slot){.name = optimizer->slots[index].name,
					   .variable = optimizer->slots[index].variable,
					   .slot = optimizer->slots[index].slot};
	return CAIRN_OK;
}
