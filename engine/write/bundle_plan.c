/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planning a bundle, in the order of the items: each is given to a shard, or cut into pieces that
 * are; then the blobs of each shard are laid out; then the entries are put together, slices of a
 * tensor shard by shard, as TensorFlow's merge lists them.
 */
#include "engine/write/bundle_plan.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/write/bundle_values.h"
#include "engine/write/refusal.h"
#include "engine/write/shard_policy.h"
#include "format/bytes.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/tensorflow_slice_key.h"

static const char object_graph_name[] = "_CHECKPOINTABLE_OBJECT_GRAPH";

struct planner {
	struct cairn_writer *writer;
	struct bundle_plan *plan;
	uint64_t blob_capacity;
	uint64_t *numbers; /* of tensors, by item */
	uint32_t large_count;

	/* The item that is being placed. */
	const struct item *item;
	uint64_t lengths[CAIRN_RANK_MAX];
};

static bool is_values(const struct item *item)
{
	return item->block_bytes == 0;
}

/* --------------------------------------------------------------------------- what it cannot be */

static void check_item(const struct item *item, struct refusal *refusal)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(item->dtype);
	uint64_t name_size;
	uint32_t rank;
	uint32_t number;
	char why[64];

	if (item->name_space == NAME_SPACE_METADATA) {
		refusal_add(refusal, "metadata", item->name, "no place for it");
	} else if (item->source == SOURCE_NONE) {
		refusal_add(refusal, "tensor", item->name, "an alias");
	} else if (!dtype_tensorflow_number(item->dtype, &number)) {
		if (info != NULL)
			snprintf(why, sizeof(why), "type %s", info->name);
		else
			snprintf(why, sizeof(why), "unknown type %u", (unsigned)item->dtype);
		refusal_add(refusal, "tensor", item->name, why);
	} else if (item->name.size == 0) {
		refusal_add(refusal, "tensor", item->name, "an empty name");
	} else if (slice_key_parse(item->name, &name_size, &rank)) {
		refusal_add(refusal, "tensor", item->name, "a name that stands for a slice");
	}
}

enum cairn_status bundle_check_items(const struct cairn_writer *writer, struct cairn_error *error)
{
	struct refusal refusal = {.count = 0};

	for (uint64_t i = 0; i < writer->item_count; i++)
		check_item(&writer->items[i], &refusal);
	return refusal_status(&refusal, "TensorFlow", error);
}

/* --------------------------------------------------------------------------------------- boxes */

void item_lengths(const struct item *item, uint64_t lengths[CAIRN_RANK_MAX])
{
	for (uint32_t d = 0; d < item->rank; d++) {
		const uint64_t length = item->ranges == NULL ? CAIRN_FULL : item->ranges[2 * d + 1];

		lengths[d] = length == CAIRN_FULL ? item->dims[d] : length;
	}
}

static uint64_t product(const uint64_t *lengths, uint32_t rank)
{
	uint64_t result = 1; /* of a part of an item: below 2^63 */

	for (uint32_t d = 0; d < rank; d++)
		result *= lengths[d];
	return result;
}

/* Bytes of a box that lie side by side in its item: a run; `outer` axes count the runs. */
struct runs {
	uint64_t size;
	uint32_t outer;
};

static struct runs runs_of(const struct blob *blob, const uint64_t *lengths)
{
	const uint64_t *const box = blob->box + blob->item->rank;
	struct runs runs = {.size = blob->item->block_bytes, .outer = blob->item->rank};
	bool is_full = true;

	while (runs.outer > 0 && is_full) {
		runs.outer--;
		runs.size *= box[runs.outer];
		is_full = box[runs.outer] == lengths[runs.outer];
	}
	return runs;
}

/* Where run `number` of a box begins in its item. */
static uint64_t run_offset(const struct blob *blob, const uint64_t *lengths,
			   const struct runs *runs, uint64_t number)
{
	const uint64_t *const starts = blob->box;
	const uint64_t *const box = blob->box + blob->item->rank;
	uint64_t stride = blob->item->block_bytes;
	uint64_t offset = 0;

	for (uint32_t d = blob->item->rank; d-- > 0;) {
		uint64_t at = starts[d];

		if (d < runs->outer) {
			at += number % box[d];
			number /= box[d];
		}
		offset += at * stride;
		stride *= lengths[d];
	}
	return offset;
}

