/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second pass of a merge: writes the index container.
 *
 * All sections grow side by side, and all parts of the merge (image_writer.h), so that the pass
 * needs no memory for them. Metadata, shards and regions follow the tensors.
 */
#include <errno.h>
#include <inttypes.h>

#include "engine/write/merge_output.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"

/* -------------------------------------------------------------------------------------- records */

enum cairn_status merge_write_name(struct merge_output *output, struct cairn_string name,
				   struct cairn_error *error)
{
	output->used.name_bytes += name.size;
	return image_append(&output->image, SECTION_NAMES, name.data, name.size, error);
}

enum cairn_status merge_write_dims(struct merge_output *output, const uint64_t *dims,
				   uint64_t count, struct cairn_error *error)
{
	output->used.dims += count;
	return image_append(&output->image, SECTION_DIMS, dims, count * sizeof(*dims), error);
}

enum cairn_status merge_write_record(struct merge_output *output,
				     const struct tensor_record *record, struct cairn_error *error)
{
	uint8_t bytes[TENSOR_RECORD_SIZE];

	tensor_record_encode(record, bytes);
	output->used.tensors++;
	return image_append(&output->image, SECTION_TENSORS, bytes, sizeof(bytes), error);
}

/* -------------------------------------------------------------------- metadata, shards, regions */

static struct tensor_record describe_value(const struct merge_output *output,
					   const struct merge_value *value)
{
	const uint64_t chunks = divide_up(value->size, CHUNK_SIZE_DEFAULT);

	return (struct tensor_record){
		.name_offset = output->used.name_bytes,
		.name_size = (uint32_t)value->value.name.size,
		.dtype = (uint16_t)value->value.dtype,
		.rank = (uint8_t)value->value.rank,
		.name_space = NAME_SPACE_METADATA,
		.dims_index = output->used.dims,
		.slice_index = output->used.slices,
		.slice_count = 1,
		.block_elements = value->value.block_elements,
		.block_bytes = value->value.block_bytes,
		.digest_kind = DIGEST_XXH3_128,
		.digest = digest_of_chunks(value->digests, chunks),
		.size = value->size,
	};
}

static enum cairn_status write_value_slice(struct merge_output *output,
					   const struct merge_value *value,
					   struct cairn_error *error)
{
	const uint64_t chunks = divide_up(value->size, CHUNK_SIZE_DEFAULT);
	const struct extent_record extent = {
		.offset = value->offset, .stored_size = value->size, .size = value->size};
	const struct slice_record slice = {
		.ranges_index = output->used.dims,
		.extent_index = output->used.extents,
		.extent_count = value->size == 0 ? 0 : 1,
		.size = value->size,
		.chunk_index = output->used.chunks,
		.chunk_size = CHUNK_SIZE_DEFAULT,
		.check_kind = CHECK_CHUNKS,
		.digest_kind = DIGEST_XXH3_128,
		.flags = SLICE_WHOLE,
	};
	uint8_t slice_bytes[SLICE_RECORD_SIZE];
	uint8_t extent_bytes[EXTENT_RECORD_SIZE];
	enum cairn_status status;

	slice_record_encode(&slice, slice_bytes);
	extent_record_encode(&extent, extent_bytes);
	output->used.slices++;
	output->used.extents += slice.extent_count;
	output->used.chunks += chunks;
	if ((status = image_append(&output->image, SECTION_SLICES, slice_bytes, sizeof(slice_bytes),
				   error)) != CAIRN_OK ||
	    (status = image_append(&output->image, SECTION_EXTENTS, extent_bytes,
				   slice.extent_count * sizeof(extent_bytes), error)) != CAIRN_OK)
		return status;
	return image_append(&output->image, SECTION_CHUNK_DIGESTS, value->digests,
			    chunks * DIGEST_SIZE, error);
}

static enum cairn_status write_values(struct merge_output *output, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < output->merge->value_count && status == CAIRN_OK; i++) {
		const struct merge_value *const value = &output->merge->values[i];
		const struct tensor_record record = describe_value(output, value);

