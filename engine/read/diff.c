/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing two checkpoints.
 *
 * Both indexes are sorted by name: one walk over the two side by side, first through the tensors,
 * then through the metadata. For who wants to see progress a second walk adds up what will have to
 * be read, once there is anything.
 */
#include "engine/read/diff.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "format/error.h"

#define FLAGS_KNOWN ((uint32_t)(CAIRN_DIFF_STATISTICS | CAIRN_DIFF_WITHOUT_METADATA))

struct walk;

/* What is done with one name. A tensor is NULL where a checkpoint does not have it. */
typedef enum cairn_status (*walk_visit)(struct walk *walk, const struct cairn_tensor *a,
					const struct cairn_tensor *b, struct cairn_error *error);

struct walk {
	const struct cairn_reader *readers[2];
	struct cairn_diff_options options;
	struct cairn_diff_report report;
	struct diff_reading reading;
	bool planned; /* the bytes to read are added up */
	bool metadata;
	walk_visit visit;
};

/* -------------------------------------------------------------------------------------- reports */

static struct cairn_diff_counts *counts_of(struct walk *walk)
{
	return walk->metadata ? &walk->report.metadata : &walk->report.tensors;
}

static enum cairn_status report(struct walk *walk, struct cairn_difference *difference,
				struct cairn_error *error)
{
	const struct cairn_diff_options *const options = &walk->options;

	assert(difference->a != NULL || difference->b != NULL);
	difference->is_metadata = walk->metadata;
	difference->name = difference->a != NULL ? difference->a->name : difference->b->name;
	if (options->on_difference == NULL ||
	    options->on_difference(options->difference_context, difference) == 0)
		return CAIRN_OK;
	return error_set(error, CAIRN_CANCELLED, CAIRN_ERROR_NO_OFFSET, "cancelled");
}

static enum cairn_status report_presence(struct walk *walk, const struct cairn_tensor *a,
					 const struct cairn_tensor *b, struct cairn_error *error)
{
	struct cairn_difference difference = {
		.kind = a == NULL ? CAIRN_DIFFERENCE_ADDED : CAIRN_DIFFERENCE_REMOVED,
		.a = a,
		.b = b,
	};

	if (a == NULL)
		counts_of(walk)->added++;
	else
		counts_of(walk)->removed++;
	return report(walk, &difference, error);
}

/* A pair whose bytes cannot be compared is no end of the comparison. */
static enum cairn_status report_unknown(struct walk *walk, const struct diff_pair *pair,
					const struct cairn_error *why, struct cairn_error *error)
{
	struct cairn_difference difference = {
		.kind = CAIRN_DIFFERENCE_UNKNOWN,
		.a = pair->tensors[0],
		.b = pair->tensors[1],
		.message = why->message,
	};

	counts_of(walk)->unknown++;
	return report(walk, &difference, error);
}

static struct cairn_difference_statistics statistics_of(const struct diff_pair *pair,
							const struct diff_result *result)
{
	const struct number_difference *const numbers = &result->numbers;

	return (struct cairn_difference_statistics){
		.compared = numbers->compared,
		.different = numbers->different,
		.first = result->first,
		.nan_count = {numbers->nan_count[0], numbers->nan_count[1]},
		.has_numbers = number_is_known(pair->info->dtype),
		.absolute_max = numbers->absolute_max,
		.relative_max = numbers->relative_max,
	};
}

static enum cairn_status report_data(struct walk *walk, const struct diff_pair *pair,
				     const struct diff_result *result, struct cairn_error *error)
{
	const bool other_elements = result->stored_only[0] != 0 || result->stored_only[1] != 0;
	struct cairn_difference_statistics statistics;
	struct cairn_difference difference = {
		.kind = CAIRN_DIFFERENCE_CHANGED,
		.what = (result->different ? (uint32_t)CAIRN_DIFFERENT_DATA : 0) |
			(other_elements ? (uint32_t)CAIRN_DIFFERENT_PRESENCE : 0),
		.a = pair->tensors[0],
		.b = pair->tensors[1],
		.stored_only = {result->stored_only[0], result->stored_only[1]},
	};

	if (difference.what == 0) {
		counts_of(walk)->same++;
		return CAIRN_OK;
	}
	counts_of(walk)->changed++;
	if (result->different && result->counted && walk->reading.statistics) {
		statistics = statistics_of(pair, result);
		difference.statistics = &statistics;
	}
	return report(walk, &difference, error);
}

/* ---------------------------------------------------------------------------------------- pairs */

static uint32_t compare_types(const struct cairn_tensor *a, const struct cairn_tensor *b)
{
	uint32_t what = 0;

	if (a->dtype != b->dtype || a->block_elements != b->block_elements ||
	    a->block_bytes != b->block_bytes)
		what |= CAIRN_DIFFERENT_DTYPE;
	if (a->rank != b->rank || memcmp(a->dims, b->dims, a->rank * sizeof(*a->dims)) != 0)
		what |= CAIRN_DIFFERENT_SHAPE;
	return what;
}

