/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What checkpoints have for children and slot variables that are not there yet.
 *
 * Items are added at the end and stay in the array when they are taken; when the last one is, the
 * list begins anew.
 */
#include "engine/train/object.h"
#include "engine/train/restore.h"

bool waiting_add(struct waiting_list *list, struct system *system, const struct waiting *item)
{
	void *items = list->items;

	if (!array_make_room(system, &items, list->count, &list->capacity, sizeof(*list->items)))
		return false;
	list->items = items;
	if (!hash_index_add(&list->index, system, object_hash(item->name, item->variable)))
		return false;
	list->items[list->count++] = *item;
	list->left++;
	restore_retain(item->restore);
	if (item->variable != NULL)
		item->variable->references++;
	return true;
}

struct waiting *waiting_find(const struct waiting_list *list, struct cairn_string name,
			     const struct object_link *variable, uint32_t after)
{
	uint32_t number = after == HASH_INDEX_NONE
				  ? hash_index_first(&list->index, object_hash(name, variable))
				  : hash_index_next(&list->index, after);

	for (; number != HASH_INDEX_NONE; number = hash_index_next(&list->index, number)) {
		struct waiting *const item = &list->items[number];

		if (item->restore != NULL && item->variable == variable &&
		    strings_equal(item->name, name))
			return item;
	}
	return NULL;
}

void waiting_take(struct waiting_list *list, struct waiting *item)
{
	struct restore *const restore = item->restore;

	object_link_release(item->variable);
	item->restore = NULL;
	item->variable = NULL;
	list->left--;
	if (list->left == 0) {
		list->count = 0;
		hash_index_clear(&list->index);
	}
	restore_release(restore);
}

/* They are the last, and those that were taken may go with them: each is looked at once. */
void waiting_undo_run(struct waiting_list *list)
{
	while (list->count != 0) {
		struct waiting *const last = &list->items[list->count - 1];

		if (last->restore != NULL && last->run != last->restore->runs)
			break;
		if (last->restore != NULL)
			waiting_take(list, last);
		if (list->count == 0)
			break;
		hash_index_drop(&list->index);
		list->count--;
	}
}

void waiting_fini(struct waiting_list *list, struct system *system)
{
	for (uint32_t i = 0; i < list->count; i++) {
		if (list->items[i].restore == NULL)
			continue;
		object_link_release(list->items[i].variable);
		restore_release(list->items[i].restore);
	}
	hash_index_fini(&list->index, system);
	system_free(system, list->items);
	*list = (struct waiting_list){.items = NULL};
}
