/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planning an edit.
 *
 * Metadata values are data like any other. One that is unset leaves a stretch that nothing refers
 * to, which has to become zero; one that is set comes behind all others. No byte of a tensor moves,
 * so that its digests, its place and its alignment stay what they are.
 */
#include "engine/convert/edit_plan.h"

#include <string.h>

#include "engine/convert/describe_index.h"
#include "engine/convert/rename_tensors.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"

static enum cairn_status no_memory(struct cairn_error *error)
{
	return error_set_memory(error, "the plan of an edit");
}

static bool is_same(struct cairn_string a, struct cairn_string b)
{
	return index_name_compare(a, b) == 0;
}

/* --------------------------------------------------------------------------------------- values */

static enum cairn_status add_value(struct cairn_writer *values,
				   const struct cairn_metadata_value *value,
				   struct cairn_error *error)
{
	if (value->dtype == CAIRN_STRING || value->dtype == CAIRN_BYTES)
		return cairn_writer_set_metadata_strings(values, value->key, value->dtype,
							 value->rank, value->dims, value->strings,
							 error);
	return cairn_writer_set_metadata(values, value->key, value->dtype, value->rank, value->dims,
					 value->data, error);
}

/* A writer that writes nothing checks, encodes and lays out what is set. */
static enum cairn_status plan_values(struct edit_plan *plan, struct cairn_error *error)
{
	const struct cairn_writer_options settings = {.alignment = plan->reader->footer.alignment};
	enum cairn_status status;

	status = writer_create_nowhere(plan->reader->system, plan->reader->name, &settings,
				       &plan->values, error);
	for (uint32_t i = 0; i < plan->options->set_count && status == CAIRN_OK; i++)
		status = add_value(plan->values, &plan->options->set[i], error);
	if (status == CAIRN_OK)
		status = writer_measure(plan->values, error);
	plan->report.metadata_set = plan->options->set_count;
	return status;
}

/* ------------------------------------------------------------------------------------ what goes */

static bool is_dropped(const struct edit_plan *plan, struct cairn_string key)
{
	for (uint32_t i = 0; i < plan->options->unset_count; i++) {
		if (is_same(plan->options->unset[i], key))
			return true;
	}
	for (uint32_t i = 0; i < plan->options->set_count; i++) {
		if (is_same(plan->options->set[i].key, key))
			return true;
	}
	return false;
}

static enum cairn_status check_unset(const struct edit_plan *plan, struct cairn_error *error)
{
	for (uint32_t i = 0; i < plan->options->unset_count; i++) {
		const struct cairn_string key = plan->options->unset[i];
		struct tensor_record record;
		uint64_t number;
		enum cairn_status status = index_find(&plan->reader->index, NAME_SPACE_METADATA,
						      key, &number, &record, error);

		if (status == CAIRN_NOT_FOUND)
			status = error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
					   "no metadata key %s", quote(key).text);

		for (uint32_t k = 0; status == CAIRN_OK && k < plan->options->set_count; k++) {
			if (is_same(plan->options->set[k].key, key))
				status = error_set(error, CAIRN_INVALID_ARGUMENT,
						   CAIRN_ERROR_NO_OFFSET,
						   "the key %s is set and unset", quote(key).text);
		}
		if (status != CAIRN_OK)
			return status;
	}
	return CAIRN_OK;
}

static enum cairn_status clear(struct edit_plan *plan, const struct extent_record *extent,
			       struct cairn_error *error)
{
	struct edit_range *const ranges = arena_grow(plan->arena, plan->cleared,
						     &plan->cleared_capacity,
						     plan->cleared_count + 1, sizeof(*ranges));

	if (ranges == NULL)
		return no_memory(error);
	/* no byte belongs to two extents: all together are no more than there are */
	if (extent->offset < CONTAINER_PAGE_SIZE ||
	    !range_within(extent->offset, extent->stored_size, plan->data_end) ||
	    extent->stored_size > plan->report.data_bytes - plan->cleared_bytes)
		return error_set(error, CAIRN_CORRUPT, extent->offset,
				 "a metadata value is not where data can be");
	plan->cleared_bytes += extent->stored_size;
	plan->cleared = ranges;
	ranges[plan->cleared_count++] = (struct edit_range){extent->offset, extent->stored_size};
	return CAIRN_OK;
}

/* The bytes of a value that goes, where they are in this file. */
static enum cairn_status clear_record(struct edit_plan *plan, const struct tensor_record *record,
				      struct cairn_error *error)
{
	const struct index *const index = &plan->reader->index;
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < record->slice_count && status == CAIRN_OK; i++) {
		struct slice_record slice;

		status = index_slice(index, record->slice_index + i, &slice, error);
		for (uint32_t k = 0; status == CAIRN_OK && k < slice.extent_count; k++) {
			struct extent_record extent;

			status = index_extent(index, slice.extent_index + k, &extent, error);
			if (status == CAIRN_OK && extent.shard == 0)
				status = clear(plan, &extent, error);
		}
	}
	return status;
}

