/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of the in-memory system on directory entries: make, rename, link, unlink, list.
 *
 * What a call changes is traced after all its checks have passed: a call that fails leaves no
 * trace. An inode without a name stays for as long as it is open or mapped.
 */
#include "engine/system/memory_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct memory_inode *directory_of(struct memory_system *memory,
					 const struct memory_place *place)
{
	return memory_files_get(&memory->files, place->directory);
}

static void touch_directory(struct memory_system *memory, const struct memory_place *place)
{
	struct memory_inode *directory = directory_of(memory, place);

	directory->modified_ns = directory->changed_ns = memory_tick(memory);
}

struct memory_inode *memory_make_inode(struct memory_system *memory,
				       const struct memory_place *place, enum system_kind kind,
				       uint32_t mode)
{
	struct memory_inode *inode = memory_files_add(&memory->files, 0, kind);

	inode->mode = mode;
	inode->owner = memory->settings.user;
	inode->links = 1;
	inode->parent = place->directory;
	inode->modified_ns = inode->changed_ns = memory_tick(memory);
	memory_trace_inode(&memory->trace, inode);
	memory_trace_add(&memory->trace, place->directory, place->name, inode->number);
	memory_directory_put(directory_of(memory, place), place->name, inode->number);
	touch_directory(memory, place);
	return inode;
}

/* Takes a name away from an inode, which may end with it. */
static void drop_link(struct memory_system *memory, uint64_t number)
{
	struct memory_inode *inode = memory_files_get(&memory->files, number);

	if (inode == NULL)
		return;
	inode->links--;
	inode->changed_ns = memory_tick(memory);
	memory_files_drop_unused(&memory->files, number);
}

static int do_make_directory(struct memory_system *memory, int at, const char *name, uint32_t mode)
{
	struct memory_place place;
	const int error = memory_resolve(memory, at, name, false, &place);

	if (error != 0)
		return error;
	if (place.inode != 0)
		return -EEXIST;
	if (directory_of(memory, &place)->links == 0)
		return -ENOENT;
	memory_make_inode(memory, &place, SYSTEM_DIRECTORY, mode & ~memory->settings.umask);
	return 0;
}

int memory_make_directory(struct system *system, int at, const char *name, uint32_t mode)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_MAKE_DIRECTORY, &frame))
		frame.result = do_make_directory(frame.memory, at, name, mode);
	return (int)memory_leave(&frame);
}

/* ------------------------------------------------------------------------------------- renaming */

/* True if `directory` is `ancestor` or lies below it. */
static bool lies_within(const struct memory_system *memory, uint64_t directory, uint64_t ancestor)
{
	while (directory != ancestor && directory != MEMORY_ROOT)
		directory = memory_files_get(&memory->files, directory)->parent;
	return directory == ancestor;
}

static int check_replaced(const struct memory_inode *from, const struct memory_inode *to)
{
	const bool from_is_directory = from->kind == SYSTEM_DIRECTORY;

	if (to->kind != SYSTEM_DIRECTORY)
		return from_is_directory ? -ENOTDIR : 0;
	if (!from_is_directory)
		return -EISDIR;
	return to->entry_count != 0 ? -ENOTEMPTY : 0;
}

static int check_rename(struct memory_system *memory, const struct memory_place *from,
			const struct memory_place *to, enum system_rename_mode mode)
{
	const struct memory_inode *inode = memory_files_get(&memory->files, from->inode);
	const struct memory_inode *replaced = memory_files_get(&memory->files, to->inode);

	if (inode == NULL)
		return -ENOENT;
	if (from->name[0] == '\0' || to->name[0] == '\0')
		return -EBUSY;
	if (directory_of(memory, to)->links == 0)
		return -ENOENT;
	if (replaced != NULL && mode == SYSTEM_RENAME_NO_REPLACE)
		return -EEXIST;
	if (inode->kind == SYSTEM_DIRECTORY && lies_within(memory, to->directory, inode->number))
		return -EINVAL;
	return replaced != NULL && replaced != inode ? check_replaced(inode, replaced) : 0;
}

static void carry_out_rename(struct memory_system *memory, const struct memory_place *from,
			     const struct memory_place *to)
{
	struct memory_inode *inode = memory_files_get(&memory->files, from->inode);

	memory_trace_rename(&memory->trace, from, to);
	memory_directory_drop(directory_of(memory, from), from->name);
	memory_directory_put(directory_of(memory, to), to->name, from->inode);
	inode->parent = to->directory;
	inode->changed_ns = memory_tick(memory);
	touch_directory(memory, from);
	touch_directory(memory, to);
	drop_link(memory, to->inode);
}

int memory_rename(struct system *system, int from_at, const char *from, int to_at, const char *to,
		  enum system_rename_mode mode)
{
	struct memory_call_frame frame;
	struct memory_place old;
	struct memory_place new;