		if ((status = merge_write_record(output, &record, error)) != CAIRN_OK ||
		    (status = merge_write_name(output, value->value.name, error)) != CAIRN_OK ||
		    (status = merge_write_dims(output, value->value.dims, value->value.rank,
					       error)) != CAIRN_OK)
			return status;
		status = write_value_slice(output, value, error);
	}
	return status;
}

static enum cairn_status write_shard(struct merge_output *output, const struct shard_record *shard,
				     const char *name, struct cairn_error *error)
{
	struct shard_record record = *shard;
	uint8_t bytes[SHARD_RECORD_SIZE];
	enum cairn_status status;

	record.name_offset = output->used.name_bytes;
	record.name_size = (uint32_t)strlen(name);
	status = merge_write_name(output, cairn_string_from(name), error);
	if (status != CAIRN_OK)
		return status;
	shard_record_encode(&record, bytes);
	return image_append(&output->image, SECTION_SHARDS, bytes, sizeof(bytes), error);
}

static bool has_data(const struct merge *merge)
{
	return merge->data_end > CONTAINER_PAGE_SIZE;
}

static enum cairn_status write_shards(struct merge_output *output, struct cairn_error *error)
{
	const struct merge *const merge = output->merge;
	const struct shard_record self = {.kind = SHARD_SELF};
	const struct region_record region = {.offset = CONTAINER_PAGE_SIZE,
					     .size = merge->data_end - CONTAINER_PAGE_SIZE,
					     .kind = REGION_DATA};
	uint8_t bytes[REGION_RECORD_SIZE];
	enum cairn_status status;

	status = write_shard(output, &self, "", error);
	for (uint32_t i = 0; i < merge->shard_count && status == CAIRN_OK; i++) {
		const struct shard_record sibling = {.kind = SHARD_SIBLING,
						     .size = merge->shards[i].size,
						     .content_id = merge->shards[i].content_id};

		status = write_shard(output, &sibling, merge->shards[i].name, error);
	}
	if (status != CAIRN_OK || !has_data(merge))
		return status;
	region_record_encode(&region, bytes);
	return image_append(&output->image, SECTION_REGIONS, bytes, sizeof(bytes), error);
}

/* -------------------------------------------------------------------------------- the container */

/* What all sections hold: tensors, values, shards, regions. */
static struct index_amounts total_amounts(const struct merge *merge)
{
	struct index_amounts total = {
		.tensors = merge->amounts.tensors + merge->value_count,
		.name_bytes = merge->amounts.name_bytes,
		.dims = merge->amounts.dims,
		.slices = merge->amounts.slices + merge->value_count,
		.extents = merge->amounts.extents,
		.chunks = merge->amounts.chunks,
		.shards = 1 + (uint64_t)merge->shard_count,
		.regions = has_data(merge) ? 1 : 0,
	};

	for (uint64_t i = 0; i < merge->value_count; i++) {
		total.name_bytes += merge->values[i].value.name.size;
		total.dims += merge->values[i].value.rank;
		total.extents += merge->values[i].size == 0 ? 0 : 1;
		total.chunks += divide_up(merge->values[i].size, CHUNK_SIZE_DEFAULT);
	}
	for (uint32_t i = 0; i < merge->shard_count; i++)
		total.name_bytes += strlen(merge->shards[i].name);
	return total;
}

/* The values, and the zeros between them, in one piece. */
static enum cairn_status write_data(struct merge *merge, const struct draft *draft,
				    struct cairn_error *error)
{
	const uint64_t size = merge->data_end - CONTAINER_PAGE_SIZE;
	uint8_t *bytes;

	if (!has_data(merge))
		return CAIRN_OK;
	bytes = arena_allocate_array(&merge->arena, size, 1);
	if (bytes == NULL)
		return error_set_memory(error, "metadata");
	for (uint64_t i = 0; i < merge->value_count; i++) {
		const struct merge_value *const value = &merge->values[i];

		if (value->size != 0)
			memcpy(bytes + (value->offset - CONTAINER_PAGE_SIZE), value->bytes,
			       value->size);
	}
	return draft_write(draft, CONTAINER_PAGE_SIZE, bytes, size, error);
}

