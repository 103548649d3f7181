/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Laying out an index image.
 *
 * Tensors are sorted by namespace and name through an array of pointers; then one pass counts what
 * each section holds, and one pass writes the records, consuming every section in the order of the
 * tensors. Aliases point at the first of their names: the caller names any tensor of the group, the
 * builder moves the bytes to the one that sorts first.
 */
#include "format/index_build.h"

#include <assert.h>
#include <inttypes.h>

#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"
#include "format/index.h"
#include "format/sort.h"

/* ------------------------------------------------------------------------------------- counting */

static uint64_t chunk_count(const struct build_slice *slice)
{
	return slice->chunk_digests == NULL ? 0 : divide_up(slice->size, slice->chunk_size);
}

static void count_tensor(const struct build_tensor *tensor, struct index_amounts *amounts)
{
	amounts->tensors++;
	amounts->name_bytes += tensor->name.size;
	amounts->dims += tensor->rank;
	if (tensor->alias_of != NULL)
		return;
	amounts->slices += tensor->slice_count;
	for (uint32_t i = 0; i < tensor->slice_count; i++) {
		const struct build_slice *const slice = &tensor->slices[i];

		amounts->dims += slice->ranges == NULL ? 0 : 2 * (uint64_t)tensor->rank;
		amounts->extents += slice->extent_count;
		amounts->chunks += chunk_count(slice);
	}
}

static struct index_amounts count_input(const struct build_input *input)
{
	struct index_amounts amounts = {.shards = 1 + (uint64_t)input->shard_count,
					.regions = input->region_count};

	for (uint64_t i = 0; i < input->tensor_count; i++)
		count_tensor(&input->tensors[i], &amounts);
	for (uint32_t i = 0; i < input->shard_count; i++)
		amounts.name_bytes += input->shards[i].name.size;
	return amounts;
}

static void add_section(struct container_footer *footer, uint32_t type, uint32_t record_size,
			uint64_t count)
{
	const uint64_t offset = align_up(footer->sections_size, SECTION_ALIGNMENT);

	footer->sections[footer->section_count++] = (struct container_section){
		.type = type,
		.record_size = record_size,
		.offset = offset,
		.size = count * record_size};
	footer->sections_size = offset + count * record_size;
}

void index_layout_sections(const struct index_amounts *amounts, struct container_footer *footer)
{
	add_section(footer, SECTION_TENSORS, TENSOR_RECORD_SIZE, amounts->tensors);
	add_section(footer, SECTION_NAMES, 1, amounts->name_bytes);
	add_section(footer, SECTION_DIMS, DIM_RECORD_SIZE, amounts->dims);
	add_section(footer, SECTION_SLICES, SLICE_RECORD_SIZE, amounts->slices);
	add_section(footer, SECTION_EXTENTS, EXTENT_RECORD_SIZE, amounts->extents);
	add_section(footer, SECTION_CHUNK_DIGESTS, CHUNK_DIGEST_RECORD_SIZE, amounts->chunks);
	add_section(footer, SECTION_SHARDS, SHARD_RECORD_SIZE, amounts->shards);
	add_section(footer, SECTION_REGIONS, REGION_RECORD_SIZE, amounts->regions);
}

static enum cairn_status check_limits(const struct build_input *input, struct cairn_error *error)
{
	if (input->tensor_count > TENSOR_COUNT_MAX || input->shard_count >= SHARD_COUNT_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " tensors in %" PRIu32
				 " shards are more than an index can hold",
				 input->tensor_count, input->shard_count);
	return CAIRN_OK;
}

/* What an image of the input holds, and where. */
struct plan {
	struct index_amounts amounts;
	struct container_footer footer; /* its section table */
	struct index_tree tree;
};

static enum cairn_status plan_image(const struct build_input *input, struct plan *plan,
				    struct cairn_error *error)
{
	enum cairn_status status = check_limits(input, error);