enum cairn_status blob_read(const struct blob *blob, uint64_t offset, uint64_t size, uint8_t *bytes,
			    struct stored_scratch *scratch, struct cairn_error *error)
{
	uint64_t lengths[CAIRN_RANK_MAX];
	enum cairn_status status = CAIRN_OK;
	struct runs runs;

	if (blob->box == NULL)
		return item_read(blob->item, offset, size, bytes, scratch, error);
	item_lengths(blob->item, lengths);
	runs = runs_of(blob, lengths);
	for (uint64_t done = 0; done < size && status == CAIRN_OK;) {
		const uint64_t skipped = (offset + done) % runs.size;
		const uint64_t left = runs.size - skipped;
		const uint64_t piece = left < size - done ? left : size - done;
		const uint64_t begin = run_offset(blob, lengths, &runs,
						  (offset + done) / runs.size);

		status = item_read(blob->item, begin + skipped, piece, bytes + done, scratch,
				   error);
		done += piece;
	}
	return status;
}

uint64_t item_elements(const struct item *item)
{
	uint64_t lengths[CAIRN_RANK_MAX];

	item_lengths(item, lengths);
	return product(lengths, item->rank);
}

/* ------------------------------------------------------------------------------------- placing */

static enum cairn_status measure(const struct planner *planner, struct blob *blob,
				 struct cairn_error *error)
{
	if (is_values(blob->item))
		return values_stored_size(planner->writer->system, blob->item,
					  item_elements(blob->item), &blob->size, error);
	blob->size = blob->box == NULL ? blob->item->size
				       : product(blob->box + blob->item->rank, blob->item->rank) *
						 blob->item->block_bytes;
	return CAIRN_OK;
}

static enum cairn_status add_blob(struct planner *planner, const uint64_t *box, uint32_t shard,
				  struct cairn_error *error)
{
	struct bundle_plan *const plan = planner->plan;
	struct cairn_writer *const writer = planner->writer;
	struct blob *const blobs = arena_grow(&writer->arena, plan->blobs, &planner->blob_capacity,
					      plan->blob_count + 1, sizeof(*blobs));

	if (blobs == NULL)
		return error_set_memory(error, "the plan of a checkpoint");
	plan->blobs = blobs;
	blobs[plan->blob_count] = (struct blob){
		.item = planner->item,
		.box = box,
		.number = planner->numbers[planner->item - writer->items],
		.shard = shard,
	};
	return measure(planner, &blobs[plan->blob_count++], error);
}

/* Shards of large pieces come behind all others: their numbers are settled at the end. */
#define LARGE_SHARD ((uint32_t)1 << 31)

static enum cairn_status take_piece(void *context, const struct policy_piece *piece,
				    struct cairn_error *error)
{
	struct planner *const planner = context;
	const uint32_t rank = planner->item->rank;
	const size_t size = rank * sizeof(uint64_t);
	uint64_t *box = NULL;

	if (rank != 0 && memcmp(piece->lengths, planner->lengths, size) != 0) {
		box = arena_allocate(&planner->writer->arena, 2 * size);
		if (box == NULL)
			return error_set_memory(error, "the plan of a checkpoint");
		memcpy(box, piece->starts, size);
		memcpy(box + rank, piece->lengths, size);
	}
	if (piece->is_large && piece->shard >= planner->large_count)
		planner->large_count = piece->shard + 1;
	return add_blob(planner, box, piece->is_large ? LARGE_SHARD | piece->shard : piece->shard,
			error);
}

/* TensorFlow puts slices of these types together, and of no others: nobody could read a variable
 * of another type that was cut. */