/* All that is no tensor. */
static enum cairn_status write_rest(struct merge_output *output, struct cairn_error *error)
{
	enum cairn_status status;

	if ((status = write_values(output, error)) != CAIRN_OK ||
	    (status = write_shards(output, error)) != CAIRN_OK)
		return status;
	return image_part_finish(&output->image, error);
}

/* The share of a section that lies between two amounts. */
static void set_range(struct image_range *range, uint64_t start, uint64_t end, uint64_t record_size)
{
	*range = (struct image_range){start * record_size, end * record_size};
}

static void set_ranges(struct image_range *ranges, const struct merge_amounts *start,
		       const struct merge_amounts *end)
{
	set_range(&ranges[SECTION_TENSORS], start->tensors, end->tensors, TENSOR_RECORD_SIZE);
	set_range(&ranges[SECTION_NAMES], start->name_bytes, end->name_bytes, 1);
	set_range(&ranges[SECTION_DIMS], start->dims, end->dims, DIM_RECORD_SIZE);
	set_range(&ranges[SECTION_SLICES], start->slices, end->slices, SLICE_RECORD_SIZE);
	set_range(&ranges[SECTION_EXTENTS], start->extents, end->extents, EXTENT_RECORD_SIZE);
	set_range(&ranges[SECTION_CHUNK_DIGESTS], start->chunks, end->chunks,
		  CHUNK_DIGEST_RECORD_SIZE);
}

/* The output of a part, or of what comes after all parts, which ends where the sections do. */
static enum cairn_status init_output(struct merge *merge, struct image_writer *image,
				     uint32_t number, struct merge_output *output,
				     struct cairn_error *error)
{
	struct image_range ranges[SECTION_KNOWN_COUNT + 1] = {0};
	const bool is_part = number < merge->part_count;

	output->merge = merge;
	output->part = is_part ? &merge->parts[number] : NULL;
	output->used = is_part ? merge->parts[number].before : merge->amounts;
	if (number + 1 < merge->part_count) {
		set_ranges(ranges, &output->used, &merge->parts[number + 1].before);
	} else if (is_part) {
		set_ranges(ranges, &output->used, &merge->amounts);
	} else {
		set_ranges(ranges, &output->used, &(struct merge_amounts){0});
		for (uint32_t type = SECTION_TENSORS; type <= SECTION_KNOWN_COUNT; type++)
			ranges[type].end = image->sections[type].size;
	}
	return image_part_init(&output->image, image, ranges, error);
}

static void write_task(void *context, uint32_t number)
{
	struct merge_output *const output = (struct merge_output *)context + number;
	struct merge_part *const part = output->part;

	part->status = output->merge->is_quick ? merge_copy_part(output, &part->error)
					       : merge_write_part(output, &part->error);
}

static enum cairn_status write_parts(struct merge *merge, struct merge_output *outputs,
				     struct cairn_error *error)
{
	const enum cairn_status status = merge_run_parts(merge, write_task, outputs, error);
	const bool is_surprised = merge->is_surprised ||
				  (status == CAIRN_OK && !merge_uses_all_shards(merge));

	if (!merge->is_quick || !is_surprised)
		return status;
	merge->is_quick = false;
	return status != CAIRN_OK ? status
				  : error_set(error, CAIRN_BUSY, CAIRN_ERROR_NO_OFFSET,
					      "the sources are not what they seemed to be");
}

static enum cairn_status write_sections(struct merge *merge, struct image_writer *image,
					struct cairn_error *error)
{
	struct merge_output *const outputs = arena_allocate_array(
		&merge->arena, (uint64_t)merge->part_count + 1, sizeof(*outputs));
	enum cairn_status status = CAIRN_OK;

	if (outputs == NULL)
		return error_set_memory(error, "the buffers of the index");
	for (uint32_t i = 0; i <= merge->part_count && status == CAIRN_OK; i++)
		status = init_output(merge, image, i, &outputs[i], error);
	if (status == CAIRN_OK)
		status = write_parts(merge, outputs, error);
	return status == CAIRN_OK ? write_rest(&outputs[merge->part_count], error) : status;
}

