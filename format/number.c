/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elements as numbers.
 *
 * Every float below 64 bits is exact in a double, and is built from sign, exponent and fraction by
 * one function; what differs between the types is a row of a table. Integers keep their 64 bits,
 * since a double would lose differences between large ones.
 */
#include "format/number.h"

#include <math.h>
#include <string.h>

#include "format/bytes.h"

/* --------------------------------------------------------------------------------------- floats */

enum specials {
	SPECIAL_IEEE,         /* the largest exponent: infinity, NaN */
	SPECIAL_FINITE,       /* all ones is NaN, there is no infinity */
	SPECIAL_UNSIGNED_ZERO /* the negative zero is the only NaN */
};

struct float_layout {
	enum cairn_dtype dtype;
	uint8_t exponent_bits;
	uint8_t fraction_bits;
	uint8_t bias;
	enum specials specials;
};

static const struct float_layout layouts[] = {
	{CAIRN_F16, 5, 10, 15, SPECIAL_IEEE},
	{CAIRN_F8_E4M3FN, 4, 3, 7, SPECIAL_FINITE},
	{CAIRN_F8_E5M2, 5, 2, 15, SPECIAL_IEEE},
	{CAIRN_F8_E4M3FNUZ, 4, 3, 8, SPECIAL_UNSIGNED_ZERO},
	{CAIRN_F8_E5M2FNUZ, 5, 2, 16, SPECIAL_UNSIGNED_ZERO},
	{CAIRN_F8_E4M3B11FNUZ, 4, 3, 11, SPECIAL_UNSIGNED_ZERO},
};

static const struct float_layout *layout_of(enum cairn_dtype dtype)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (layouts[i].dtype == dtype)
			return &layouts[i];
	}
	return NULL;
}

static bool is_nan(const struct float_layout *layout, uint32_t bits, uint32_t exponent,
		   uint32_t fraction)
{
	const uint32_t exponent_ones = (1u << layout->exponent_bits) - 1;
	const uint32_t fraction_ones = (1u << layout->fraction_bits) - 1;

	switch (layout->specials) {
	case SPECIAL_IEEE:
		return exponent == exponent_ones && fraction != 0;
	case SPECIAL_FINITE:
		return exponent == exponent_ones && fraction == fraction_ones;
	case SPECIAL_UNSIGNED_ZERO:
	default:
		return bits == 1u << (layout->exponent_bits + layout->fraction_bits);
	}
}

