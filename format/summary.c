/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics over a stream of elements.
 *
 * Most leaves hold finite numbers only, and the sum tells: with a NaN or an infinity among them it
 * is not finite. So each leaf goes through a loop without a condition, and through a careful one
 * only when its sum is bad. The loop is plain C in which each lane is alone, so that compilers make
 * vectors of it without changing any result; it is compiled once more for processors with wider
 * ones.
 */
#include "format/summary.h"

#include <math.h>

#include "format/bytes.h"

/* What a loop over a leaf finds. */
struct leaf {
	double lanes[SUMMARY_LANES];
	double min;
	double max;
	uint64_t zeros;
};

/* ---------------------------------------------------------------------------------------- loops */

/* How the numbers of a leaf lie in memory: all that a loop can read without a detour. */
enum form {
	FORM_F32,
	FORM_BF16,
	FORM_F16,
	FORM_F64
};

/* `form` is constant where this is inlined. */
static inline __attribute__((always_inline)) float narrow_at(const uint8_t *bytes, size_t index,
							     enum form form)
{
	if (form == FORM_BF16)
		return element_bf16(bytes + index * 2);
	if (form == FORM_F16)
		return element_f16(bytes + index * 2);
	return element_f32(bytes + index * sizeof(float));
}

static double number_at(const uint8_t *bytes, size_t index, enum form form)
{
	return form == FORM_F64 ? element_f64(bytes + index * sizeof(double))
				: (double)narrow_at(bytes, index, form);
}

static void take_number(struct leaf *leaf, size_t index, double number)
{
	leaf->lanes[index % SUMMARY_LANES] += number;
	leaf->min = number < leaf->min ? number : leaf->min;
	leaf->max = number > leaf->max ? number : leaf->max;
	leaf->zeros += !(number < 0 || number > 0);
}

/* Whole rows of lanes; returns how many numbers those were. */
static inline __attribute__((always_inline)) size_t take_narrow(const uint8_t *bytes, size_t count,
								enum form form, struct leaf *leaf)
{
	double sums[SUMMARY_LANES] = {0};
	float min[SUMMARY_LANES];
	float max[SUMMARY_LANES];
	uint32_t zeros[SUMMARY_LANES] = {0};
	size_t i;

	for (size_t lane = 0; lane < SUMMARY_LANES; lane++) {
		min[lane] = INFINITY;
		max[lane] = -INFINITY;
	}
	for (i = 0; i + SUMMARY_LANES <= count; i += SUMMARY_LANES) {
		for (size_t lane = 0; lane < SUMMARY_LANES; lane++) {
			const float number = narrow_at(bytes, i + lane, form);

			sums[lane] += (double)number;
			min[lane] = number < min[lane] ? number : min[lane];
			max[lane] = number > max[lane] ? number : max[lane];
			zeros[lane] += number == 0.0F;
		}
	}
	for (size_t lane = 0; lane < SUMMARY_LANES; lane++) {
		leaf->lanes[lane] = sums[lane];
		leaf->min = (double)min[lane] < leaf->min ? (double)min[lane] : leaf->min;
		leaf->max = (double)max[lane] > leaf->max ? (double)max[lane] : leaf->max;
		leaf->zeros += zeros[lane];
	}
	return i;
}

static inline __attribute__((always_inline)) size_t take_f64(const uint8_t *bytes, size_t count,
							     struct leaf *leaf)
{
	double sums[SUMMARY_LANES] = {0};
	double min[SUMMARY_LANES];
	double max[SUMMARY_LANES];
	uint64_t zeros[SUMMARY_LANES] = {0};
	size_t i;

	for (size_t lane = 0; lane < SUMMARY_LANES; lane++) {
		min[lane] = (double)INFINITY;
		max[lane] = -(double)INFINITY;
	}
	for (i = 0; i + SUMMARY_LANES <= count; i += SUMMARY_LANES) {
		for (size_t lane = 0; lane < SUMMARY_LANES; lane++) {
			const double number = element_f64(bytes + (i + lane) * sizeof(double));

			sums[lane] += number;
			min[lane] = number < min[lane] ? number : min[lane];
			max[lane] = number > max[lane] ? number : max[lane];
			zeros[lane] += number == 0.0;
		}
	}
	for (size_t lane = 0; lane < SUMMARY_LANES; lane++) {
		leaf->lanes[lane] = sums[lane];
		leaf->min = min[lane] < leaf->min ? min[lane] : leaf->min;
		leaf->max = max[lane] > leaf->max ? max[lane] : leaf->max;
		leaf->zeros += zeros[lane];
	}
	return i;
}

static inline __attribute__((always_inline)) size_t take_form(const uint8_t *bytes, size_t count,
							      enum form form, struct leaf *leaf)
{
	switch (form) {
	case FORM_BF16:
		return take_narrow(bytes, count, FORM_BF16, leaf);
	case FORM_F16:
		return take_narrow(bytes, count, FORM_F16, leaf);
	case FORM_F64:
		return take_f64(bytes, count, leaf);
	case FORM_F32:
		break;
	}
	return take_narrow(bytes, count, FORM_F32, leaf);
}

static size_t take_plain(const uint8_t *bytes, size_t count, enum form form, struct leaf *leaf)
{
	return take_form(bytes, count, form, leaf);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static size_t take_wide(const uint8_t *bytes, size_t count,
							enum form form, struct leaf *leaf)
{
	return take_form(bytes, count, form, leaf);
}
#endif

static size_t take_rows(const uint8_t *bytes, size_t count, enum form form, struct leaf *leaf)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		return take_wide(bytes, count, form, leaf);
#endif
	return take_plain(bytes, count, form, leaf);
}

