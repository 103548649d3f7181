/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports of saves.
 *
 * What can be said of a tensor without its bytes is said when the report is begun: that it is new,
 * or of another type or shape. Then each of its items is compared in the cheapest way there is: by
 * the digests that the writer computes anyway, where the previous checkpoint has such of the same
 * chunks; else by its bytes.
 */
#include "engine/write/report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"

/* Stored slices of the previous checkpoint that are looked at to find the one of an item. Those of
 * one layout are found at once. */
#define SLICES_TRIED_MAX 1024u

/* ----------------------------------------------------------------------------------- the method */

/* A tensor of the previous checkpoint. */
struct previous {
	struct cairn_tensor tensor;
	struct tensor_record holder;
	uint32_t next; /* slice to try first */
};

static bool same_shape(const struct build_tensor *tensor, const struct cairn_tensor *previous)
{
	return tensor->dtype == previous->dtype &&
	       tensor->block_elements == previous->block_elements &&
	       tensor->block_bytes == previous->block_bytes && tensor->rank == previous->rank &&
	       (tensor->rank == 0 ||
		memcmp(tensor->dims, previous->dims, tensor->rank * sizeof(uint64_t)) == 0);
}

static uint64_t resolved(uint64_t length, uint64_t dim)
{
	return length == CAIRN_FULL ? dim : length;
}

static bool same_ranges(const struct item *item, const struct cairn_tensor *tensor,
			const uint64_t *ranges)
{
	for (uint32_t d = 0; d < tensor->rank; d++) {
		const uint64_t *const a = item->ranges == NULL ? NULL
							       : item->ranges + 2 * (size_t)d;
		const uint64_t *const b = ranges == NULL ? NULL : ranges + 2 * (size_t)d;
		const uint64_t dim = tensor->dims[d];

		if ((a == NULL ? 0 : a[0]) != (b == NULL ? 0 : b[0]) ||
		    resolved(a == NULL ? CAIRN_FULL : a[1], dim) !=
			    resolved(b == NULL ? CAIRN_FULL : b[1], dim))
			return false;
	}
	return true;
}

/* A piece of at most one chunk is cut in the same way by chunks of any size. */
static bool same_chunks(const struct slice_record *record, const struct item *item,
			uint64_t chunk_size)
{
	return record->digest_kind == DIGEST_XXH3_128 && record->size == item->size &&
	       (record->chunk_size == chunk_size ||
		(item->size <= chunk_size && item->size <= record->chunk_size));
}

/* The stored slice is this item, in the same chunks with digests. */
static bool slice_matches(const struct report *report, const struct previous *previous,
			  uint32_t number, const struct item *item, struct slice_record *record)
{
	const struct index *const index = &report->previous->index;
	const uint64_t *ranges = NULL;

	if (index_slice(index, previous->holder.slice_index + number, record, NULL) != CAIRN_OK)
		return false;
	if ((record->flags & SLICE_WHOLE) == 0 &&
	    index_dims(index, record->ranges_index, 2 * (uint64_t)previous->tensor.rank, &ranges,
		       NULL) != CAIRN_OK)
		return false;
	return same_ranges(item, &previous->tensor, ranges) &&
	       same_chunks(record, item, report->writer->options.chunk_size);
}

static bool find_slice(const struct report *report, struct previous *previous,
		       const struct item *item, struct slice_record *record)
{
	const uint32_t count = previous->holder.slice_count;

	for (uint32_t i = 0; i < count && i < SLICES_TRIED_MAX; i++) {
		const uint32_t number = previous->next < count ? previous->next : 0;

		previous->next = number + 1;
		if (slice_matches(report, previous, number, item, record))
			return true;
	}
	return false;
}

/* The target of an alias was compared under its own name: that says all if it was the same tensor
 * there. */
static bool same_target(const struct report *report, const struct previous *previous,
			const struct build_tensor *target)
{
	struct cairn_tensor tensor;
	struct tensor_record holder;

	return cairn_reader_find_string(report->previous, target->name, &tensor, NULL) ==
		       CAIRN_OK &&
	       tensor_holder(&tensor, &holder, NULL) == CAIRN_OK &&
	       holder.slice_index == previous->holder.slice_index;
}

/* A TensorFlow checkpoint gets no digests. */
static bool has_digests(const struct cairn_writer *writer)
{
	return writer->options.target != CAIRN_TARGET_TENSORFLOW;
}

