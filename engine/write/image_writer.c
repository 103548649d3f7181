/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See image_writer.h. Every byte of the sections passes through here once: copied, hashed in the
 * buffer that is then written, written. Padding between sections is never appended: it lies in edge
 * blocks, which start zeroed.
 */
#include "engine/write/image_writer.h"

#include <assert.h>
#include <inttypes.h>

#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"

enum {
	RUN_SIZE = IMAGE_RUN_BLOCKS * INDEX_BLOCK_SIZE
};

/* -------------------------------------------------------------------------------------- writing */

static enum cairn_status write_at(const struct image_writer *writer, uint64_t offset,
				  const uint8_t *bytes, uint64_t size, struct cairn_error *error)
{
	const int result = system_write_all(writer->system, writer->fd, bytes, size,
					    writer->file_offset + offset);

	return result < 0 ? error_set_system(error, result,
					     "cannot write %" PRIu64 " bytes of the index", size)
			  : CAIRN_OK;
}

static uint64_t block_length(const struct image_writer *writer, uint64_t block)
{
	const uint64_t left = writer->sections_size - block * INDEX_BLOCK_SIZE;

	return left < INDEX_BLOCK_SIZE ? left : INDEX_BLOCK_SIZE;
}

/* The digest of a sections block: entry of level 0, or the root itself when there is only one
 * block. */
static void note_digest(struct image_writer *writer, uint64_t block, const uint8_t *bytes)
{
	const struct cairn_digest digest = digest_bytes(bytes, block_length(writer, block));

	if (writer->tree.level_count == 0)
		writer->root = digest;
	else
		memcpy(writer->levels + (writer->tree.levels[0].offset - writer->sections_size) +
			       block * DIGEST_SIZE,
		       digest.bytes, DIGEST_SIZE);
}

/* Hashes and writes the full blocks that a section has gathered. */
static enum cairn_status flush(struct image_writer *writer, struct image_section *section,
			       struct cairn_error *error)
{
	const uint64_t size = section->run_size;
	enum cairn_status status = CAIRN_OK;

	for (uint64_t done = 0; done < size; done += INDEX_BLOCK_SIZE)
		note_digest(writer, (section->run_start + done) / INDEX_BLOCK_SIZE,
			    section->run + done);
	if (size != 0)
		status = write_at(writer, section->run_start, section->run, size, error);
	section->run_start += size;
	section->run_size = 0;
	return status;
}

/* ------------------------------------------------------------------------------------ appending */

static struct edge_block *find_edge(struct image_writer *writer, uint64_t block)
{
	for (uint32_t i = 0; i < writer->edge_count; i++) {
		if (writer->edges[i].number == block)
			return &writer->edges[i];
	}
	return NULL;
}

/* The section has reached another block: sections meet in it, or it is this section's alone. */
static enum cairn_status enter_block(struct image_writer *writer, struct image_section *section,
				     struct cairn_error *error)
{
	section->edge = find_edge(writer, section->at / INDEX_BLOCK_SIZE);
	if (section->run_size == RUN_SIZE || section->edge != NULL) {
		const enum cairn_status status = flush(writer, section, error);

		if (status != CAIRN_OK)
			return status;
	}
	if (section->run_size == 0)
		section->run_start = section->at;
	return CAIRN_OK;
}

enum cairn_status image_append(struct image_writer *writer, enum section_type type,
			       const void *bytes, uint64_t size, struct cairn_error *error)
{
	struct image_section *const section = &writer->sections[type];

	assert(size <= section->end - section->at);
	for (uint64_t done = 0; done < size;) {
		const uint64_t in_block = section->at % INDEX_BLOCK_SIZE;
		const uint64_t room = INDEX_BLOCK_SIZE - in_block;
		const uint64_t piece = size - done < room ? size - done : room;
		const enum cairn_status status = in_block == 0 ? enter_block(writer, section, error)
							       : CAIRN_OK;

		if (status != CAIRN_OK)
			return status;
		if (section->edge != NULL) {
			memcpy(section->edge->bytes + in_block, (const uint8_t *)bytes + done,
			       piece);
		} else {
			memcpy(section->run + section->run_size, (const uint8_t *)bytes + done,
			       piece);
			section->run_size += piece;
		}
		section->at += piece;
		done += piece;
	}
	return CAIRN_OK;
}