static bool can_be_joined(enum cairn_dtype dtype)
{
	static const enum cairn_dtype types[] = {
		CAIRN_F32,   CAIRN_F64,    CAIRN_I32,     CAIRN_U8,      CAIRN_I16,  CAIRN_I8,
		CAIRN_C64,   CAIRN_C128,   CAIRN_I64,     CAIRN_BOOL,    CAIRN_BF16, CAIRN_QINT32,
		CAIRN_QINT8, CAIRN_QUINT8, CAIRN_I4_BYTE, CAIRN_U4_BYTE,
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i] == dtype)
			return true;
	}
	return false;
}

/* How many of its axes an item may be cut along. Along later ones the bytes of a callback would not
 * come in order. */
static uint32_t axes_of(const struct planner *planner)
{
	const struct item *const item = planner->item;
	uint32_t axes = 0;

	if (!can_be_joined(item->dtype))
		return 0;
	if (item->source != SOURCE_CALLBACK)
		return item->rank;
	while (axes < item->rank && planner->lengths[axes] == 1)
		axes++;
	return axes < item->rank ? axes + 1 : axes;
}

/* Bytes of the values themselves. Of variants, and of the object graph while it is made, TensorFlow
 * does not know how many. */
static uint64_t policy_size(const struct item *item)
{
	const struct cairn_string graph = {object_graph_name, sizeof(object_graph_name) - 1};
	uint64_t ends;

	if (item->dtype == CAIRN_VARIANT ||
	    (item->name.size == graph.size && memcmp(item->name.data, graph.data, graph.size) == 0))
		return 0;
	if (!is_values(item))
		return item->size;
	/* encoding it will tell when the offsets do not even fit */
	return !checked_multiply(item_elements(item), sizeof(uint64_t), &ends) || ends > item->size
		       ? 0
		       : item->size - ends;
}

static enum cairn_status cut_item(struct planner *planner, struct shard_policy *policy,
				  struct cairn_error *error)
{
	const struct item *const item = planner->item;
	const struct policy_tensor tensor = {
		.rank = item->rank,
		.dims = planner->lengths,
		.size = policy_size(item),
		.element_size = item->block_bytes,
		.axes = axes_of(planner),
	};
	const enum cairn_status status = shard_policy_add(policy, &tensor, error);

	return status == CAIRN_OK ? CAIRN_OK : error_prefix_tensor(error, status, item->name);
}

static void settle_large(struct planner *planner, uint32_t filled)
{
	struct bundle_plan *const plan = planner->plan;

	plan->file_count = filled + planner->large_count;
	for (uint64_t i = 0; i < plan->blob_count; i++) {
		if ((plan->blobs[i].shard & LARGE_SHARD) != 0)
			plan->blobs[i].shard = filled + (plan->blobs[i].shard & ~LARGE_SHARD);
	}
}

static enum cairn_status place_items(struct planner *planner, struct cairn_error *error)
{
	const struct cairn_writer *const writer = planner->writer;
	const uint64_t size_max = writer->options.shard_size_max;
	struct shard_policy policy;
	enum cairn_status status = CAIRN_OK;

	shard_policy_init(&policy, size_max, take_piece, planner);
	planner->plan->file_count = writer->options.shard_count;
	for (uint64_t i = 0; i < writer->item_count && status == CAIRN_OK; i++) {
		planner->item = &writer->items[i];
		item_lengths(planner->item, planner->lengths);
		status = size_max == 0 ? add_blob(planner, NULL, planner->item->shard, error)
				       : cut_item(planner, &policy, error);
	}
	if (size_max != 0)
		settle_large(planner, shard_policy_filled(&policy));
	if (planner->plan->file_count == 0)
		planner->plan->file_count = 1;
	return status;
}

/* -------------------------------------------------------------------------------------- layout */

/* Sorts blobs by shard, keeping their order within each. */
static enum cairn_status sort_blobs(struct planner *planner, struct cairn_error *error)
{
	struct bundle_plan *const plan = planner->plan;
	struct arena *const arena = &planner->writer->arena;
	struct blob *const sorted = arena_allocate_array(arena, plan->blob_count, sizeof(*sorted));
	uint64_t *const next = arena_allocate_array(arena, (uint64_t)plan->file_count + 1,
						    sizeof(*next));
	uint64_t *const first = arena_allocate_array(arena, (uint64_t)plan->file_count + 1,
						     sizeof(*first));