static void choose_method(const struct report *report, struct previous *previous,
			  const struct build_tensor *tensor, struct report_slice *slice)
{
	struct slice_record record;

	if (has_digests(report->writer) && find_slice(report, previous, slice->item, &record)) {
		slice->method = REPORT_DIGESTS;
		slice->chunk_index = record.chunk_index;
	} else if (tensor->alias_of == NULL) {
		slice->method = REPORT_BYTES;
	} else if (same_target(report, previous, tensor->alias_of)) {
		slice->method = REPORT_AS_HOLDER;
	}
}

/* What is not settled here is the same, until a look says otherwise. */
static enum cairn_saved_comparison compare_slices(const struct report *report,
						  struct previous *previous,
						  const struct build_tensor *tensor,
						  const struct report_tensor *known)
{
	enum cairn_saved_comparison result = CAIRN_SAVED_SAME;

	if (tensor_holder(&previous->tensor, &previous->holder, NULL) != CAIRN_OK)
		return CAIRN_SAVED_UNKNOWN;
	for (uint32_t i = 0; i < known->slice_count; i++) {
		if (known->slices[i].item->size == 0)
			continue;
		choose_method(report, previous, tensor, &known->slices[i]);
		if (known->slices[i].method == REPORT_NOT)
			result = CAIRN_SAVED_UNKNOWN;
	}
	return result;
}

static enum cairn_saved_comparison compare_tensor(struct report *report,
						  const struct build_tensor *tensor,
						  const struct report_tensor *known)
{
	struct previous previous = {.next = 0};
	enum cairn_status status;

	status = cairn_reader_find_string(report->previous, tensor->name, &previous.tensor, NULL);
	if (status == CAIRN_NOT_FOUND)
		return CAIRN_SAVED_NEW;
	if (status != CAIRN_OK)
		return CAIRN_SAVED_UNKNOWN;
	report->found++;
	if (!same_shape(tensor, &previous.tensor) ||
	    (tensor->block_bytes == 0 && tensor->size != previous.tensor.size))
		return CAIRN_SAVED_CHANGED;
	return compare_slices(report, &previous, tensor, known);
}

/* ---------------------------------------------------------------------------------------- begin */

static const struct build_tensor *holder_of(const struct build_tensor *tensor)
{
	return tensor->alias_of == NULL ? tensor : tensor->alias_of;
}

/* Slices of all tensors, those of aliases counted again. */
static uint64_t count_slices(const struct build_input *input)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < input->tensor_count; i++)
		count += holder_of(&input->tensors[i])->slice_count;
	return count;
}

static void describe_tensor(struct report *report, uint32_t number, struct report_slice *slices)
{
	const struct cairn_writer *const writer = report->writer;
	const struct build_tensor *const tensor = &writer->input.tensors[number];
	const struct build_tensor *const holder = holder_of(tensor);

	report->tensors[number] = (struct report_tensor){
		.slices = slices,
		.slice_count = holder->slice_count,
		.holder = (uint32_t)(holder - writer->input.tensors),
	};
	for (uint32_t k = 0; k < holder->slice_count; k++) {
		const uint32_t item = holder->slices[k].storage_rank;

		slices[k] = (struct report_slice){.item = &writer->items[item]};
		if (holder == tensor) {
			report->slices_of_items[item] = &slices[k];
			report->tensors_of_items[item] = number;
		}
	}
}

static bool make_tables(struct report *report)
{
	struct cairn_writer *const writer = report->writer;
	struct arena *const arena = &writer->arena;
	const uint64_t count = writer->input.tensor_count;
	const uint64_t items = writer->item_count;
	struct report_slice *slices = arena_allocate_array(arena, count_slices(&writer->input),
							   sizeof(*slices));

	report->tensors = arena_allocate_array(arena, count, sizeof(*report->tensors));
	report->slices_of_items = arena_allocate_array(arena, items, sizeof(struct report_slice *));
	report->tensors_of_items = arena_allocate_array(arena, items,
							sizeof(*report->tensors_of_items));
	if (slices == NULL || report->tensors == NULL || report->slices_of_items == NULL ||
	    report->tensors_of_items == NULL)
		return false;
	for (uint64_t i = 0; i < count; i++) {
		describe_tensor(report, (uint32_t)i, slices);
		slices += report->tensors[i].slice_count;
	}
	return true;
}

