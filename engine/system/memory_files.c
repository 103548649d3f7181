/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inodes, blocks and directories in memory, and the walk along a path.
 *
 * Invariants: a block with more than one reference is never written; an inode's number is its place
 * in the table; a directory has no two entries of one name; the bytes of a file's last block beyond
 * its size are zeros, so that growing a file shows zeros.
 */
#include "engine/system/memory_files.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE          4096u
#define LINKS_FOLLOWED_MAX 40

void *memory_must_allocate(size_t size)
{
	return memory_must_reallocate(NULL, size);
}

void *memory_must_reallocate(void *memory, size_t size)
{
	void *result = realloc(memory, size != 0 ? size : 1);

	if (result == NULL)
		abort();
	return result;
}

char *memory_must_copy_text(const char *text)
{
	const size_t size = strlen(text) + 1;

	return memcpy(memory_must_allocate(size), text, size);
}

/* --------------------------------------------------------------------------------------- blocks */

struct memory_block *memory_block_create(void)
{
	struct memory_block *block = memory_must_allocate(sizeof(*block));

	memset(block, 0, sizeof(*block));
	atomic_init(&block->references, 1);
	return block;
}

struct memory_block *memory_block_share(struct memory_block *block)
{
	if (block != NULL)
		atomic_fetch_add_explicit(&block->references, 1, memory_order_relaxed);
	return block;
}

void memory_block_release(struct memory_block *block)
{
	if (block == NULL)
		return;
	if (atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) == 1)
		free(block);
}

/* Makes the block in a slot fit for writing: its own, and no longer hashed. */
static struct memory_block *block_for_writing(struct memory_block **slot)
{
	struct memory_block *own;

	if (*slot != NULL &&
	    atomic_load_explicit(&(*slot)->references, memory_order_acquire) == 1) {
		(*slot)->hashed = false;
		return *slot;
	}
	own = memory_block_create();
	if (*slot != NULL)
		memcpy(own->bytes, (*slot)->bytes, MEMORY_BLOCK_SIZE);
	memory_block_release(*slot);
	*slot = own;
	return own;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ (hash >> 29);
}

/* Zeros hash to zero, as a hole does. */
static uint64_t block_hash(struct memory_block *block)
{
	uint64_t hash = 0;

	if (block == NULL)
		return 0;
	if (block->hashed)
		return block->hash;
	for (size_t i = 0; i < MEMORY_BLOCK_SIZE; i += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, block->bytes + i, sizeof(word));
		hash = mix(hash, word);
	}
	block->hash = hash;
	block->hashed = true;
	return hash;
}

/* --------------------------------------------------------------------------------------- inodes */

static void inode_destroy(struct memory_inode *inode)
{
	if (inode == NULL)
		return;
	for (size_t i = 0; i < inode->block_count; i++)
		memory_block_release(inode->blocks[i]);
	free(inode->blocks);
	free(inode->entries);
	free(inode->target);
	free(inode);
}

static struct memory_inode *inode_copy(const struct memory_inode *inode)
{
	struct memory_inode *copy = memory_must_allocate(sizeof(*copy));

	*copy = *inode;
	copy->references = 0;
	if (inode->block_count != 0) {
		copy->blocks = memory_must_allocate(inode->block_count * sizeof(*copy->blocks));
		for (size_t i = 0; i < inode->block_count; i++)
			copy->blocks[i] = memory_block_share(inode->blocks[i]);
	}
	if (inode->entry_count != 0) {
		const size_t size = inode->entry_count * sizeof(*copy->entries);

		copy->entries = memcpy(memory_must_allocate(size), inode->entries, size);
	} else {
		copy->entries = NULL;
	}
	copy->entry_capacity = inode->entry_count;
	if (inode->target != NULL)
		copy->target = memory_must_copy_text(inode->target);
	return copy;
}

static void table_reserve(struct memory_files *files, size_t count)
{
	if (count > files->capacity) {
		files->capacity = count * 2;
		files->inodes = memory_must_reallocate(files->inodes,
						       files->capacity * sizeof(*files->inodes));
	}
	while (files->count < count)
		files->inodes[files->count++] = NULL;
}