/* From -1022 to 1023. */
static double power_of_two(int exponent)
{
	const uint64_t bits = (uint64_t)(exponent + 1023) << 52;
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static double decode(const struct float_layout *layout, uint32_t bits)
{
	const uint32_t exponent_ones = (1u << layout->exponent_bits) - 1;
	const uint32_t exponent = bits >> layout->fraction_bits & exponent_ones;
	const uint32_t fraction = bits & ((1u << layout->fraction_bits) - 1);
	const double sign = bits >> (layout->exponent_bits + layout->fraction_bits) ? -1.0 : 1.0;
	const int scale = (int)layout->bias + layout->fraction_bits;

	if (is_nan(layout, bits, exponent, fraction))
		return (double)NAN;
	if (layout->specials == SPECIAL_IEEE && exponent == exponent_ones)
		return sign * (double)INFINITY;
	if (exponent == 0)
		return sign * (double)fraction * power_of_two(1 - scale);
	return sign * (double)(fraction | 1u << layout->fraction_bits) *
	       power_of_two((int)exponent - scale);
}

static double load_f32(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return (double)value;
}

static double load_f64(const uint8_t *bytes)
{
	double value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

bool number_is_float(enum cairn_dtype dtype)
{
	return dtype == CAIRN_F32 || dtype == CAIRN_F64 || dtype == CAIRN_BF16 ||
	       dtype == CAIRN_F8_E8M0 || layout_of(dtype) != NULL;
}

/* `layout` is that of the type, or NULL when it has none. */
static double load_float(enum cairn_dtype dtype, const struct float_layout *layout,
			 const uint8_t *bytes)
{
	if (dtype == CAIRN_F32)
		return load_f32(load_u32(bytes));
	if (dtype == CAIRN_F64)
		return load_f64(bytes);
	if (dtype == CAIRN_BF16)
		return load_f32((uint32_t)load_u16(bytes) << 16);
	if (dtype == CAIRN_F8_E8M0)
		return bytes[0] == 0xff ? (double)NAN : power_of_two((int)bytes[0] - 127);
	if (layout == NULL)
		return (double)NAN;
	return decode(layout, dtype == CAIRN_F16 ? load_u16(bytes) : bytes[0]);
}

double number_load_float(enum cairn_dtype dtype, const uint8_t *bytes)
{
	return load_float(dtype, layout_of(dtype), bytes);
}

/* ------------------------------------------------------------------------------------- integers */

struct integer_layout {
	enum cairn_dtype dtype;
	uint8_t bits; /* that count, from the lowest */
	bool has_sign;
};

static const struct integer_layout integers[] = {
	{CAIRN_U8, 8, false},       {CAIRN_U16, 16, false},   {CAIRN_U32, 32, false},
	{CAIRN_U64, 64, false},     {CAIRN_I8, 8, true},      {CAIRN_I16, 16, true},
	{CAIRN_I32, 32, true},      {CAIRN_I64, 64, true},    {CAIRN_I4_BYTE, 4, true},
	{CAIRN_U4_BYTE, 4, false},  {CAIRN_I2_BYTE, 2, true}, {CAIRN_U2_BYTE, 2, false},
	{CAIRN_QINT8, 8, true},     {CAIRN_QUINT8, 8, false}, {CAIRN_QINT16, 16, true},
	{CAIRN_QUINT16, 16, false}, {CAIRN_QINT32, 32, true},
};

static const struct integer_layout *integer_layout_of(enum cairn_dtype dtype)
{
	for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++) {
		if (integers[i].dtype == dtype)
			return &integers[i];
	}
	return NULL;
}

bool number_is_integer(enum cairn_dtype dtype)
{
	return integer_layout_of(dtype) != NULL;
}

static struct integer load_integer(const struct integer_layout *layout, const uint8_t *bytes)
{
	const unsigned int unused = 64u - layout->bits;
	const size_t size = (layout->bits + 7u) / 8;
	uint64_t value = 0;

	for (size_t i = size; i-- > 0;)
		value = value << 8 | bytes[i];
	value <<= unused; /* the sign, if any, is the highest bit now */
	if (!layout->has_sign || value >> 63 == 0)
		return (struct integer){.magnitude = value >> unused};
	return (struct integer){.magnitude = (~value + 1) >> unused, .negative = true};
}

struct integer number_load_integer(enum cairn_dtype dtype, const uint8_t *bytes)
{
	const struct integer_layout *const layout = integer_layout_of(dtype);

	return layout == NULL ? (struct integer){0} : load_integer(layout, bytes);
}

/* ------------------------------------------------------------------------------------ comparing */

/* Elements that are compared as numbers, if they are any. */
struct comparison {
	enum cairn_dtype dtype;
	bool is_float;
	const struct float_layout *layout;
	const struct integer_layout *integer; /* NULL: no integers */
	struct number_difference *difference;
};

static void take_distance(struct number_difference *difference, double distance, double larger)
{
	const double relative = isinf(distance) ? distance : distance / larger;

	if (distance > difference->absolute_max)
		difference->absolute_max = distance;
	if (larger > 0 && relative > difference->relative_max)
		difference->relative_max = relative;
}

static void compare_floats(const struct comparison *comparison, const uint8_t *a, const uint8_t *b)
{
	struct number_difference *const difference = comparison->difference;
	const double left = load_float(comparison->dtype, comparison->layout, a);
	const double right = load_float(comparison->dtype, comparison->layout, b);
	const double larger = fabs(left) > fabs(right) ? fabs(left) : fabs(right);

	difference->nan_count[0] += isnan(left) != 0;
	difference->nan_count[1] += isnan(right) != 0;
	if (!isnan(left) && !isnan(right))
		take_distance(difference, fabs(left - right), larger);
}

static double integer_distance(struct integer a, struct integer b)
{
	if (a.negative != b.negative)
		return (double)a.magnitude + (double)b.magnitude;
	return (double)(a.magnitude > b.magnitude ? a.magnitude - b.magnitude
						  : b.magnitude - a.magnitude);
}

static void compare_integers(const struct comparison *comparison, const uint8_t *a,
			     const uint8_t *b)
{
	const struct integer left = load_integer(comparison->integer, a);
	const struct integer right = load_integer(comparison->integer, b);
	const uint64_t larger = left.magnitude > right.magnitude ? left.magnitude : right.magnitude;

	take_distance(comparison->difference, integer_distance(left, right), (double)larger);
}

static void compare_run(const struct comparison *comparison, size_t size, const uint8_t *a,
			const uint8_t *b, uint64_t first, uint64_t count)
{
	struct number_difference *const difference = comparison->difference;

	for (uint64_t i = 0; i < count; i++, a += size, b += size) {
		if (memcmp(a, b, size) == 0)
			continue;
		if (difference->different++ == 0)
			difference->first = first + i;
		if (comparison->is_float)
			compare_floats(comparison, a, b);
		else if (comparison->integer != NULL)
			compare_integers(comparison, a, b);
	}
}

/* Blocks that are looked at in one go: most of a tensor is often the same. */
#define RUN 64

void number_compare(const struct cairn_dtype_info *info, const uint8_t *a, const uint8_t *b,
		    uint64_t count, struct number_difference *difference)
{
	const size_t size = info->block_bytes;
	const struct comparison comparison = {
		.dtype = info->dtype,
		.is_float = number_is_float(info->dtype),
		.layout = layout_of(info->dtype),
		.integer = integer_layout_of(info->dtype),
		.difference = difference,
	};

	for (uint64_t done = 0; done < count; done += RUN) {
		const uint64_t run = count - done < RUN ? count - done : RUN;
		const uint8_t *const left = a + done * size;
		const uint8_t *const right = b + done * size;

		if (memcmp(left, right, run * size) != 0)
			compare_run(&comparison, size, left, right, difference->compared + done,
				    run);
	}
	difference->compared += count;
}