static enum cairn_status holder_of(const struct cairn_tensor *tensor, struct tensor_record *holder,
				   struct cairn_error *error)
{
	return reader_error(tensor->reader, tensor_holder(tensor, holder, error), error);
}

static enum cairn_status prepare_pair(const struct walk *walk, const struct cairn_tensor *a,
				      const struct cairn_tensor *b, struct diff_pair *pair,
				      enum diff_method *method, struct cairn_error *error)
{
	enum cairn_status status;

	pair->tensors[0] = a;
	pair->tensors[1] = b;
	pair->info = cairn_dtype_info(a->dtype);
	status = holder_of(a, &pair->holders[0], error);
	if (status == CAIRN_OK)
		status = holder_of(b, &pair->holders[1], error);
	return status == CAIRN_OK ? diff_choose(pair, walk->reading.statistics, method, error)
				  : status;
}

static bool is_read(enum diff_method method)
{
	return method != DIFF_SAME && method != DIFF_DIFFERENT;
}

/* What is read of a pair, at most. */
static uint64_t bytes_to_read(const struct cairn_tensor *a, const struct cairn_tensor *b)
{
	return a->size + b->size; /* both below 2^63 */
}

/* Says that a pair was unknown or is; anything else ends the comparison. */
static bool is_unknown(enum cairn_status status)
{
	return status == CAIRN_UNSUPPORTED || status == CAIRN_LIMIT;
}

static enum cairn_status plan(struct walk *walk, struct cairn_error *error);

static enum cairn_status compare_pair(struct walk *walk, const struct cairn_tensor *a,
				      const struct cairn_tensor *b, struct cairn_error *error)
{
	struct cairn_error found = {.offset = CAIRN_ERROR_NO_OFFSET};
	struct diff_reading *const reading = &walk->reading;
	const uint64_t done = reading->bytes_done;
	struct diff_result result = {0};
	struct diff_pair pair;
	enum diff_method method = DIFF_SAME;
	enum cairn_status status = prepare_pair(walk, a, b, &pair, &method, &found);

	if (status == CAIRN_OK && is_read(method))
		status = plan(walk, &found);
	if (status == CAIRN_OK)
		status = diff_compare(reading, &pair, method, &result, &found);
	if (is_read(method))
		reading->bytes_done = done + bytes_to_read(a, b);
	if (is_unknown(status))
		return report_unknown(walk, &pair, &found, error);
	if (status != CAIRN_OK) {
		if (error != NULL)
			*error = found;
		return status;
	}
	walk->report.compared_by_digest += !is_read(method);
	return report_data(walk, &pair, &result, error);
}

static enum cairn_status compare_name(struct walk *walk, const struct cairn_tensor *a,
				      const struct cairn_tensor *b, struct cairn_error *error)
{
	struct cairn_difference difference = {.kind = CAIRN_DIFFERENCE_CHANGED};

	if (a == NULL || b == NULL)
		return report_presence(walk, a, b, error);
	difference.a = a;
	difference.b = b;
	difference.what = compare_types(a, b);
	if (difference.what == 0)
		return compare_pair(walk, a, b, error);
	counts_of(walk)->changed++;
	return report(walk, &difference, error);
}

/* Adds up what compare_name reads. */
static enum cairn_status plan_name(struct walk *walk, const struct cairn_tensor *a,
				   const struct cairn_tensor *b, struct cairn_error *error)
{
	struct diff_pair pair;
	enum diff_method method = DIFF_SAME;
	enum cairn_status status = CAIRN_OK;

	if (a != NULL && b != NULL && compare_types(a, b) == 0)
		status = prepare_pair(walk, a, b, &pair, &method, error);
	if (status == CAIRN_OK && is_read(method))
		walk->reading.bytes_total += bytes_to_read(a, b);
	return is_unknown(status) ? CAIRN_OK : status;
}

/* ----------------------------------------------------------------------------------------- walk */

/* One checkpoint's place in the walk. */
struct cursor {
	const struct cairn_reader *reader;
	uint64_t number; /* of its record */
	uint64_t end;
	struct cairn_tensor tensor; /* unless at the end */
};

static enum cairn_status load(struct cursor *cursor, struct cairn_error *error)
{
	const struct cairn_reader *const reader = cursor->reader;
	struct tensor_record record;
	enum cairn_status status;

	if (cursor->number == cursor->end)
		return CAIRN_OK;
	status = index_tensor_in_order(&reader->index, cursor->number, &record, error);
	if (status == CAIRN_OK)
		status = reader_describe(reader, cursor->number, &record, &cursor->tensor, error);
	return reader_error(reader, status, error);
}

