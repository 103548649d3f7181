/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at parts in the staging buffers that are written.
 *
 * Parts come in any order, from several threads: what is noted of them does not depend on it.
 * Numbers are counted, not added up. A part may be cut anywhere, through a number too: the two
 * sides of that one meet in a table of borders. Segments are taken in order, so that at any time
 * only those beside a thread's segment wait, and one behind the last: two for each thread, and one.
 */
#include "engine/write/report.h"

#include <assert.h>
#include <string.h>

#include "format/bytes.h"
#include "format/error.h"

static struct report_look *take_look(struct report *report)
{
	struct report_look *look;

	mutex_lock(&report->mutex);
	look = report->looks;
	assert(look != NULL); /* there is one for each thread */
	report->looks = look->next;
	mutex_unlock(&report->mutex);
	return look;
}

static void give_back(struct report *report, struct report_look *look)
{
	mutex_lock(&report->mutex);
	look->next = report->looks;
	report->looks = look;
	mutex_unlock(&report->mutex);
}

bool report_make_looks(struct report *report)
{
	struct cairn_writer *const writer = report->writer;

	for (uint32_t i = 0; i < writer->options.thread_count; i++) {
		struct report_look *const look = system_allocate(writer->system, sizeof(*look));

		if (look == NULL)
			return false;
		look->next = report->looks;
		report->looks = look;
	}
	report->border_count = 2 * writer->options.thread_count + 1;
	report->borders = arena_allocate_array(&writer->arena, report->border_count,
					       sizeof(*report->borders));
	if (report->borders != NULL)
		memset(report->borders, 0, report->border_count * sizeof(*report->borders));
	return report->borders != NULL;
}

/* -------------------------------------------------------------------------------------- numbers */

static void add_summary(struct report *report, uint32_t tensor, struct summary *summary)
{
	struct report_numbers *const numbers = &report->numbers[tensor];

	summary_end(summary);
	mutex_lock(&report->mutex);
	numbers->count += summary->count;
	numbers->nans += summary->nans;
	numbers->infinities += summary->infinities;
	numbers->zeros += summary->zeros;
	numbers->min = summary->min < numbers->min ? summary->min : numbers->min;
	numbers->max = summary->max > numbers->max ? summary->max : numbers->max;
	mutex_unlock(&report->mutex);
}

/* Bytes that cannot be looked at one by one: of a number, or of a block of packed ones. */
static uint64_t unit_of(const struct item *item, const struct element_decoder *decoder)
{
	return decoder->bits % 8 == 0 ? decoder->bits / 8 : item->block_bytes;
}

static struct report_border *find_border(struct report *report, const void *piece, uint64_t offset)
{
	uint32_t place = report->border_count;

	for (uint32_t i = 0; i < report->border_count; i++) {
		struct report_border *const border = &report->borders[i];

		if (border->piece == piece && border->offset == offset)
			return border;
		if (border->piece == NULL)
			place = i;
	}
	assert(place < report->border_count); /* see above */
	return &report->borders[place];
}

/* One side of a unit that was cut: bytes [from, from + size) of it. True: the other side was there,
 * and `unit` is complete. */
static bool join(struct report *report, const struct report_part *part, uint64_t offset,
		 uint64_t from, const uint8_t *bytes, uint64_t size, uint8_t unit[REPORT_UNIT_MAX])
{
	struct report_border *border;
	bool complete;

	mutex_lock(&report->mutex);
	border = find_border(report, part->piece, offset);
	complete = border->piece != NULL;
	memcpy(border->bytes + from, bytes, size);
	memcpy(unit, border->bytes, REPORT_UNIT_MAX);
	border->piece = complete ? NULL : part->piece;
	border->offset = offset;
	mutex_unlock(&report->mutex);
	return complete;
}

/* Where a part begins and ends within a unit. */
struct cut {
	uint64_t head; /* bytes of a unit that began before */
	uint64_t tail; /* bytes of one that ends after */
};

static struct cut cut_of(const struct report_part *part, uint64_t unit)
{
	const uint64_t begun = part->offset % unit;
	struct cut cut = {.head = begun == 0 ? 0 : unit - begun};

	if (cut.head > part->size)
		cut.head = part->size;
	cut.tail = (part->size - cut.head) % unit;
	return cut;
}

static void count_numbers(struct report *report, const struct report_part *part,
			  const uint8_t *bytes, struct report_look *look)
{
	const uint32_t tensor = report->tensors_of_items[part->item - report->writer->items];
	struct summary *const summary = &look->summary;
	uint8_t units[2][REPORT_UNIT_MAX];
	uint64_t unit;
	struct cut cut;

	if (!summary_begin(summary, part->item->dtype))
		return;
	unit = unit_of(part->item, &summary->decoder);
	assert(unit <= REPORT_UNIT_MAX);
	cut = cut_of(part, unit);
	summary_add(summary, bytes + cut.head, part->size - cut.head - cut.tail);
	if (cut.head != 0 && join(report, part, part->offset / unit * unit, part->offset % unit,
				  bytes, cut.head, units[0]))
		summary_add(summary, units[0], unit);
	if (cut.tail != 0 && join(report, part, part->offset + part->size - cut.tail, 0,
				  bytes + part->size - cut.tail, cut.tail, units[1]))
		summary_add(summary, units[1], unit);
	add_summary(report, tensor, summary);
}

/* ------------------------------------------------------------------------------------ comparing */