static bool make_numbers(struct report *report)
{
	struct cairn_writer *const writer = report->writer;
	const uint64_t count = writer->input.tensor_count;

	if ((writer->options.flags & CAIRN_WRITER_STATISTICS) == 0)
		return true;
	report->numbers = arena_allocate_array(&writer->arena, count, sizeof(*report->numbers));
	for (uint64_t i = 0; report->numbers != NULL && i < count; i++)
		report->numbers[i] = (struct report_numbers){.min = (double)INFINITY,
							     .max = -(double)INFINITY};
	return report->numbers != NULL;
}

static struct report *new_report(struct cairn_writer *writer)
{
	struct report *const report = arena_allocate_array(&writer->arena, 1, sizeof(*report));

	if (report == NULL)
		return NULL;
	*report = (struct report){.writer = writer, .previous = writer->options.previous};
	mutex_init(&report->mutex);
	writer->report = report; /* ended with the writer, whatever else fails */
	return report;
}

enum cairn_status report_begin(struct cairn_writer *writer, struct cairn_error *error)
{
	const struct build_input *const input = &writer->input;
	struct report *report;

	if (writer->options.previous == NULL &&
	    (writer->options.flags & CAIRN_WRITER_STATISTICS) == 0)
		return CAIRN_OK;
	report = new_report(writer);
	if (report == NULL || !make_tables(report) || !make_numbers(report) ||
	    !report_make_looks(report))
		return error_set_memory(error, "the report of a save");
	for (uint64_t i = 0; report->previous != NULL && i < input->tensor_count; i++) {
		struct report_tensor *const known = &report->tensors[i];

		if (input->tensors[i].name_space == NAME_SPACE_TENSOR)
			known->comparison = (uint8_t)compare_tensor(report, &input->tensors[i],
								    known);
	}
	return CAIRN_OK;
}

void report_end(struct report *report)
{
	if (report == NULL)
		return;
	while (report->looks != NULL) {
		struct report_look *const look = report->looks;

		report->looks = look->next;
		system_free(report->writer->system, look);
	}
	mutex_fini(&report->mutex);
}

/* ------------------------------------------------------------------------------------- complete */

static enum cairn_saved_comparison compare_digests(const struct report *report,
						   const struct report_slice *slice)
{
	const struct item *const item = slice->item;
	const uint64_t chunks = divide_up(item->size, report->writer->options.chunk_size);
	const uint8_t *digests;

	if (index_chunk_digests(&report->previous->index, slice->chunk_index, chunks, &digests,
				NULL) != CAIRN_OK)
		return CAIRN_SAVED_UNKNOWN;
	return memcmp(digests, item->digests, chunks * DIGEST_SIZE) == 0 ? CAIRN_SAVED_SAME
									 : CAIRN_SAVED_CHANGED;
}

static void settle(struct report *report, uint32_t number)
{
	const struct report_tensor *const tensor = &report->tensors[number];

	for (uint32_t i = 0; i < tensor->slice_count; i++) {
		if (tensor->slices[i].method == REPORT_DIGESTS)
			report_judge(report, number, compare_digests(report, &tensor->slices[i]));
	}
}

/* When all tensors that hold bytes are settled. */
static void settle_alias(struct report *report, uint32_t number)
{
	const struct report_tensor *const tensor = &report->tensors[number];

	if (tensor->slice_count != 0 && tensor->slices[0].method == REPORT_AS_HOLDER)
		report_judge(report, number, report->tensors[tensor->holder].comparison);
}

static bool is_constant(const struct report_numbers *numbers)
{
	return numbers->count > 1 && numbers->nans + numbers->infinities == 0 &&
	       !(numbers->min < numbers->max) && numbers->zeros != numbers->count;
}

static void count_numbers(struct cairn_writer_report *totals, const struct report_numbers *numbers)
{
	totals->nan_tensors += numbers->nans != 0;
	totals->infinite_tensors += numbers->infinities != 0;
	totals->zero_tensors += numbers->count != 0 && numbers->zeros == numbers->count;
	totals->constant_tensors += is_constant(numbers);
}