/* Records of metadata follow those of the tensors. */
static enum cairn_status start(struct cursor *cursor, const struct cairn_reader *reader,
			       bool metadata, struct cairn_error *error)
{
	const uint64_t tensors = reader->index.tensor_count;

	cursor->reader = reader;
	cursor->number = metadata ? tensors : 0;
	cursor->end = metadata ? tensors + reader->index.metadata_count : tensors;
	return load(cursor, error);
}

static enum cairn_status step(struct cursor *cursor, struct cairn_error *error)
{
	cursor->number++;
	return load(cursor, error);
}

/* Which cursor has the name that comes first: below 0 the first, above 0 the second, 0 both. */
static int compare_cursors(const struct cursor *a, const struct cursor *b)
{
	if (a->number == a->end || b->number == b->end)
		return (a->number == a->end) - (b->number == b->end);
	return index_name_compare(a->tensor.name, b->tensor.name);
}

static enum cairn_status visit(struct walk *walk, const struct cairn_tensor *a,
			       const struct cairn_tensor *b, struct cairn_error *error)
{
	const struct cairn_diff_options *const options = &walk->options;
	const struct cairn_string name = a != NULL ? a->name : b->name;

	if (options->select != NULL &&
	    options->select(options->select_context, name, walk->metadata) == 0)
		return CAIRN_OK;
	return walk->visit(walk, a, b, error);
}

static enum cairn_status walk_names(struct walk *walk, bool metadata, struct cairn_error *error)
{
	struct cursor a = {.reader = NULL};
	struct cursor b = {.reader = NULL};
	enum cairn_status status = start(&a, walk->readers[0], metadata, error);

	walk->metadata = metadata;
	if (status == CAIRN_OK)
		status = start(&b, walk->readers[1], metadata, error);
	while (status == CAIRN_OK && (a.number != a.end || b.number != b.end)) {
		const int order = compare_cursors(&a, &b);

		status = visit(walk, order <= 0 ? &a.tensor : NULL, order >= 0 ? &b.tensor : NULL,
			       error);
		if (status == CAIRN_OK && order <= 0)
			status = step(&a, error);
		if (status == CAIRN_OK && order >= 0)
			status = step(&b, error);
	}
	return status;
}

static enum cairn_status walk_all(struct walk *walk, walk_visit visit_name,
				  struct cairn_error *error)
{
	enum cairn_status status;

	walk->visit = visit_name;
	status = walk_names(walk, false, error);
	if (status == CAIRN_OK && (walk->options.flags & CAIRN_DIFF_WITHOUT_METADATA) == 0)
		status = walk_names(walk, true, error);
	return status;
}

static enum cairn_status plan(struct walk *walk, struct cairn_error *error)
{
	struct walk other = *walk;
	enum cairn_status status;

	if (walk->planned || walk->options.progress == NULL)
		return CAIRN_OK;
	status = walk_all(&other, plan_name, error);
	walk->reading.bytes_total = other.reading.bytes_total;
	walk->planned = true;
	return status;
}

/* --------------------------------------------------------------------------------------- public */

static enum cairn_status take_options(const struct cairn_diff_options *given,
				      struct cairn_diff_options *options, struct cairn_error *error)
{
	*options = given == NULL ? (struct cairn_diff_options){0} : *given;
	if ((options->size != 0 && options->size < sizeof(*options)) ||
	    (options->flags & ~FLAGS_KNOWN) != 0)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "unknown diff options");
	return CAIRN_OK;
}

static bool nothing_but_same(const struct cairn_diff_counts *counts)
{
	return counts->added == 0 && counts->removed == 0 && counts->changed == 0 &&
	       counts->unknown == 0;
}

enum cairn_status cairn_diff(const struct cairn_reader *a, const struct cairn_reader *b,
			     const struct cairn_diff_options *options,
			     struct cairn_diff_report *result, struct cairn_error *error)
{
	struct walk walk = {.readers = {a, b}, .reading = {.system = a->system}};
	enum cairn_status status = take_options(options, &walk.options, error);

	if (status != CAIRN_OK)
		return status;
	walk.reading.statistics = (walk.options.flags & CAIRN_DIFF_STATISTICS) != 0;
	walk.reading.progress = walk.options.progress;
	walk.reading.progress_context = walk.options.progress_context;
	status = walk_all(&walk, compare_name, error);
	diff_reading_release(&walk.reading);
	if (status != CAIRN_OK)
		return status;
	walk.report.bytes_read = walk.reading.bytes_read;
	walk.report.equal = nothing_but_same(&walk.report.tensors) &&
			    nothing_but_same(&walk.report.metadata);
	if (result != NULL)
		*result = walk.report;
	return CAIRN_OK;
}