void memory_files_init(struct memory_files *files)
{
	struct memory_inode *root;

	*files = (struct memory_files){0};
	table_reserve(files, MEMORY_ROOT);
	root = memory_files_add(files, MEMORY_ROOT, SYSTEM_DIRECTORY);
	root->mode = 0755;
	root->links = 1;
	root->parent = MEMORY_ROOT;
}

void memory_files_fini(struct memory_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		inode_destroy(files->inodes[i]);
	free(files->inodes);
	*files = (struct memory_files){0};
}

void memory_files_copy(struct memory_files *copy, const struct memory_files *files)
{
	*copy = (struct memory_files){.count = files->count, .capacity = files->count};
	copy->inodes = memory_must_allocate(files->count * sizeof(*copy->inodes));
	for (size_t i = 0; i < files->count; i++)
		copy->inodes[i] = files->inodes[i] != NULL ? inode_copy(files->inodes[i]) : NULL;
}

struct memory_inode *memory_files_get(const struct memory_files *files, uint64_t number)
{
	return number < files->count ? files->inodes[number] : NULL;
}

struct memory_inode *memory_files_add(struct memory_files *files, uint64_t number,
				      enum system_kind kind)
{
	struct memory_inode *inode = memory_must_allocate(sizeof(*inode));

	/* Numbers are not used again: a name that was replaced must be seen to name another inode.
	 */
	if (number == 0)
		number = files->count;
	table_reserve(files, number + 1);
	assert(files->inodes[number] == NULL);
	*inode = (struct memory_inode){.number = number, .kind = kind};
	files->inodes[number] = inode;
	return inode;
}

void memory_files_drop_unused(struct memory_files *files, uint64_t number)
{
	struct memory_inode *inode = memory_files_get(files, number);

	if (inode == NULL || inode->links != 0 || inode->references != 0)
		return;
	files->inodes[number] = NULL;
	inode_destroy(inode);
}

/* ------------------------------------------------------------------------------------- settling */

static uint64_t content_hash(const struct memory_inode *inode)
{
	uint64_t hash = mix(mix(inode->number, inode->kind), mix(inode->size, inode->mode));

	for (size_t i = 0; i < inode->block_count; i++) {
		const uint64_t block = block_hash(inode->blocks[i]);

		if (block != 0)
			hash += mix(mix(inode->number, i), block);
	}
	return mix(hash, inode->owner);
}

static uint64_t entry_hash(const struct memory_inode *directory, const struct memory_entry *entry)
{
	uint64_t hash = mix(directory->number, entry->inode);

	for (const char *c = entry->name; *c != '\0'; c++)
		hash = mix(hash, (unsigned char)*c);
	return hash;
}

/*
 * Counts the links of what a directory names, and appends what is met for the first time to the
 * `queue`. The order of entries is no part of the hash.
 */
static uint64_t settle_directory(struct memory_files *files, const struct memory_inode *directory,
				 uint64_t *queue, size_t *queued)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < directory->entry_count; i++) {
		const struct memory_entry *entry = &directory->entries[i];
		struct memory_inode *child = memory_files_get(files, entry->inode);

		assert(child != NULL);
		hash += entry_hash(directory, entry);
		if (child->links++ != 0)
			continue;
		child->parent = directory->number;
		queue[(*queued)++] = entry->inode;
	}
	return hash;
}

uint64_t memory_files_settle(struct memory_files *files)
{
	uint64_t *queue = memory_must_allocate(files->count * sizeof(*queue));
	size_t queued = 0;
	uint64_t hash = 0;

	for (size_t i = 0; i < files->count; i++) {
		if (files->inodes[i] != NULL)
			files->inodes[i]->links = 0;
	}
	assert(files->inodes[MEMORY_ROOT] != NULL);
	files->inodes[MEMORY_ROOT]->links = 1;
	queue[queued++] = MEMORY_ROOT;
	for (size_t i = 0; i < queued; i++) {
		const struct memory_inode *inode = files->inodes[queue[i]];

		hash += content_hash(inode) + settle_directory(files, inode, queue, &queued);
	}
	free(queue);
	for (size_t i = 0; i < files->count; i++)
		memory_files_drop_unused(files, i);
	return hash;
}

/* ---------------------------------------------------------------------------------- directories */

static struct memory_entry *entry_find(const struct memory_inode *directory, const char *name)
{
	for (size_t i = 0; i < directory->entry_count; i++) {
		if (strcmp(directory->entries[i].name, name) == 0)
			return &directory->entries[i];
	}
	return NULL;
}