	if (!memory_enter(system, MEMORY_CALL_RENAME, &frame))
		return (int)memory_leave(&frame);
	if (mode == SYSTEM_RENAME_NO_REPLACE)
		frame.result = -frame.memory->settings.no_replace_error;
	if (frame.result == 0)
		frame.result = memory_resolve(frame.memory, from_at, from, false, &old);
	if (frame.result == 0)
		frame.result = memory_resolve(frame.memory, to_at, to, false, &new);
	if (frame.result == 0)
		frame.result = check_rename(frame.memory, &old, &new, mode);
	/* Two names of one inode: POSIX wants nothing to be done. */
	if (frame.result == 0 && old.inode != new.inode)
		carry_out_rename(frame.memory, &old, &new);
	return (int)memory_leave(&frame);
}

/* ---------------------------------------------------------------------------- linking, removing */

static int do_link(struct memory_system *memory, const struct memory_place *from,
		   const struct memory_place *to)
{
	struct memory_inode *inode = memory_files_get(&memory->files, from->inode);

	if (inode == NULL)
		return -ENOENT;
	if (to->inode != 0)
		return -EEXIST;
	if (inode->kind == SYSTEM_DIRECTORY)
		return -EPERM;
	if (directory_of(memory, to)->links == 0)
		return -ENOENT;
	memory_trace_add(&memory->trace, to->directory, to->name, from->inode);
	memory_directory_put(directory_of(memory, to), to->name, from->inode);
	inode->links++;
	inode->changed_ns = memory_tick(memory);
	touch_directory(memory, to);
	return 0;
}

int memory_link(struct system *system, int from_at, const char *from, int to_at, const char *to)
{
	struct memory_call_frame frame;
	struct memory_place old;
	struct memory_place new;

	if (memory_enter(system, MEMORY_CALL_LINK, &frame)) {
		frame.result = memory_resolve(frame.memory, from_at, from, false, &old);
		if (frame.result == 0)
			frame.result = memory_resolve(frame.memory, to_at, to, false, &new);
		if (frame.result == 0)
			frame.result = do_link(frame.memory, &old, &new);
	}
	return (int)memory_leave(&frame);
}

static void remove_entry(struct memory_system *memory, const struct memory_place *place)
{
	memory_trace_remove(&memory->trace, place->directory, place->name);
	memory_directory_drop(directory_of(memory, place), place->name);
	touch_directory(memory, place);
	drop_link(memory, place->inode);
}

static int do_unlink(struct memory_system *memory, int at, const char *name)
{
	struct memory_place place;
	const struct memory_inode *inode;
	const int error = memory_resolve(memory, at, name, false, &place);

	if (error != 0)
		return error;
	inode = memory_files_get(&memory->files, place.inode);
	if (inode == NULL)
		return -ENOENT;
	if (inode->kind == SYSTEM_DIRECTORY)
		return -EISDIR;
	remove_entry(memory, &place);
	return 0;
}

int memory_unlink(struct system *system, int at, const char *name)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_UNLINK, &frame))
		frame.result = do_unlink(frame.memory, at, name);
	return (int)memory_leave(&frame);
}

static int do_remove_directory(struct memory_system *memory, int at, const char *name)
{
	struct memory_place place;
	const struct memory_inode *inode;
	const int error = memory_resolve(memory, at, name, false, &place);

	if (error != 0)
		return error;
	inode = memory_files_get(&memory->files, place.inode);
	if (inode == NULL)
		return -ENOENT;
	if (inode->kind != SYSTEM_DIRECTORY)
		return -ENOTDIR;
	if (place.name[0] == '\0')
		return -EINVAL;
	if (inode->entry_count != 0)
		return -ENOTEMPTY;
	remove_entry(memory, &place);
	return 0;
}

int memory_remove_directory(struct system *system, int at, const char *name)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_REMOVE_DIRECTORY, &frame))
		frame.result = do_remove_directory(frame.memory, at, name);
	return (int)memory_leave(&frame);
}

/* -------------------------------------------------------------------------------------- listing */

struct listing {
	size_t count;
	struct memory_entry *entries; /* owned */
};

/* A copy of the entries, so that the callback runs without the mutex and may unlink. */
static int take_listing(struct memory_system *memory, int fd, struct listing *listing)
{
	struct memory_place place;
	const struct memory_inode *directory;
	const int error = memory_resolve(memory, fd, ".", true, &place);
	size_t size;

	if (error != 0)
		return error;
	directory = memory_files_get(&memory->files, place.inode);
	size = directory->entry_count * sizeof(*listing->entries);
	listing->count = directory->entry_count;
	listing->entries = memory_must_allocate(size);
	if (size != 0)
		memcpy(listing->entries, directory->entries, size);
	return 0;
}

int memory_list(struct system *system, int fd, system_list_callback callback, void *context)
{
	struct memory_call_frame frame;
	struct listing listing = {0};
	int result;

	if (memory_enter(system, MEMORY_CALL_LIST, &frame))
		frame.result = take_listing(frame.memory, fd, &listing);
	result = (int)memory_leave(&frame);
	for (size_t i = 0; i < listing.count && result == 0; i++)
		result = callback(context, listing.entries[i].name);
	free(listing.entries);
	return result;
}
