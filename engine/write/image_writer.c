/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See image_writer.h. Every byte of the sections passes through here once: copied, hashed in the
 * buffer that is then written, written. Padding between sections is never appended: it lies in edge
 * blocks, which start zeroed. The first and the last block of every share are edge blocks, so that
 * runs hold whole blocks only.
 */
#include "engine/write/image_writer.h"

#include <inttypes.h>

#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"

enum {
	RUN_SIZE = IMAGE_RUN_BLOCKS * INDEX_BLOCK_SIZE,
	RUN_SIZE_MAX = IMAGE_RUN_BLOCKS_MAX * INDEX_BLOCK_SIZE
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

/* ------------------------------------------------------------------------------------ appending */

static uint8_t *find_edge(const struct image_writer *writer, uint64_t block)
{
	for (uint64_t i = 0; i < writer->edge_count; i++) {
		if (writer->edges[i].number == block)
			return writer->edges[i].bytes;
	}
	return NULL;
}

/* Writes a share's run; unless it must be, not while another thread writes. */
static enum cairn_status flush(struct image_writer *writer, struct image_share *share, bool must,
			       struct cairn_error *error)
{
	const bool is_alone = !atomic_flag_test_and_set(&writer->is_writing);
	const uint64_t size = share->run_size;
	enum cairn_status status = CAIRN_OK;

	if (is_alone || must) {
		share->run_size = 0;
		status = write_at(writer, share->run_start, share->run, size, error);
	}
	if (is_alone)
		atomic_flag_clear(&writer->is_writing);
	return status;
}

/* Goes to the block that begins where the one before ended, or to the one in which the share
 * begins. */
static enum cairn_status enter_block(struct image_writer *writer, struct image_share *share,
				     struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;
	const uint64_t at = share->limit;
	const uint64_t block = at / INDEX_BLOCK_SIZE;
	const uint64_t block_end = (block + 1) * INDEX_BLOCK_SIZE;
	uint8_t *const edge = find_edge(writer, block);

	if (share->in_run) {
		note_digest(writer, block - 1, share->run + share->run_size);
		share->run_size += INDEX_BLOCK_SIZE;
	}
	if (share->run_size >= RUN_SIZE || (share->run_size != 0 && edge != NULL))
		status = flush(writer, share, share->run_size == RUN_SIZE_MAX || edge != NULL,
			       error);
	if (status != CAIRN_OK)
		return status;
	if (share->run_size == 0)
		share->run_start = at;
	share->in_run = edge == NULL;
	share->next = edge == NULL ? share->run + share->run_size : edge + at % INDEX_BLOCK_SIZE;
	share->limit = block_end < share->end ? block_end : share->end;
	share->left = share->limit - at;
	return CAIRN_OK;
}

enum cairn_status image_has_changed(struct cairn_error *error)
{
	return error_set(error, CAIRN_BUSY, CAIRN_ERROR_NO_OFFSET,
			 "the index of a source was changed while it was merged");
}

enum cairn_status image_append_pieces(struct image_part *part, enum section_type type,
				      const void *bytes, uint64_t size, struct cairn_error *error)
{
	struct image_share *const share = &part->shares[type];

	if (size > share->end - (share->limit - share->left))
		return image_has_changed(error);
	for (uint64_t done = 0; done < size;) {
		uint64_t piece = size - done;
		enum cairn_status status = CAIRN_OK;

		if (share->left == 0)
			status = enter_block(part->writer, share, error);
		if (status != CAIRN_OK)
			return status;
		if (piece > share->left)
			piece = share->left;
		memcpy(share->next, (const uint8_t *)bytes + done, piece);
		share->next += piece;
		share->left -= piece;
		done += piece;
	}
	return CAIRN_OK;
}

/* The last block of a share is held, so that nothing is left to be written here. */
enum cairn_status image_part_finish(const struct image_part *part, struct cairn_error *error)
{
	for (uint32_t type = SECTION_TENSORS; type <= SECTION_KNOWN_COUNT; type++) {
		const struct image_share *const share = &part->shares[type];

		if (share->limit - share->left != share->end)
			return image_has_changed(error);
	}
	return CAIRN_OK;
}

/* -------------------------------------------------------------------------------- begin and end */

/* The block at an image offset is held until the end: something begins or ends inside it. */
static bool hold_block(struct image_writer *writer, uint64_t offset)
{
	const uint64_t block = offset / INDEX_BLOCK_SIZE;
	struct edge_block *edges;
	uint8_t *bytes;

	if (find_edge(writer, block) != NULL)
		return true;
	edges = arena_grow(writer->arena, writer->edges, &writer->edge_capacity,
			   writer->edge_count + 1, sizeof(*edges));
	bytes = arena_allocate_array(writer->arena, INDEX_BLOCK_SIZE, 1);
	if (edges == NULL || bytes == NULL)
		return false;
	writer->edges = edges;
	writer->edges[writer->edge_count++] = (struct edge_block){block, bytes};
	return true;
}

static bool init_share(struct image_writer *writer, const struct container_section *section,
		       const struct image_range *range, struct image_share *share)
{
	const uint64_t start = section->offset + range->start;

	*share = (struct image_share){.limit = start, .end = section->offset + range->end};
	if (share->end == start)
		return true;
	/* with blocks between the first and the last, which are held */
	if ((share->end - 1) / INDEX_BLOCK_SIZE > start / INDEX_BLOCK_SIZE + 1) {
		share->run = arena_allocate(writer->arena, RUN_SIZE_MAX);
		if (share->run == NULL)
			return false;
	}
	return hold_block(writer, start) && hold_block(writer, share->end - 1);
}

enum cairn_status image_part_init(struct image_part *part, struct image_writer *writer,
				  const struct image_range ranges[SECTION_KNOWN_COUNT + 1],
				  struct cairn_error *error)
{
	*part = (struct image_part){.writer = writer};
	for (uint32_t type = SECTION_TENSORS; type <= SECTION_KNOWN_COUNT; type++) {
		if (!init_share(writer, &writer->sections[type], &ranges[type],
				&part->shares[type]))
			return error_set_memory(error, "the buffers of the index");
	}
	return CAIRN_OK;
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
					.sections_size = footer->sections_size,
					.is_writing = ATOMIC_FLAG_INIT};
	if (!index_tree_layout(footer->sections_size, &writer->tree))
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "an index of %" PRIu64 " bytes is too large",
				 footer->sections_size);
	for (uint32_t i = 0; i < footer->section_count; i++)
		writer->sections[footer->sections[i].type] = footer->sections[i];
	writer->levels = arena_allocate_array(arena,
					      writer->tree.image_size - footer->sections_size, 1);
	return writer->levels == NULL ? error_set_memory(error, "the digests of the index")
				      : CAIRN_OK;
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

	for (uint64_t i = 0; i < writer->edge_count && status == CAIRN_OK; i++) {
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
