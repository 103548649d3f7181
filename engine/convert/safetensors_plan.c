/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planning a safetensors export.
 *
 * safetensors knows names, its own types, shapes, and metadata that are text; no strings, no
 * slices, no alignment. What the source has beyond that is listed and refused, unless the caller
 * allows to drop that kind. Source records are untrusted as far as a reader lets them be: sizes are
 * compared with what type and shape need.
 */
#include "engine/convert/safetensors_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/convert/stored_order.h"
#include "engine/write/refusal.h"
#include "format/container.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/utf8.h"

/* The file names count to 99,999. */
#define FILE_COUNT_MAX 99999u

struct planner {
	const struct cairn_reader *reader;
	struct arena *arena;
	uint32_t drop;
	struct refusal refusal;
	struct safetensors_plan plan;
};

/* -------------------------------------------------------------------------------------- tensors */

static bool equals(struct cairn_string string, const char *text)
{
	return string.size == strlen(text) && memcmp(string.data, text, string.size) == 0;
}

static void refuse_type(struct planner *planner, const struct cairn_tensor *tensor)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(tensor->dtype);
	char why[64];

	if (info != NULL)
		snprintf(why, sizeof(why), "type %s", info->name);
	else
		snprintf(why, sizeof(why), "unknown type %u", (unsigned)tensor->dtype);
	refusal_add(&planner->refusal, "tensor", tensor->name, why);
}

/* Notes what safetensors cannot express of a tensor. */
static void check_tensor(struct planner *planner, const struct cairn_tensor *tensor)
{
	if ((tensor->flags & CAIRN_TENSOR_INCOMPLETE) != 0)
		refusal_add(&planner->refusal, "tensor", tensor->name, "incomplete");
	else if (dtype_safetensors_name(tensor->dtype) == NULL)
		refuse_type(planner, tensor);
	else if (equals(tensor->name, "__metadata__"))
		refusal_add(&planner->refusal, "tensor", tensor->name, "a reserved name");
	else if (tensor->slice_count > 1 && (planner->drop & CAIRN_DROP_SLICES) == 0)
		refusal_add(&planner->refusal, "tensor", tensor->name,
			    "stored in slices: drop slices to join them");
}

static enum cairn_status take_tensor(struct planner *planner, uint64_t number,
				     struct safetensors_tensor *planned, struct cairn_error *error)
{
	struct cairn_tensor tensor;
	const enum cairn_status status = cairn_reader_tensor_at(planner->reader, number, &tensor,
								error);

	if (status != CAIRN_OK)
		return status;
	check_tensor(planner, &tensor);
	*planned = (struct safetensors_tensor){
		.name = tensor.name,
		.dims = tensor.dims,
		.dtype = tensor.dtype,
		.rank = (uint8_t)tensor.rank,
		.end = tensor.size, /* its size, until it has its place */
	};
	return CAIRN_OK;
}

static enum cairn_status take_tensors(struct planner *planner, struct cairn_error *error)
{
	struct safetensors_plan *const plan = &planner->plan;
	struct stored_place *places = NULL;
	enum cairn_status status = stored_order(planner->reader, planner->arena, &places, error);

	if (status != CAIRN_OK)
		return status;
	plan->count = cairn_reader_tensor_count(planner->reader);
	plan->tensors = arena_allocate_array(planner->arena, plan->count, sizeof(*plan->tensors));
	plan->numbers = arena_allocate_array(planner->arena, plan->count, sizeof(*plan->numbers));
	if (plan->tensors == NULL || plan->numbers == NULL)
		return error_set_memory(error, "the plan of the tensors");
	for (uint64_t i = 0; i < plan->count && status == CAIRN_OK; i++) {
		plan->numbers[i] = places[i].number;
		status = take_tensor(planner, places[i].number, &plan->tensors[i], error);
	}
	return status;
}

/* ------------------------------------------------------------------------------------- metadata */

/* Copies a text that is a string scalar. */
static enum cairn_status copy_text(struct planner *planner, const struct cairn_tensor *value,
				   struct cairn_string *text, struct cairn_error *error)
{
	struct cairn_view view = {0};
	struct cairn_string borrowed;
	enum cairn_status status;