static enum cairn_status write_index(struct merge *merge, const struct draft *draft,
				     uint64_t index_offset, struct container_footer *footer,
				     struct cairn_error *error)
{
	struct image_writer image;
	enum cairn_status status;

	if ((status = image_writer_init(&image, merge->system, &merge->arena, draft->fd,
					index_offset, footer, error)) != CAIRN_OK ||
	    (status = write_sections(merge, &image, error)) != CAIRN_OK ||
	    (status = image_writer_finish(&image, error)) != CAIRN_OK)
		return status;
	footer->root = image.root;
	footer->index_size = image.tree.image_size;
	return CAIRN_OK;
}

/* Reserves the file's disk space at once: the kernel has much less to do for each write then. It is
 * no failure that it cannot. */
static enum cairn_status reserve(const struct merge *merge, const struct draft *draft,
				 uint64_t index_offset, const struct container_footer *footer,
				 struct cairn_error *error)
{
	struct index_tree tree;
	uint64_t size;
	int result;

	if (!index_tree_layout(footer->sections_size, &tree))
		return CAIRN_OK; /* an error of the image's */
	size = align_up(index_offset + tree.image_size, CONTAINER_PAGE_SIZE) + CONTAINER_PAGE_SIZE;
	result = system_preallocate(merge->system, draft->fd, size);
	if (result < 0 && result != -EOPNOTSUPP && result != -ENOSYS)
		return error_set_system(error, result, "cannot reserve %" PRIu64 " bytes", size);
	return CAIRN_OK;
}

/* Header first, footer and its copy last: they say what the index turned out to be. */
static enum cairn_status write_pages(const struct draft *draft, const uint8_t *header_page,
				     uint64_t index_offset, struct container_footer *footer,
				     struct cairn_error *error)
{
	const uint64_t end = align_up(index_offset + footer->index_size, CONTAINER_PAGE_SIZE);
	uint8_t page[CONTAINER_PAGE_SIZE];
	enum cairn_status status;

	container_footer_seal(footer, header_page, index_offset, end + CONTAINER_PAGE_SIZE);
	container_footer_encode(footer, page);
	if ((status = draft_write(draft, 0, header_page, CONTAINER_PAGE_SIZE, error)) != CAIRN_OK ||
	    (status = draft_write(draft, container_footer_copy_offset(footer), page, sizeof(page),
				  error)) != CAIRN_OK)
		return status;
	return draft_write(draft, end, page, sizeof(page), error);
}

enum cairn_status merge_write(struct merge *merge, const struct merge_identity *identity,
			      const struct draft *draft, struct cairn_digest *content_id,
			      struct cairn_error *error)
{
	const struct index_amounts amounts = total_amounts(merge);
	const uint64_t index_offset = align_up(align_up(merge->data_end, CONTAINER_PAGE_SIZE) +
						       CONTAINER_PAGE_SIZE,
					       INDEX_BLOCK_SIZE);
	struct container_header header = {.version = CONTAINER_VERSION};
	struct container_footer footer = {
		.alignment = identity->alignment,
		.parent_id = identity->parent_id,
		.generation = identity->generation,
		.tensor_count = merge->amounts.tensors,
		.metadata_count = merge->value_count,
	};
	uint8_t header_page[CONTAINER_PAGE_SIZE];
	enum cairn_status status;

	memcpy(header.save_id, identity->save_id, sizeof(header.save_id));
	container_header_encode(&header, header_page);
	index_layout_sections(&amounts, &footer);
	if ((status = reserve(merge, draft, index_offset, &footer, error)) != CAIRN_OK ||
	    (status = write_data(merge, draft, error)) != CAIRN_OK ||
	    (status = write_index(merge, draft, index_offset, &footer, error)) != CAIRN_OK ||
	    (status = write_pages(draft, header_page, index_offset, &footer, error)) != CAIRN_OK)
		return status;
	*content_id = footer.content_id;
	return CAIRN_OK;
}