	if (status != CAIRN_OK)
		return status;
	*plan = (struct plan){.amounts = count_input(input)};
	index_layout_sections(&plan->amounts, &plan->footer);
	if (!index_tree_layout(plan->footer.sections_size, &plan->tree))
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "an index of %" PRIu64 " bytes is too large",
				 plan->footer.sections_size);
	return CAIRN_OK;
}

enum cairn_status index_build_size(const struct build_input *input, uint64_t *image_size,
				   struct cairn_error *error)
{
	struct plan plan;
	const enum cairn_status status = plan_image(input, &plan, error);

	if (status == CAIRN_OK)
		*image_size = plan.tree.image_size;
	return status;
}

/* -------------------------------------------------------------------------------------- sorting */

static int compare_places(const void *a, const void *b)
{
	const struct build_tensor *const left = a;
	const struct build_tensor *const right = b;

	if (left->name_space != right->name_space)
		return left->name_space < right->name_space ? -1 : 1;
	return index_name_compare(left->name, right->name);
}

/* Fills the order, and says whether the tensors are given in it. */
static bool is_given_in_order(const struct build_input *input, void **order)
{
	bool in_order = true;

	for (uint64_t i = 0; i < input->tensor_count; i++) {
		order[i] = &input->tensors[i];
		in_order = in_order && (i == 0 || compare_places(order[i - 1], order[i]) < 0);
	}
	return in_order;
}

static enum cairn_status sort_tensors(const struct build_input *input, void **order, void **scratch,
				      struct cairn_error *error)
{
	if (is_given_in_order(input, order))
		return CAIRN_OK;
	sort_pointers(order, scratch, input->tensor_count, compare_places);
	for (uint64_t i = 1; i < input->tensor_count; i++) {
		const struct build_tensor *const tensor = order[i];

		if (compare_places(order[i - 1], tensor) == 0)
			return error_set(
				error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET, "%s %s is there twice",
				tensor->name_space == NAME_SPACE_TENSOR ? "tensor" : "metadata key",
				quote(tensor->name).text);
	}
	return CAIRN_OK;
}

static struct build_tensor *holder_of(struct build_tensor *tensor)
{
	return tensor->alias_of == NULL ? tensor : tensor->alias_of;
}

/*
 * Makes the first name of each group of aliases the one that holds the bytes: an alias names an
 * earlier record. The group is recorded in every member before the first member changes.
 */
static void order_aliases(void **order, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		struct build_tensor *const tensor = order[i];
		struct build_tensor *const holder = holder_of(tensor);

		tensor->number = i;
		if (holder->first_of_group == NULL)
			holder->first_of_group = tensor;
		tensor->first_of_group = holder->first_of_group;
	}
	for (uint64_t i = 0; i < count; i++) {
		struct build_tensor *const tensor = order[i];
		const struct build_tensor *const holder = holder_of(tensor);

		if (tensor->first_of_group == tensor) {
			tensor->slices = holder->slices;
			tensor->slice_count = holder->slice_count;
			tensor->alias_of = NULL;
		} else {
			tensor->alias_of = tensor->first_of_group;
		}
	}
}

/* -------------------------------------------------------------------------------------- writing */

/* An image under construction. */
struct builder {
	uint8_t *sections[SECTION_KNOWN_COUNT + 1]; /* by type: where they begin in the image */
	struct index_amounts used;
};

/* Sections one behind the other; between them zeros. All else will be written. */
static void begin_image(const struct container_footer *footer, uint8_t *image,
			struct builder *builder)
{
	uint64_t end = 0;

	*builder = (struct builder){.used = {0}};
	for (uint32_t i = 0; i < footer->section_count; i++) {
		const struct container_section *const section = &footer->sections[i];

		memset(image + end, 0, section->offset - end);
		builder->sections[section->type] = image + section->offset;
		end = section->offset + section->size;
	}
}

static uint8_t *place(const struct builder *builder, enum section_type type, size_t record_size,
		      uint64_t number)
{
	return builder->sections[type] + number * record_size;
}

static void write_dims(struct builder *builder, const uint64_t *values, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		store_u64(place(builder, SECTION_DIMS, DIM_RECORD_SIZE, builder->used.dims + i),
			  values[i]);
	builder->used.dims += count;
}