	if (value->size > SAFETENSORS_HEADER_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "metadata %s has %" PRIu64
				 " bytes, safetensors allows a header of %u",
				 quote(value->name).text, value->size, SAFETENSORS_HEADER_SIZE_MAX);
	status = cairn_tensor_view(value, &view, error);
	if (status != CAIRN_OK)
		return status;
	status = cairn_view_string(value, &view, 0, &borrowed, error);
	if (status == CAIRN_OK) {
		text->data = arena_copy(planner->arena, borrowed.data, borrowed.size);
		text->size = borrowed.size;
		if (text->data == NULL)
			status = error_set_memory(error, "metadata");
	}
	cairn_view_release(&view);
	return status;
}

static void refuse_metadata(struct planner *planner, const struct cairn_tensor *value,
			    const char *why)
{
	if ((planner->drop & CAIRN_DROP_METADATA) == 0)
		refusal_add(&planner->refusal, "metadata", value->name, why);
}

static enum cairn_status take_entry(struct planner *planner, const struct cairn_tensor *value,
				    struct cairn_error *error)
{
	struct safetensors_plan *const plan = &planner->plan;
	struct safetensors_pair *const pair = &plan->metadata[plan->metadata_count];
	enum cairn_status status;

	if (value->dtype != CAIRN_STRING || value->rank != 0) {
		refuse_metadata(planner, value, "not a text: drop metadata to leave it out");
		return CAIRN_OK;
	}
	pair->key = value->name;
	status = copy_text(planner, value, &pair->value, error);
	if (status != CAIRN_OK)
		return status;
	if (utf8_valid(pair->value.data, pair->value.size))
		plan->metadata_count++;
	else
		refuse_metadata(planner, value, "not UTF-8: drop metadata to leave it out");
	return CAIRN_OK;
}

static enum cairn_status take_metadata(struct planner *planner, struct cairn_error *error)
{
	const uint64_t count = cairn_reader_metadata_count(planner->reader);
	enum cairn_status status = CAIRN_OK;

	planner->plan.metadata = arena_allocate_array(planner->arena, count,
						      sizeof(*planner->plan.metadata));
	if (planner->plan.metadata == NULL)
		return error_set_memory(error, "metadata");
	for (uint64_t i = 0; i < count && status == CAIRN_OK; i++) {
		struct cairn_tensor value;

		status = cairn_reader_metadata_at(planner->reader, i, &value, error);
		if (status == CAIRN_OK)
			status = take_entry(planner, &value, error);
	}
	return status;
}

/* A promise above the default was asked for by someone; the default is nobody's wish. */
static void check_alignment(struct planner *planner)
{
	struct cairn_reader_info info = {.size = sizeof(info)};
	char why[96];

	cairn_reader_info(planner->reader, &info);
	if (info.alignment <= CONTAINER_ALIGNMENT_MIN ||
	    (planner->drop & CAIRN_DROP_ALIGNMENT) != 0)
		return;
	snprintf(why, sizeof(why), "the alignment of %" PRIu64 " bytes (drop alignment to lose it)",
		 info.alignment);
	refusal_add(&planner->refusal, NULL, cairn_string_from(""), why);
}

/* ---------------------------------------------------------------------------------------- files */

/* Cuts the tensors into files; only counts when `files` is NULL. Sizes are those of tensors: below
 * 2^63. */
static uint64_t split(const struct safetensors_plan *plan, uint64_t file_size_max,
		      struct planned_file *files)
{
	uint64_t used = 0;
	uint64_t count = 1;

	for (uint64_t i = 0; i < plan->count; i++) {
		const uint64_t size = plan->tensors[i].end;

		if (file_size_max != 0 && used != 0 &&
		    (size > file_size_max || used > file_size_max - size)) {
			count++;
			used = 0;
		}
		used += size;
		if (files == NULL)
			continue;
		if (files[count - 1].count++ == 0)
			files[count - 1].first = i;
	}
	return count;
}