uint64_t memory_directory_find(const struct memory_inode *directory, const char *name)
{
	const struct memory_entry *entry = entry_find(directory, name);

	return entry != NULL ? entry->inode : 0;
}

void memory_directory_put(struct memory_inode *directory, const char *name, uint64_t inode)
{
	struct memory_entry *entry = entry_find(directory, name);

	if (entry == NULL) {
		if (directory->entry_count == directory->entry_capacity) {
			directory->entry_capacity = directory->entry_capacity * 2 + 4;
			directory->entries = memory_must_reallocate(
				directory->entries,
				directory->entry_capacity * sizeof(*directory->entries));
		}
		entry = &directory->entries[directory->entry_count++];
		memset(entry->name, 0, sizeof(entry->name));
		memcpy(entry->name, name, strlen(name));
	}
	entry->inode = inode;
}

void memory_directory_drop(struct memory_inode *directory, const char *name)
{
	struct memory_entry *entry = entry_find(directory, name);

	if (entry != NULL)
		*entry = directory->entries[--directory->entry_count];
}

/* ---------------------------------------------------------------------------------------- paths */

struct walk {
	const struct memory_files *files;
	uint64_t directory;
	int links_left;
	char rest[PATH_SIZE];        /* of the path, from the component that is looked at */
	char name[SYSTEM_NAME_SIZE]; /* the component */
};

/* Takes the next component off the rest of the path: 1, or 0 at the end, or a negative errno. */
static int walk_take_name(struct walk *walk)
{
	const char *start = walk->rest + strspn(walk->rest, "/");
	const size_t length = strcspn(start, "/");
	const char *after = start + length;

	if (length == 0)
		return 0;
	if (length >= sizeof(walk->name))
		return -ENAMETOOLONG;
	memcpy(walk->name, start, length);
	walk->name[length] = '\0';
	after += strspn(after, "/");
	memmove(walk->rest, after, strlen(after) + 1);
	return 1;
}

/* Puts a link's target in front of the rest of the path. */
static int walk_expand_link(struct walk *walk, const struct memory_inode *link)
{
	char rest[PATH_SIZE];
	int length;

	if (walk->links_left-- == 0)
		return -ELOOP;
	memcpy(rest, walk->rest, sizeof(rest));
	length = snprintf(walk->rest, sizeof(walk->rest), "%s/", link->target);
	if (length < 0 || (size_t)length + strlen(rest) >= sizeof(walk->rest))
		return -ENAMETOOLONG;
	memcpy(walk->rest + length, rest, strlen(rest) + 1);
	if (link->target[0] == '/')
		walk->directory = MEMORY_ROOT;
	return 0;
}

static void place_set(struct memory_place *place, uint64_t directory, const char *name,
		      uint64_t inode)
{
	*place = (struct memory_place){.directory = directory, .inode = inode};
	memcpy(place->name, name, strlen(name));
}

/* One component: 1 when *place is the end of the path, 0 to go on, negative errno. */
static int walk_step(struct walk *walk, bool follow_last, struct memory_place *place)
{
	const struct memory_inode *directory = memory_files_get(walk->files, walk->directory);
	const struct memory_inode *child;
	bool last;
	int taken;

	if (directory == NULL || directory->kind != SYSTEM_DIRECTORY)
		return -ENOTDIR;
	taken = walk_take_name(walk);
	if (taken < 0)
		return taken;
	if (taken == 0) {
		place_set(place, walk->directory, "", walk->directory);
		return 1;
	}
	last = walk->rest[0] == '\0';
	if (strcmp(walk->name, ".") == 0)
		return 0;
	if (strcmp(walk->name, "..") == 0) {
		walk->directory = directory->parent;
		return 0;
	}
	child = memory_files_get(walk->files, memory_directory_find(directory, walk->name));
	if (child != NULL && child->kind == SYSTEM_LINK && (!last || follow_last))
		return walk_expand_link(walk, child);
	if (last) {
		place_set(place, walk->directory, walk->name, child != NULL ? child->number : 0);
		return 1;
	}
	if (child == NULL)
		return -ENOENT;
	walk->directory = child->number;
	return 0;
}