/* --------------------------------------------------------------------------------------- leaves */

static double sum_of_lanes(const struct leaf *leaf)
{
	double sums[SUMMARY_LANES];

	memcpy(sums, leaf->lanes, sizeof(sums));
	for (size_t width = SUMMARY_LANES / 2; width != 0; width /= 2) {
		for (size_t i = 0; i < width; i++)
			sums[i] += sums[i + width];
	}
	return sums[0];
}

static struct leaf empty_leaf(void)
{
	return (struct leaf){.min = (double)INFINITY, .max = -(double)INFINITY};
}

/* The same again with an eye on each number: what is not finite is counted, and left out. */
static void take_carefully(struct summary *summary, const uint8_t *bytes, size_t count,
			   enum form form, struct leaf *leaf)
{
	*leaf = empty_leaf();
	for (size_t i = 0; i < count; i++) {
		const double number = number_at(bytes, i, form);

		if (isnan(number))
			summary->nans++;
		else if (isinf(number))
			summary->infinities++;
		else
			take_number(leaf, i, number);
	}
}

/* Sums of as many leaves are added to each other, like carries in a binary counter. */
static void push_sum(struct summary *summary, double sum)
{
	unsigned level = 0;

	for (; (summary->leaves >> level & 1) != 0; level++)
		sum = summary->sums[level] + sum;
	summary->sums[level] = sum;
	summary->leaves++;
}

static void take_leaf(struct summary *summary, const uint8_t *bytes, size_t count, enum form form)
{
	struct leaf leaf = empty_leaf();

	for (size_t i = take_rows(bytes, count, form, &leaf); i < count; i++)
		take_number(&leaf, i, number_at(bytes, i, form));
	if (!isfinite(sum_of_lanes(&leaf)))
		take_carefully(summary, bytes, count, form, &leaf);
	summary->count += count;
	summary->zeros += leaf.zeros;
	summary->min = leaf.min < summary->min ? leaf.min : summary->min;
	summary->max = leaf.max > summary->max ? leaf.max : summary->max;
	push_sum(summary, sum_of_lanes(&leaf));
}

/* Elements as they are stored: those of a leaf, or the last ones. */
static void take_elements(struct summary *summary, const uint8_t *bytes, size_t size)
{
	const struct element_decoder *const decoder = &summary->decoder;
	const size_t count = size * 8 / decoder->bits;

	if (decoder->dtype == CAIRN_F32 || decoder->dtype == CAIRN_C64) {
		take_leaf(summary, bytes, count, FORM_F32);
	} else if (decoder->dtype == CAIRN_BF16) {
		take_leaf(summary, bytes, count, FORM_BF16);
	} else if (decoder->dtype == CAIRN_F16 || decoder->dtype == CAIRN_C32) {
		take_leaf(summary, bytes, count, FORM_F16);
	} else if (decoder->dtype == CAIRN_F64 || decoder->dtype == CAIRN_C128) {
		take_leaf(summary, bytes, count, FORM_F64);
	} else if (decoder->is_narrow) {
		element_to_f32(decoder, bytes, 0, count, summary->numbers.narrow);
		take_leaf(summary, (const uint8_t *)summary->numbers.narrow, count, FORM_F32);
	} else {
		element_to_f64(decoder, bytes, 0, count, summary->numbers.wide);
		take_leaf(summary, (const uint8_t *)summary->numbers.wide, count, FORM_F64);
	}
}

/* ----------------------------------------------------------------------------------- the stream */

bool summary_begin(struct summary *summary, enum cairn_dtype dtype)
{
	if (!element_decoder_begin(&summary->decoder, dtype))
		return false;
	summary->leaf_size = (size_t)SUMMARY_LEAF * summary->decoder.bits / 8;
	summary->count = 0;
	summary->nans = 0;
	summary->infinities = 0;
	summary->zeros = 0;
	summary->min = (double)INFINITY;
	summary->max = -(double)INFINITY;
	summary->leaves = 0;
	summary->held = 0;
	return true;
}

/* Fills up the leaf that has begun; returns how many bytes that took. */
static size_t fill_rest(struct summary *summary, const uint8_t *bytes, size_t size)
{
	const size_t room = summary->leaf_size - summary->held;
	const size_t taken = size < room ? size : room;

	if (taken != 0)
		memcpy(summary->rest + summary->held, bytes, taken);
	summary->held += taken;
	if (summary->held == summary->leaf_size) {
		take_elements(summary, summary->rest, summary->leaf_size);
		summary->held = 0;
	}
	return taken;
}

void summary_add(struct summary *summary, const uint8_t *bytes, size_t size)
{
	size_t at = summary->held == 0 ? 0 : fill_rest(summary, bytes, size);

	for (; size - at >= summary->leaf_size; at += summary->leaf_size)
		take_elements(summary, bytes + at, summary->leaf_size);
	if (at < size)
		fill_rest(summary, bytes + at, size - at);
}

double summary_end(struct summary *summary)
{
	double sum = 0;

	if (summary->held != 0)
		take_elements(summary, summary->rest, summary->held);
	summary->held = 0;
	for (unsigned level = 0; level < 64; level++) {
		if ((summary->leaves >> level & 1) != 0)
			sum = summary->sums[level] + sum;
	}
	return sum;
}