void report_judge(struct report *report, uint32_t tensor, enum cairn_saved_comparison comparison)
{
	uint8_t *const judgement = &report->tensors[tensor].comparison;

	mutex_lock(&report->mutex);
	if (*judgement == CAIRN_SAVED_SAME ||
	    (*judgement == CAIRN_SAVED_UNKNOWN && comparison == CAIRN_SAVED_CHANGED))
		*judgement = (uint8_t)comparison;
	mutex_unlock(&report->mutex);
}

/* An item has to be compared by its bytes, and nothing that was seen of its tensor differs. */
static bool is_open(struct report *report, uint64_t item)
{
	const uint32_t tensor = report->tensors_of_items[item];
	bool changed;

	if (report->slices_of_items[item]->method != REPORT_BYTES)
		return false;
	mutex_lock(&report->mutex);
	changed = report->tensors[tensor].comparison == CAIRN_SAVED_CHANGED;
	mutex_unlock(&report->mutex);
	return !changed;
}

/* Where a piece lies in its tensor. */
struct box_in_tensor {
	uint64_t starts[CAIRN_RANK_MAX];
	uint64_t lengths[CAIRN_RANK_MAX];
};

static void place_box(const struct report_part *part, struct box_in_tensor *place)
{
	const struct item *const item = part->item;

	for (uint32_t d = 0; d < item->rank; d++) {
		place->starts[d] = item->ranges == NULL ? 0 : item->ranges[2 * (size_t)d];
		place->lengths[d] = item->ranges == NULL ? CAIRN_FULL
							 : item->ranges[2 * (size_t)d + 1];
		if (part->box != NULL) {
			place->starts[d] += part->box[d];
			place->lengths[d] = part->box[item->rank + d];
		}
	}
}

/* The same part in the previous checkpoint. */
struct counterpart {
	struct cairn_tensor tensor;
	struct tensor_record holder;
	struct region region;
};

static enum cairn_status find_counterpart(const struct report *report,
					  const struct report_part *part,
					  struct counterpart *counterpart)
{
	const struct cairn_writer *const writer = report->writer;
	const uint32_t tensor = report->tensors_of_items[part->item - writer->items];
	struct box_in_tensor place;
	enum cairn_status status;

	place_box(part, &place);
	status = cairn_reader_find_string(report->previous, writer->input.tensors[tensor].name,
					  &counterpart->tensor, NULL);
	if (status == CAIRN_OK)
		status = tensor_holder(&counterpart->tensor, &counterpart->holder, NULL);
	if (status != CAIRN_OK)
		return status;
	if (counterpart->tensor.rank != part->item->rank)
		return CAIRN_CORRUPT; /* its file has changed since it was looked at: as below */
	status = region_resolve(&counterpart->tensor, &counterpart->holder, place.starts,
				place.lengths, &counterpart->region, NULL);
	if (status != CAIRN_OK)
		return status;
	return range_within(part->offset, part->size, counterpart->region.size) ? CAIRN_OK
										: CAIRN_CORRUPT;
}

/* Reads up to what differs first. */
static enum cairn_saved_comparison compare_bytes(const struct report *report,
						 const struct report_part *part,
						 const uint8_t *bytes, uint8_t *buffer)
{
	struct counterpart other;
	enum cairn_status status = find_counterpart(report, part, &other);

	for (uint64_t done = 0; done < part->size; done += REPORT_PIECE_SIZE) {
		const uint64_t left = part->size - done;
		const uint64_t size = left < REPORT_PIECE_SIZE ? left : REPORT_PIECE_SIZE;

		if (status == CAIRN_OK)
			status = gather(&other.tensor, &other.holder, &other.region,
					part->offset + done, size, buffer, NULL);
		if (status != CAIRN_OK)
			return CAIRN_SAVED_UNKNOWN;
		if (memcmp(bytes + done, buffer, size) != 0)
			return CAIRN_SAVED_CHANGED;
	}
	return CAIRN_SAVED_SAME;
}

/* ------------------------------------------------------------------------------------ all of it */

void report_look(struct report *report, const struct report_part *part, const uint8_t *bytes)
{
	struct report_look *look;
	uint64_t number;

	if (report == NULL || part->item->name_space != NAME_SPACE_TENSOR)
		return;
	number = (uint64_t)(part->item - report->writer->items);
	look = take_look(report);
	if (report->numbers != NULL)
		count_numbers(report, part, bytes, look);
	if (is_open(report, number))
		report_judge(report, report->tensors_of_items[number],
			     compare_bytes(report, part, bytes, look->bytes));
	give_back(report, look);
}

/* They are encoded in memory anyway, one tensor after the other. */
void report_look_at_strings(struct report *report, const struct item *item)
{
	const uint64_t half = REPORT_PIECE_SIZE / 2;
	struct stored_scratch scratch = {0};
	struct report_part part = {.item = item, .piece = item};
	struct report_look *look;
	uint64_t number;

	if (report == NULL)
		return;
	number = (uint64_t)(item - report->writer->items);
	look = take_look(report);
	while (part.offset < item->size && is_open(report, number)) {
		const uint64_t left = item->size - part.offset;

		part.size = left < half ? left : half;
		report_judge(report, report->tensors_of_items[number],
			     item_read(item, part.offset, part.size, look->bytes + half, &scratch,
				       NULL) == CAIRN_OK
				     ? compare_bytes(report, &part, look->bytes + half, look->bytes)
				     : CAIRN_SAVED_UNKNOWN);
		part.offset += part.size;
	}
	stored_scratch_release(report->writer->system, &scratch);
	give_back(report, look);
}