/* -------------------------------------------------------------------------------- begin and end */

/* The block at an image offset is held until the end: something begins or ends inside it. */
static bool hold_block(struct image_writer *writer, uint64_t offset)
{
	const uint64_t block = offset / INDEX_BLOCK_SIZE;
	struct edge_block *const edge = &writer->edges[writer->edge_count];

	if (find_edge(writer, block) != NULL)
		return true;
	edge->number = block;
	edge->bytes = arena_allocate_array(writer->arena, INDEX_BLOCK_SIZE, 1);
	if (edge->bytes == NULL)
		return false;
	writer->edge_count++;
	return true;
}

static bool prepare_section(struct image_writer *writer, const struct container_section *section)
{
	struct image_section *const state = &writer->sections[section->type];

	*state = (struct image_section){.at = section->offset,
					.end = section->offset + section->size};
	if (section->size == 0)
		return true;
	state->run = arena_allocate(writer->arena, RUN_SIZE);
	if (state->run == NULL || !hold_block(writer, state->at) ||
	    !hold_block(writer, state->end - 1))
		return false;
	state->edge = find_edge(writer, state->at / INDEX_BLOCK_SIZE);
	return true;
}

enum cairn_status image_writer_init(struct image_writer *writer, struct system *system,
				    struct arena *arena, int fd, uint64_t file_offset,
				    const struct container_footer *footer,
				    struct cairn_error *error)
{
	*writer = (struct image_writer){.system = system,
					.arena = arena,
					.fd = fd,
					.file_offset = file_offset,
					.sections_size = footer->sections_size};
	if (!index_tree_layout(footer->sections_size, &writer->tree))
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "an index of %" PRIu64 " bytes is too large",
				 footer->sections_size);
	writer->levels = arena_allocate_array(arena,
					      writer->tree.image_size - footer->sections_size, 1);
	if (writer->levels == NULL)
		return error_set_memory(error, "the digests of the index");
	for (uint32_t i = 0; i < footer->section_count; i++) {
		if (!prepare_section(writer, &footer->sections[i]))
			return error_set_memory(error, "the buffers of the index");
	}
	return CAIRN_OK;
}

/* The digests of level `level` from those of the one below, the last of them being the root. */
static void build_levels(struct image_writer *writer)
{
	const struct index_tree *const tree = &writer->tree;

	for (uint32_t level = 0; level < tree->level_count; level++) {
		const uint8_t *const below = writer->levels +
					     (tree->levels[level].offset - writer->sections_size);
		const uint64_t size = tree->levels[level].size;

		for (uint64_t done = 0; done < size; done += INDEX_BLOCK_SIZE) {
			const uint64_t piece = size - done < INDEX_BLOCK_SIZE ? size - done
									      : INDEX_BLOCK_SIZE;
			const struct cairn_digest digest = digest_bytes(below + done, piece);

			if (level + 1 == tree->level_count)
				writer->root = digest;
			else
				memcpy(writer->levels +
					       (tree->levels[level + 1].offset -
						writer->sections_size) +
					       done / INDEX_BLOCK_SIZE * DIGEST_SIZE,
				       digest.bytes, DIGEST_SIZE);
		}
	}
}

enum cairn_status image_writer_finish(struct image_writer *writer, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint32_t type = SECTION_TENSORS; type <= SECTION_KNOWN_COUNT && status == CAIRN_OK;
	     type++) {
		assert(writer->sections[type].at == writer->sections[type].end);
		status = flush(writer, &writer->sections[type], error);
	}
	for (uint32_t i = 0; i < writer->edge_count && status == CAIRN_OK; i++) {
		const struct edge_block *const edge = &writer->edges[i];

		note_digest(writer, edge->number, edge->bytes);
		status = write_at(writer, edge->number * INDEX_BLOCK_SIZE, edge->bytes,
				  block_length(writer, edge->number), error);
	}
	if (status != CAIRN_OK)
		return status;
	build_levels(writer);
	return write_at(writer, writer->sections_size, writer->levels,
			writer->tree.image_size - writer->sections_size, error);
}