	if (sorted == NULL || next == NULL || first == NULL)
		return error_set_memory(error, "the plan of a checkpoint");
	memset(first, 0, ((size_t)plan->file_count + 1) * sizeof(*first));
	for (uint64_t i = 0; i < plan->blob_count; i++)
		first[plan->blobs[i].shard + 1]++;
	for (uint32_t i = 0; i < plan->file_count; i++)
		first[i + 1] += first[i];
	memcpy(next, first, ((size_t)plan->file_count + 1) * sizeof(*next));
	for (uint64_t i = 0; i < plan->blob_count; i++)
		sorted[next[plan->blobs[i].shard]++] = plan->blobs[i];
	plan->blobs = sorted;
	plan->first_blobs = first;
	return CAIRN_OK;
}

static enum cairn_status lay_out_file(const struct planner *planner, uint32_t number,
				      struct dense_piece *pieces, struct cairn_error *error)
{
	const struct bundle_plan *const plan = planner->plan;
	const uint64_t alignment = planner->writer->blob_alignment;
	const uint64_t first = plan->first_blobs[number];
	const uint64_t count = plan->first_blobs[number + 1] - first;
	struct bundle_file *const file = &plan->files[number];
	uint64_t end = 0;

	*file = (struct bundle_file){.pieces = pieces + first, .piece_count = count};
	for (uint64_t i = first; i < first + count; i++) {
		const struct blob *const blob = &plan->blobs[i];

		pieces[i] = (struct dense_piece){end, blob->size};
		file->in_order = file->in_order || blob->item->source == SOURCE_CALLBACK;
		if (!checked_add(end, blob->size, &end) ||
		    !checked_align_up(end, alignment, &end) || end >= CONTAINER_SIZE_MAX)
			return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
					 "a data file of 2^63 bytes or more");
	}
	file->size = end;
	return CAIRN_OK;
}

static enum cairn_status lay_out(struct planner *planner, struct cairn_error *error)
{
	struct bundle_plan *const plan = planner->plan;
	struct arena *const arena = &planner->writer->arena;
	struct dense_piece *const pieces = arena_allocate_array(arena, plan->blob_count,
								sizeof(*pieces));
	enum cairn_status status = CAIRN_OK;

	plan->files = arena_allocate_array(arena, plan->file_count, sizeof(*plan->files));
	if (pieces == NULL || plan->files == NULL)
		return error_set_memory(error, "the plan of a checkpoint");
	for (uint32_t i = 0; i < plan->file_count && status == CAIRN_OK; i++)
		status = lay_out_file(planner, i, pieces, error);
	return status;
}

/* ------------------------------------------------------------------------------------- entries */

static enum cairn_status number_items(struct planner *planner, struct cairn_error *error)
{
	const struct build_input *const input = &planner->writer->input;

	planner->numbers = arena_allocate_array(
		&planner->writer->arena, planner->writer->item_count, sizeof(*planner->numbers));
	if (planner->numbers == NULL)
		return error_set_memory(error, "the plan of a checkpoint");
	for (uint64_t i = 0; i < input->tensor_count; i++) {
		const struct build_tensor *const tensor = &input->tensors[i];

		for (uint32_t k = 0; k < tensor->slice_count; k++)
			planner->numbers[tensor->slices[k].storage_rank] = i;
	}
	return CAIRN_OK;
}

/* One table for all tensors; each gets as many pieces of it as it has blobs. */
static enum cairn_status make_tensors(struct planner *planner, struct cairn_error *error)
{
	struct bundle_plan *const plan = planner->plan;
	const struct build_input *const input = &planner->writer->input;
	struct arena *const arena = &planner->writer->arena;
	struct bundle_tensor *const tensors = arena_allocate_array(arena, input->tensor_count,
								   sizeof(*tensors));
	struct bundle_piece *pieces = arena_allocate_array(arena, plan->blob_count,
							   sizeof(*pieces));