/* Some value that stays shares the bytes of record `number`. */
static enum cairn_status is_shared(const struct edit_plan *plan, uint64_t number, bool *shared,
				   struct cairn_error *error)
{
	const struct index *const index = &plan->reader->index;
	const uint64_t end = index->tensor_count + index->metadata_count;

	*shared = false;
	for (uint64_t i = number + 1; i < end && !*shared; i++) {
		struct tensor_record record;
		struct cairn_string key;
		enum cairn_status status = index_tensor(index, i, &record, error);

		if (status == CAIRN_OK)
			status = index_name(index, record.name_offset, record.name_size, &key,
					    error);
		if (status != CAIRN_OK)
			return status;
		*shared = (record.flags & TENSOR_ALIAS) != 0 && record.alias_of == number &&
			  !is_dropped(plan, key);
	}
	return CAIRN_OK;
}

static enum cairn_status clear_value(struct edit_plan *plan, struct cairn_string key,
				     struct cairn_error *error)
{
	const struct index *const index = &plan->reader->index;
	struct tensor_record record;
	uint64_t number;
	bool shared = false;
	enum cairn_status status = index_find(index, NAME_SPACE_METADATA, key, &number, &record,
					      error);

	if (status == CAIRN_NOT_FOUND)
		return CAIRN_OK; /* a key that is set for the first time */
	if (status == CAIRN_OK && (record.flags & TENSOR_ALIAS) == 0)
		status = is_shared(plan, number, &shared, error);
	if (status != CAIRN_OK || shared || (record.flags & TENSOR_ALIAS) != 0)
		return status;
	return clear_record(plan, &record, error);
}

static enum cairn_status clear_values(struct edit_plan *plan, struct cairn_error *error)
{
	const struct cairn_edit_options *const options = plan->options;
	enum cairn_status status = check_unset(plan, error);

	for (uint32_t i = 0; i < options->unset_count && status == CAIRN_OK; i++)
		status = clear_value(plan, options->unset[i], error);
	for (uint32_t i = 0; i < options->set_count && status == CAIRN_OK; i++)
		status = clear_value(plan, options->set[i].key, error);
	plan->report.metadata_unset = options->unset_count;
	return status;
}

/* -------------------------------------------------------------------------------------- records */

struct choosing {
	const struct edit_plan *plan;
	struct renaming renaming;
	uint64_t renamed;
};

/* A describe_choose. */
static enum cairn_status choose(void *context, const struct tensor_record *record,
				struct cairn_string *name, bool *keep, struct cairn_error *error)
{
	struct choosing *const choosing = context;
	const char *const before = name->data;
	enum cairn_status status;

	if (record->name_space == NAME_SPACE_METADATA && is_dropped(choosing->plan, *name)) {
		*keep = false;
		return CAIRN_OK;
	}
	status = renaming_choose(&choosing->renaming, record, name, keep, error);
	choosing->renamed += name->data != before;
	return status;
}

static enum cairn_status plan_records(struct edit_plan *plan, struct cairn_error *error)
{
	const struct cairn_selection selection = {.renames = plan->options->renames,
						  .rename_count = plan->options->rename_count};
	struct choosing choosing = {.plan = plan};
	enum cairn_status status = renaming_begin(&choosing.renaming, &selection, plan->arena,
						  error);

	if (status == CAIRN_OK)
		status = describe_index(&plan->reader->index, plan->arena, plan->options->set_count,
					choose, &choosing, &plan->input, error);
	if (status == CAIRN_OK)
		status = renaming_end(&choosing.renaming, &plan->input, error);
	plan->report.tensors_renamed = choosing.renamed;
	return status;
}

/* --------------------------------------------------------------------------------------- places */

/* Data regions are kept; what lies in opaque ones belongs to a section that is not. */
static enum cairn_status plan_regions(struct edit_plan *plan, struct cairn_error *error)
{
	const struct index *const index = &plan->reader->index;
	enum cairn_status status = CAIRN_OK;

	plan->data_end = CONTAINER_PAGE_SIZE;
	plan->regions = arena_allocate_array(plan->arena, index->region_count + 1,
					     sizeof(*plan->regions));
	if (plan->regions == NULL)
		return no_memory(error);
	for (uint64_t i = 0; i < index->region_count && status == CAIRN_OK; i++) {
		struct region_record region;

		status = index_region(index, i, &region, error);
		if (status != CAIRN_OK)
			break;
		if (region.kind != REGION_DATA) {
			plan->report.parts_dropped++;
			continue;
		}
		if (region.offset < plan->data_end ||
		    !range_within(region.offset, region.size, plan->reader->footer.index_offset))
			return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
					 "a region of data is not where data can be");
		plan->regions[plan->region_count++] = region;
		plan->data_end = region.offset + region.size;
		plan->report.data_bytes += region.size;
	}
	plan->kept_count = plan->region_count;
	plan->report.parts_dropped += plan->reader->footer.section_count - SECTION_KNOWN_COUNT;
	return status;
}