static uint32_t write_name(struct builder *builder, struct cairn_string name)
{
	if (name.size != 0)
		memcpy(place(builder, SECTION_NAMES, 1, builder->used.name_bytes), name.data,
		       name.size);
	builder->used.name_bytes += name.size;
	return (uint32_t)name.size;
}

static void write_slice(struct builder *builder, const struct build_tensor *tensor,
			const struct build_slice *slice)
{
	const uint64_t chunks = chunk_count(slice);
	const struct slice_record record = {
		.ranges_index = builder->used.dims,
		.extent_index = builder->used.extents,
		.extent_count = slice->extent_count,
		.storage_rank = slice->storage_rank,
		.size = slice->size,
		.chunk_index = builder->used.chunks,
		.chunk_size = slice->chunk_size,
		.transform = slice->transform,
		.check_kind = slice->chunk_digests != NULL ? CHECK_CHUNKS : slice->check_kind,
		.digest_kind = slice->chunk_digests != NULL ? DIGEST_XXH3_128 : DIGEST_NONE,
		.flags = slice->ranges == NULL ? SLICE_WHOLE : 0,
		.check_value = slice->check_value,
		.transform_value = slice->transform_value,
	};

	slice_record_encode(
		&record, place(builder, SECTION_SLICES, SLICE_RECORD_SIZE, builder->used.slices++));
	if (slice->ranges != NULL)
		write_dims(builder, slice->ranges, 2 * (uint64_t)tensor->rank);
	for (uint32_t i = 0; i < slice->extent_count; i++)
		extent_record_encode(&slice->extents[i],
				     place(builder, SECTION_EXTENTS, EXTENT_RECORD_SIZE,
					   builder->used.extents++));
	if (chunks != 0)
		memcpy(place(builder, SECTION_CHUNK_DIGESTS, CHUNK_DIGEST_RECORD_SIZE,
			     builder->used.chunks),
		       slice->chunk_digests, chunks * DIGEST_SIZE);
	builder->used.chunks += chunks;
}

static bool has_digests(const struct build_tensor *tensor)
{
	for (uint32_t i = 0; i < tensor->slice_count; i++) {
		if (tensor->slices[i].chunk_digests == NULL)
			return false;
	}
	return true;
}

/* The digest of what a tensor holds, from the chunk digests that were written for it. */
static struct cairn_digest tensor_digest(const struct builder *builder, uint64_t first_chunk)
{
	return digest_of_chunks(
		place(builder, SECTION_CHUNK_DIGESTS, CHUNK_DIGEST_RECORD_SIZE, first_chunk),
		builder->used.chunks - first_chunk);
}

static struct tensor_record describe(const struct builder *builder,
				     const struct build_tensor *tensor)
{
	return (struct tensor_record){
		.name_offset = builder->used.name_bytes,
		.name_size = (uint32_t)tensor->name.size,
		.dtype = (uint16_t)tensor->dtype,
		.rank = tensor->rank,
		.name_space = tensor->name_space,
		.dims_index = builder->used.dims,
		.slice_index = builder->used.slices,
		.slice_count = tensor->alias_of == NULL ? tensor->slice_count : 0,
		.flags = (tensor->incomplete ? (uint32_t)TENSOR_INCOMPLETE : 0) |
			 (tensor->alias_of != NULL ? (uint32_t)TENSOR_ALIAS : 0),
		.alias_of = tensor->alias_of == NULL ? 0 : tensor->alias_of->number,
		.block_elements = tensor->block_elements,
		.block_bytes = tensor->block_bytes,
		.packing = tensor->packing,
		.size = tensor->size,
	};
}

