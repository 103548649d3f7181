/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers made in the in-memory system, and what can be done to their bytes: patched records
 * under digests that fit again.
 */
#ifndef CAIRN_TESTS_BUILD_H
#define CAIRN_TESTS_BUILD_H

#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "engine/write/writer.h"
#include "format/container.h"

/* An in-memory system and shorthand for it. */
struct scene {
	struct memory_system *memory;
	struct system *system;
};

void scene_open(struct scene *scene);

/* Asserts that nothing is held any more: no memory, descriptor, mapping, lock or thread. */
void scene_close(struct scene *scene);

/* A writer of `path`; options may be NULL. */
struct cairn_writer *scene_writer(const struct scene *scene, const char *path,
				  const struct cairn_writer_options *options);

/* Asserts that finish succeeds, and destroys the writer. */
void finish_writer(struct cairn_writer *writer);

struct cairn_reader *scene_reader(const struct scene *scene, const char *path,
				  const struct cairn_reader_options *options);

/* Bytes on the heap. */
struct bytes {
	uint8_t *data;
	size_t size;
};

/* All of a file; to be freed. */
struct bytes scene_content(const struct scene *scene, const char *path);
void bytes_free(struct bytes *bytes);

/* How many entries a folder has. */
uint32_t scene_entries(const struct scene *scene, const char *folder);

void scene_add_file(const struct scene *scene, const char *path, const struct bytes *bytes);

/* --------------------------------------------------------------------- the bytes of a container */

/* Its footer, which must be valid. */
struct container_footer container_footer_of(const struct bytes *container);

/* Record `number` of a section. */
uint8_t *container_record(const struct bytes *container, enum section_type type, uint64_t number);

/*
 * A container of `data`, which begins at offset CONTAINER_PAGE_SIZE, under an index of `input`
 * (whose extents count from the start of the file): for layouts that no writer makes. To be freed.
 */
struct bytes container_from(struct build_input *input, const struct bytes *data);

/* Makes the digest tree, the content id and both footers fit again after the index was changed. */
void container_reseal(const struct bytes *container);

/* The same with fields of the footer changed as well: all but digests are taken from `footer`. */
void container_reseal_footer(const struct bytes *container, const struct container_footer *footer);

#endif