static void count_tensor(struct report *report, uint64_t number)
{
	struct cairn_writer_report *const totals = &report->totals;
	const uint8_t comparison = report->tensors[number].comparison;

	totals->same += comparison == CAIRN_SAVED_SAME;
	totals->changed += comparison == CAIRN_SAVED_CHANGED;
	totals->added += comparison == CAIRN_SAVED_NEW;
	totals->unknown += comparison == CAIRN_SAVED_UNKNOWN;
	if (report->numbers != NULL)
		count_numbers(totals, &report->numbers[report->tensors[number].holder]);
}

void report_complete(struct cairn_writer *writer)
{
	const uint64_t count = writer->input.tensor_count;
	struct report *const report = writer->report;

	writer->written = true;
	if (report == NULL)
		return;
	for (uint64_t i = 0; i < count; i++)
		settle(report, (uint32_t)i);
	for (uint64_t i = 0; i < count; i++)
		settle_alias(report, (uint32_t)i);
	for (uint64_t i = 0; i < count; i++) {
		if (writer->input.tensors[i].name_space == NAME_SPACE_TENSOR)
			count_tensor(report, i);
	}
	if (report->previous != NULL)
		report->totals.absent = cairn_reader_tensor_count(report->previous) - report->found;
}

/* --------------------------------------------------------------------------------------- asking */

static enum cairn_status check_written(const struct cairn_writer *writer, struct cairn_error *error)
{
	if (writer->written)
		return CAIRN_OK;
	return error_set(error, CAIRN_PRECONDITION, CAIRN_ERROR_NO_OFFSET,
			 "there is no report before everything is written");
}

/* Bytes that were written of a tensor. */
static uint64_t size_of(const struct build_tensor *tensor)
{
	const struct build_tensor *const holder = holder_of(tensor);
	uint64_t size = 0; /* of all tensors together below 2^63 */

	for (uint32_t i = 0; i < holder->slice_count; i++)
		size += holder->slices[i].size;
	return size;
}

enum cairn_status cairn_writer_report(const struct cairn_writer *writer,
				      struct cairn_writer_report *report, struct cairn_error *error)
{
	const enum cairn_status status = check_written(writer, error);
	struct cairn_writer_report result = {0};

	if (status != CAIRN_OK)
		return status;
	if (writer->report != NULL)
		result = writer->report->totals;
	for (uint64_t i = 0; i < writer->input.tensor_count; i++) {
		const struct build_tensor *const tensor = &writer->input.tensors[i];

		if (tensor->name_space != NAME_SPACE_TENSOR)
			continue;
		result.tensor_count++;
		result.bytes += tensor->alias_of == NULL ? size_of(tensor) : 0;
	}
	*report = result;
	return CAIRN_OK;
}

static void give_numbers(const struct report_numbers *numbers, enum cairn_dtype dtype,
			 struct cairn_saved_tensor *tensor)
{
	const uint64_t finite = numbers->count - numbers->nans - numbers->infinities;

	tensor->has_numbers = cairn_dtype_numbers(dtype) != 0;
	tensor->count = numbers->count;
	tensor->nan_count = numbers->nans;
	tensor->infinite_count = numbers->infinities;
	tensor->zero_count = numbers->zeros;
	tensor->min = finite == 0 ? (double)NAN : numbers->min;
	tensor->max = finite == 0 ? (double)NAN : numbers->max;
}

enum cairn_status cairn_writer_report_tensor(const struct cairn_writer *writer, uint64_t index,
					     struct cairn_saved_tensor *tensor,
					     struct cairn_error *error)
{
	const struct build_input *const input = &writer->input;
	const struct report *const report = writer->report;
	const struct build_tensor *found;
	enum cairn_status status = check_written(writer, error);

	if (status != CAIRN_OK)
		return status;
	if (index >= input->tensor_count ||
	    input->tensors[index].name_space != NAME_SPACE_TENSOR) /* metadata come behind */
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no tensor %" PRIu64 " was written", index);
	found = &input->tensors[index];
	*tensor = (struct cairn_saved_tensor){
		.name = found->name, .dtype = found->dtype, .size = size_of(found)};
	if (report != NULL)
		tensor->comparison = report->tensors[index].comparison;
	if (report != NULL && report->numbers != NULL)
		give_numbers(&report->numbers[report->tensors[index].holder], found->dtype, tensor);
	return CAIRN_OK;
}