static void write_tensor(struct builder *builder, const struct build_tensor *tensor)
{
	struct tensor_record record = describe(builder, tensor);
	const uint64_t first_chunk = builder->used.chunks;
	uint8_t *const bytes = place(builder, SECTION_TENSORS, TENSOR_RECORD_SIZE,
				     builder->used.tensors++);

	write_name(builder, tensor->name);
	write_dims(builder, tensor->dims, tensor->rank);
	if (tensor->alias_of != NULL) {
		struct tensor_record holder = {0};

		/* our own image: the decode cannot fail */
		(void)tensor_record_decode(
			place(builder, SECTION_TENSORS, TENSOR_RECORD_SIZE, record.alias_of),
			&holder, NULL);
		record.digest_kind = holder.digest_kind;
		record.digest = holder.digest;
	} else {
		for (uint32_t i = 0; i < tensor->slice_count; i++)
			write_slice(builder, tensor, &tensor->slices[i]);
		if (has_digests(tensor)) {
			record.digest_kind = DIGEST_XXH3_128;
			record.digest = tensor_digest(builder, first_chunk);
		}
	}
	tensor_record_encode(&record, bytes);
}

static void write_shards(struct builder *builder, const struct build_input *input)
{
	const struct shard_record self = {.name_offset = builder->used.name_bytes,
					  .kind = SHARD_SELF};

	shard_record_encode(
		&self, place(builder, SECTION_SHARDS, SHARD_RECORD_SIZE, builder->used.shards++));
	for (uint32_t i = 0; i < input->shard_count; i++) {
		struct shard_record record = input->shards[i].record;

		record.name_offset = builder->used.name_bytes;
		record.name_size = write_name(builder, input->shards[i].name);
		shard_record_encode(&record, place(builder, SECTION_SHARDS, SHARD_RECORD_SIZE,
						   builder->used.shards++));
	}
	for (uint32_t i = 0; i < input->region_count; i++)
		region_record_encode(&input->regions[i],
				     place(builder, SECTION_REGIONS, REGION_RECORD_SIZE,
					   builder->used.regions++));
}

static void count_names(struct container_footer *footer, const struct build_input *input)
{
	for (uint64_t i = 0; i < input->tensor_count; i++) {
		if (input->tensors[i].name_space == NAME_SPACE_TENSOR)
			footer->tensor_count++;
		else
			footer->metadata_count++;
	}
}

/* Records in order, and after them the zeros and digests of the tree, if there is to be one. */
static void write_image(const struct build_input *input, void **order, struct plan *plan,
			bool with_tree, uint8_t *image)
{
	const uint64_t sections_size = plan->footer.sections_size;
	struct builder builder;

	begin_image(&plan->footer, image, &builder);
	memset(image + sections_size, 0, plan->tree.image_size - sections_size);
	for (uint64_t i = 0; i < input->tensor_count; i++)
		write_tensor(&builder, order[i]);
	write_shards(&builder, input);
	assert(memcmp(&builder.used, &plan->amounts, sizeof(plan->amounts)) == 0);
	if (with_tree)
		plan->footer.root = index_tree_build(&plan->tree, sections_size, image);
}

enum cairn_status index_build(struct arena *arena, struct build_input *input, bool with_tree,
			      struct built_index *built, struct cairn_error *error)
{
	struct plan plan;
	void **order;
	uint8_t *image;
	enum cairn_status status = plan_image(input, &plan, error);

	if (status != CAIRN_OK)
		return status;
	order = arena_reserve_array(arena, 2 * input->tensor_count, sizeof(void *));
	image = arena_allocate(arena, plan.tree.image_size);
	if (order == NULL || image == NULL)
		return error_set_memory(error, "the index");
	status = sort_tensors(input, order, order + input->tensor_count, error);
	if (status != CAIRN_OK)
		return status;
	order_aliases(order, input->tensor_count);
	write_image(input, order, &plan, with_tree, image);
	count_names(&plan.footer, input);
	plan.footer.index_size = plan.tree.image_size;
	plan.footer.incompat_flags = input->foreign ? (uint64_t)CONTAINER_INCOMPAT_FOREIGN : 0;
	*built = (struct built_index){.image = image,
				      .sections_size = plan.footer.sections_size,
				      .image_size = plan.tree.image_size,
				      .footer = plan.footer};
	return CAIRN_OK;
}