/* Where the values were placed by their writer, behind all data: both begin at pages, and at the
 * alignment of large data. */
static enum cairn_status place_values(struct edit_plan *plan, struct cairn_error *error)
{
	struct cairn_writer *const values = plan->values;
	const uint64_t size = values->plan.data_end - CONTAINER_PAGE_SIZE;
	uint64_t start;

	if (size == 0)
		return CAIRN_OK;
	/* from the data's end, as from that of the header page in the writer's plan */
	if (!checked_align_up(plan->data_end - CONTAINER_PAGE_SIZE, values->options.alignment,
			      &start) ||
	    !checked_add(start, CONTAINER_PAGE_SIZE, &start) ||
	    start > CONTAINER_SIZE_MAX / 2 - size)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "the values do not fit into the container");
	for (uint64_t i = 0; i < values->item_count; i++)
		values->items[i].extent.offset += start - CONTAINER_PAGE_SIZE;
	plan->regions[plan->region_count++] = (struct region_record){
		.offset = start, .size = size, .kind = REGION_DATA};
	plan->data_end = start + size;
	return CAIRN_OK;
}

static void digest_values(struct cairn_writer *values)
{
	const uint64_t chunk_size = values->options.chunk_size;

	for (uint64_t i = 0; i < values->item_count; i++) {
		const struct item *const item = &values->items[i];

		for (uint64_t at = 0; at < item->size; at += chunk_size) {
			const uint64_t left = item->size - at;
			const struct cairn_digest digest = digest_bytes(
				item->from.memory + at, left < chunk_size ? left : chunk_size);

			memcpy(item->digests + at / chunk_size * DIGEST_SIZE, &digest, DIGEST_SIZE);
		}
	}
}

/* What is set was added after all that was there. */
static void add_values(struct edit_plan *plan)
{
	const struct index *const index = &plan->reader->index;
	const struct build_input *const values = &plan->values->input;
	const uint64_t rank = index->slice_count + index->tensor_count;
	const uint32_t first = rank < UINT32_MAX / 2 ? (uint32_t)rank : UINT32_MAX / 2;

	for (uint64_t i = 0; i < values->tensor_count; i++) {
		const struct build_tensor *const tensor = &values->tensors[i];
		struct build_slice *const slice = (struct build_slice *)(uintptr_t)
							  tensor->slices; /* a value has one */

		slice->storage_rank += first;
		plan->input.tensors[plan->input.tensor_count++] = *tensor;
	}
}

static enum cairn_status plan_index(struct edit_plan *plan, struct cairn_error *error)
{
	struct build_input *const input = &plan->input;
	enum cairn_status status;

	add_values(plan);
	input->regions = plan->regions;
	input->region_count = plan->region_count;
	status = index_build_size(input, &plan->index_size, error);
	if (status != CAIRN_OK)
		return status;
	plan->index_offset = align_up(align_up(plan->data_end, CONTAINER_PAGE_SIZE) +
					      CONTAINER_PAGE_SIZE,
				      INDEX_BLOCK_SIZE);
	plan->file_size = align_up(plan->index_offset + plan->index_size, CONTAINER_PAGE_SIZE) +
			  CONTAINER_PAGE_SIZE;
	plan->report.index_bytes = plan->index_size;
	return CAIRN_OK;
}

static enum cairn_status plan_container(struct edit_plan *plan, struct cairn_error *error)
{
	enum cairn_status status;

	if ((status = plan_regions(plan, error)) != CAIRN_OK ||
	    (status = clear_values(plan, error)) != CAIRN_OK ||
	    (status = plan_records(plan, error)) != CAIRN_OK ||
	    (status = place_values(plan, error)) != CAIRN_OK)
		return status;
	digest_values(plan->values);
	return plan_index(plan, error);
}

enum cairn_status edit_plan_make(struct edit_plan *plan, const struct cairn_reader *reader,
				 const struct cairn_edit_options *options, struct arena *arena,
				 struct cairn_error *error)
{
	enum cairn_status status;

	*plan = (struct edit_plan){.reader = reader, .options = options, .arena = arena};
	status = plan_values(plan, error); /* its writer says the path */
	return status == CAIRN_OK ? reader_error(reader, plan_container(plan, error), error)
				  : status;
}

void edit_plan_end(struct edit_plan *plan)
{
	cairn_writer_destroy(plan->values);
}