static enum cairn_status split_into_files(struct planner *planner, uint64_t file_size_max,
					  struct cairn_error *error)
{
	struct safetensors_plan *const plan = &planner->plan;
	const uint64_t count = split(plan, file_size_max, NULL);

	if (count > FILE_COUNT_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " shards of at most %" PRIu64 " bytes, %u are allowed",
				 count, file_size_max, FILE_COUNT_MAX);
	plan->files = arena_allocate_array(planner->arena, count, sizeof(*plan->files));
	if (plan->files == NULL)
		return error_set_memory(error, "the plan of the files");
	plan->file_count = (uint32_t)split(plan, file_size_max, plan->files);
	return CAIRN_OK;
}

/* Sizes that the source stated, compared with those of the plan. They differ where rows of a packed
 * type are padded. */
static enum cairn_status check_sizes(const struct safetensors_tensor *tensors,
				     const uint64_t *sizes, uint64_t count,
				     struct cairn_error *error)
{
	for (uint64_t i = 0; i < count; i++) {
		if (tensors[i].end - tensors[i].begin == sizes[i])
			continue;
		error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
			  "stored in %" PRIu64 " bytes, safetensors has %" PRIu64
			  " for its type and shape",
			  sizes[i], tensors[i].end - tensors[i].begin);
		return error_prefix_tensor(error, CAIRN_UNSUPPORTED, tensors[i].name);
	}
	return CAIRN_OK;
}

static enum cairn_status place_tensors(struct planner *planner, struct planned_file *file,
				       struct cairn_error *error)
{
	struct safetensors_tensor *const tensors = planner->plan.tensors + file->first;
	uint64_t *const sizes = arena_allocate(planner->arena, file->count * sizeof(*sizes));
	enum cairn_status status;

	if (sizes == NULL)
		return error_set_memory(error, "the sizes of the tensors");
	for (uint64_t i = 0; i < file->count; i++)
		sizes[i] = tensors[i].end;
	status = safetensors_plan_order(planner->arena, tensors, file->count, &file->order,
					&file->data_size, error);
	return status == CAIRN_OK ? check_sizes(tensors, sizes, file->count, error) : status;
}

static enum cairn_status plan_file(struct planner *planner, struct planned_file *file,
				   struct cairn_error *error)
{
	struct safetensors_plan *const plan = &planner->plan;
	struct safetensors_header_input input = {
		.tensors = plan->tensors + file->first,
		.tensor_count = file->count,
		.metadata = plan->metadata,
		.metadata_count = plan->metadata_count,
	};
	enum cairn_status status = place_tensors(planner, file, error);

	input.order = file->order;
	if (status == CAIRN_OK)
		status = safetensors_header_write(planner->arena, &input, &file->header,
						  &file->header_size, error);
	if (status != CAIRN_OK)
		return status;
	plan->data_size += file->data_size; /* both were below 2^63 */
	plan->total_size += file->header_size + file->data_size;
	if (plan->data_size >= CONTAINER_SIZE_MAX || plan->total_size >= CONTAINER_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "the tensors have 2^63 bytes or more");
	return CAIRN_OK;
}

enum cairn_status safetensors_plan_make(const struct cairn_reader *reader, uint32_t drop,
					uint64_t file_size_max, struct arena *arena,
					struct safetensors_plan *plan, struct cairn_error *error)
{
	struct planner planner = {
		.reader = reader, .arena = arena, .drop = drop, .plan = {.reader = reader}};
	enum cairn_status status;

	status = take_tensors(&planner, error);
	if (status == CAIRN_OK)
		status = take_metadata(&planner, error);
	check_alignment(&planner);
	if (status == CAIRN_OK)
		status = refusal_status(&planner.refusal, "safetensors", error);
	if (status == CAIRN_OK)
		status = split_into_files(&planner, file_size_max, error);
	for (uint32_t i = 0; status == CAIRN_OK && i < planner.plan.file_count; i++)
		status = plan_file(&planner, &planner.plan.files[i], error);
	if (status == CAIRN_OK)
		*plan = planner.plan;
	return status;
}