	if (tensors == NULL || pieces == NULL)
		return error_set_memory(error, "the index");
	for (uint64_t i = 0; i < input->tensor_count; i++) {
		const struct build_tensor *const tensor = &input->tensors[i];

		tensors[i] = (struct bundle_tensor){
			.name = tensor->name,
			.dtype = tensor->dtype,
			.rank = tensor->rank,
			.dims = tensor->dims,
			.elements = product(tensor->dims, tensor->rank)};
	}
	for (uint64_t i = 0; i < plan->blob_count; i++)
		tensors[plan->blobs[i].number].piece_count++;
	for (uint64_t i = 0; i < input->tensor_count; i++) {
		tensors[i].pieces = pieces;
		pieces += tensors[i].piece_count;
		tensors[i].piece_count = 0; /* counted again when they are filled in */
	}
	plan->bundle = (struct bundle){
		.header = {.shard_count = plan->file_count,
			   .has_version = true,
			   .producer = BUNDLE_VERSION},
		.tensors = tensors,
		.tensor_count = input->tensor_count,
	};
	return CAIRN_OK;
}

/* The slice covers all of its tensor, which is a whole tensor to TensorFlow. */
static bool covers_all(const struct item *item)
{
	uint64_t lengths[CAIRN_RANK_MAX];

	item_lengths(item, lengths);
	return memcmp(lengths, item->dims, item->rank * sizeof(*lengths)) == 0;
}

/* The ranges of a blob in its tensor: those that the caller wrote, unless it was cut. */
static enum cairn_status find_ranges(struct planner *planner, const struct blob *blob,
				     const uint64_t **ranges, struct cairn_error *error)
{
	const struct item *const item = blob->item;
	uint64_t *made;

	if (blob->box == NULL) {
		*ranges = item->ranges == NULL || covers_all(item) ? NULL : item->ranges;
		return CAIRN_OK;
	}
	made = arena_allocate(&planner->writer->arena, (size_t)2 * item->rank * sizeof(*made));
	if (made == NULL)
		return error_set_memory(error, "the index");
	for (uint32_t d = 0; d < item->rank; d++) {
		made[2 * (size_t)d] = blob->box[d] +
				      (item->ranges == NULL ? 0 : item->ranges[2 * (size_t)d]);
		made[2 * (size_t)d + 1] = blob->box[item->rank + d];
	}
	*ranges = made;
	return CAIRN_OK;
}

static enum cairn_status make_entries(struct planner *planner, struct cairn_error *error)
{
	struct bundle_plan *const plan = planner->plan;
	enum cairn_status status = make_tensors(planner, error);

	for (uint32_t f = 0; f < plan->file_count && status == CAIRN_OK; f++) {
		const uint64_t first = plan->first_blobs[f];

		for (uint64_t i = first; i < plan->first_blobs[f + 1] && status == CAIRN_OK; i++) {
			struct blob *const blob = &plan->blobs[i];
			struct bundle_tensor *const tensor = &plan->bundle.tensors[blob->number];

			if (tensor->piece_count == 0)
				tensor->entry_shard = f;
			blob->entry = &tensor->pieces[tensor->piece_count++];
			*blob->entry = (struct bundle_piece){
				.shard = f,
				.offset = plan->files[f].pieces[i - first].offset,
				.size = blob->size,
			};
			status = find_ranges(planner, blob, &blob->entry->ranges, error);
		}
	}
	return status;
}

enum cairn_status bundle_plan_make(struct cairn_writer *writer, struct bundle_plan *plan,
				   struct cairn_error *error)
{
	struct planner planner = {.writer = writer, .plan = plan};
	enum cairn_status status;

	*plan = (struct bundle_plan){0};
	if ((status = number_items(&planner, error)) != CAIRN_OK ||
	    (status = place_items(&planner, error)) != CAIRN_OK ||
	    (status = sort_blobs(&planner, error)) != CAIRN_OK ||
	    (status = lay_out(&planner, error)) != CAIRN_OK)
		return status;
	return make_entries(&planner, error);
}