int memory_files_resolve(const struct memory_files *files, uint64_t start, const char *path,
			 bool follow_last, struct memory_place *place)
{
	struct walk walk = {.files = files, .links_left = LINKS_FOLLOWED_MAX};
	int result;

	if (path[0] == '\0')
		return -ENOENT;
	if (strlen(path) >= sizeof(walk.rest))
		return -ENAMETOOLONG;
	memcpy(walk.rest, path, strlen(path));
	walk.directory = path[0] == '/' ? MEMORY_ROOT : start;
	do {
		result = walk_step(&walk, follow_last, place);
	} while (result == 0);
	return result < 0 ? result : 0;
}

/* -------------------------------------------------------------------------------------- content */

void memory_file_grow(struct memory_inode *file, uint64_t size)
{
	if (size > file->size)
		file->size = size;
}

static void reserve_blocks(struct memory_inode *file, size_t count)
{
	if (count <= file->block_count)
		return;
	file->blocks = memory_must_reallocate(file->blocks, count * sizeof(*file->blocks));
	while (file->block_count < count)
		file->blocks[file->block_count++] = NULL;
}

void memory_file_put(struct memory_inode *file, const struct memory_piece *piece)
{
	struct memory_block **slot;
	const bool whole = piece->start == 0 && piece->end == MEMORY_BLOCK_SIZE;

	reserve_blocks(file, piece->index + 1);
	slot = &file->blocks[piece->index];
	if (whole || (*slot == NULL && piece->exact)) {
		memory_block_release(*slot);
		*slot = memory_block_share(piece->block);
	} else {
		memcpy(block_for_writing(slot)->bytes + piece->start,
		       piece->block->bytes + piece->start, memory_piece_size(piece));
	}
	memory_file_grow(file, piece->index * MEMORY_BLOCK_SIZE + piece->end);
}

void memory_file_truncate(struct memory_inode *file, uint64_t size)
{
	const size_t kept = size % MEMORY_BLOCK_SIZE;
	const size_t index = size / MEMORY_BLOCK_SIZE;

	for (size_t i = index + (kept != 0); i < file->block_count; i++) {
		memory_block_release(file->blocks[i]);
		file->blocks[i] = NULL;
	}
	if (kept != 0 && index < file->block_count && file->blocks[index] != NULL)
		memset(block_for_writing(&file->blocks[index])->bytes + kept, 0,
		       MEMORY_BLOCK_SIZE - kept);
	file->size = size;
}

void memory_file_spoil(struct memory_inode *file, uint64_t block_index)
{
	const uint64_t offset = block_index * MEMORY_BLOCK_SIZE;
	uint64_t size;

	if (offset >= file->size)
		return;
	if (block_index < file->block_count && file->blocks[block_index] != NULL)
		return;
	size = file->size - offset;
	reserve_blocks(file, block_index + 1);
	memset(block_for_writing(&file->blocks[block_index])->bytes, MEMORY_GARBAGE,
	       size < MEMORY_BLOCK_SIZE ? size : MEMORY_BLOCK_SIZE);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t memory_file_read(const struct memory_inode *file, void *buffer, size_t size, uint64_t offset)
{
	uint8_t *bytes = buffer;
	size_t done = 0;

	if (offset >= file->size)
		return 0;
	size = smaller(size, file->size - offset);
	while (done < size) {
		const uint64_t index = (offset + done) / MEMORY_BLOCK_SIZE;
		const size_t start = (offset + done) % MEMORY_BLOCK_SIZE;
		const size_t count = smaller(size - done, MEMORY_BLOCK_SIZE - start);

		if (index < file->block_count && file->blocks[index] != NULL)
			memcpy(bytes + done, file->blocks[index]->bytes + start, count);
		else
			memset(bytes + done, 0, count);
		done += count;
	}
	return size;
}

struct memory_piece memory_piece_create(const uint8_t *data, size_t available, uint64_t offset)
{
	const size_t start = offset % MEMORY_BLOCK_SIZE;
	const size_t size = smaller(available, MEMORY_BLOCK_SIZE - start);
	struct memory_piece piece = {
		.index = offset / MEMORY_BLOCK_SIZE,
		.start = (uint32_t)start,
		.end = (uint32_t)(start + size),
		.exact = true,
		.block = memory_block_create(),
	};

	memcpy(piece.block->bytes + start, data, size);
	return piece;
}
