/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What elements stand for as numbers.
 *
 * Small floats differ in three things: how many bits exponent and mantissa have, the bias, and
 * which codes are no finite numbers. Their values come from that description alone, by exact
 * arithmetic; half precision, of which there may be billions, has a way of its own. A test compares
 * every code with a table from another implementation.
 */
#include "format/element.h"

#include <math.h>

#include "format/bytes.h"

/* Which codes are no finite numbers. */
enum specials {
	SPECIALS_NONE,         /* every code is a number */
	SPECIALS_IEEE,         /* the largest exponent: infinities and NaN */
	SPECIALS_ALL_ONES,     /* NaN where all bits but the sign are set (e4m3fn) */
	SPECIALS_NEGATIVE_ZERO /* NaN in place of -0 (fnuz) */
};

/* A float of at most 8 bits. */
struct small_float {
	enum cairn_dtype dtype;
	uint8_t exponent_bits;
	uint8_t mantissa_bits;
	uint8_t bias;
	uint8_t specials; /* enum specials */
};

static const struct small_float small_floats[] = {
	{CAIRN_F8_E4M3FN, 4, 3, 7, SPECIALS_ALL_ONES},
	{CAIRN_F8_E5M2, 5, 2, 15, SPECIALS_IEEE},
	{CAIRN_F8_E4M3FNUZ, 4, 3, 8, SPECIALS_NEGATIVE_ZERO},
	{CAIRN_F8_E5M2FNUZ, 5, 2, 16, SPECIALS_NEGATIVE_ZERO},
	{CAIRN_F8_E4M3B11FNUZ, 4, 3, 11, SPECIALS_NEGATIVE_ZERO},
	{CAIRN_F4_E2M1, 2, 1, 1, SPECIALS_NONE},
	{CAIRN_F6_E2M3, 2, 3, 1, SPECIALS_NONE},
	{CAIRN_F6_E3M2, 3, 2, 3, SPECIALS_NONE},
	{CAIRN_F4_E2M1_BYTE, 2, 1, 1, SPECIALS_NONE},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a type is made of; `kind` decides how `bits` are read. */
enum encoding {
	ENCODING_UNSIGNED,
	ENCODING_SIGNED,
	ENCODING_FLOAT,
	ENCODING_BOOL
};

struct layout {
	enum cairn_dtype dtype;
	uint8_t parts;
	uint8_t bits; /* of a number */
	uint8_t encoding;
};

static const struct layout layouts[] = {
	{CAIRN_BOOL, 1, 8, ENCODING_BOOL},
	{CAIRN_U8, 1, 8, ENCODING_UNSIGNED},
	{CAIRN_U16, 1, 16, ENCODING_UNSIGNED},
	{CAIRN_U32, 1, 32, ENCODING_UNSIGNED},
	{CAIRN_U64, 1, 64, ENCODING_UNSIGNED},
	{CAIRN_I8, 1, 8, ENCODING_SIGNED},
	{CAIRN_I16, 1, 16, ENCODING_SIGNED},
	{CAIRN_I32, 1, 32, ENCODING_SIGNED},
	{CAIRN_I64, 1, 64, ENCODING_SIGNED},
	{CAIRN_F16, 1, 16, ENCODING_FLOAT},
	{CAIRN_BF16, 1, 16, ENCODING_FLOAT},
	{CAIRN_F32, 1, 32, ENCODING_FLOAT},
	{CAIRN_F64, 1, 64, ENCODING_FLOAT},
	{CAIRN_C32, 2, 16, ENCODING_FLOAT},
	{CAIRN_C64, 2, 32, ENCODING_FLOAT},
	{CAIRN_C128, 2, 64, ENCODING_FLOAT},
	{CAIRN_F8_E4M3FN, 1, 8, ENCODING_FLOAT},
	{CAIRN_F8_E5M2, 1, 8, ENCODING_FLOAT},
	{CAIRN_F8_E4M3FNUZ, 1, 8, ENCODING_FLOAT},
	{CAIRN_F8_E5M2FNUZ, 1, 8, ENCODING_FLOAT},
	{CAIRN_F8_E4M3B11FNUZ, 1, 8, ENCODING_FLOAT},
	{CAIRN_F8_E8M0, 1, 8, ENCODING_FLOAT},
	{CAIRN_F4_E2M1, 1, 4, ENCODING_FLOAT},
	{CAIRN_F6_E2M3, 1, 6, ENCODING_FLOAT},
	{CAIRN_F6_E3M2, 1, 6, ENCODING_FLOAT},
	/* a byte for each: the upper bits are zero, and are not looked at */
	{CAIRN_F4_E2M1_BYTE, 1, 8, ENCODING_FLOAT},
	{CAIRN_I4_BYTE, 1, 8, ENCODING_SIGNED},
	{CAIRN_U4_BYTE, 1, 8, ENCODING_UNSIGNED},
	{CAIRN_I2_BYTE, 1, 8, ENCODING_SIGNED},
	{CAIRN_U2_BYTE, 1, 8, ENCODING_UNSIGNED},
	{CAIRN_QINT8, 1, 8, ENCODING_SIGNED},
	{CAIRN_QUINT8, 1, 8, ENCODING_UNSIGNED},
	{CAIRN_QINT16, 1, 16, ENCODING_SIGNED},
	{CAIRN_QUINT16, 1, 16, ENCODING_UNSIGNED},
	{CAIRN_QINT32, 1, 32, ENCODING_SIGNED},
};

static const struct layout *layout_of(enum cairn_dtype dtype)
{
	for (size_t i = 0; i < COUNT(layouts); i++) {
		if (layouts[i].dtype == dtype)
			return &layouts[i];
	}
	return NULL;
}

/* --------------------------------------------------------------------------------- small values */

static bool is_special(const struct small_float *format, uint32_t exponent, uint32_t mantissa,
		       uint32_t code)
{
	const uint32_t exponent_max = (1u << format->exponent_bits) - 1;
	const uint32_t mantissa_max = (1u << format->mantissa_bits) - 1;

	switch ((enum specials)format->specials) {
	case SPECIALS_IEEE:
		return exponent == exponent_max;
	case SPECIALS_ALL_ONES:
		return exponent == exponent_max && mantissa == mantissa_max;
	case SPECIALS_NEGATIVE_ZERO:
		return code == 1u << (format->exponent_bits + format->mantissa_bits);
	case SPECIALS_NONE:
		break;
	}
	return false;
}

static float small_float_value(const struct small_float *format, uint32_t code)
{
	const int mantissa_bits = format->mantissa_bits;
	const uint32_t mantissa = code & ((1u << mantissa_bits) - 1);
	const uint32_t exponent = code >> mantissa_bits & ((1u << format->exponent_bits) - 1);
	const float sign = code >> (mantissa_bits + format->exponent_bits) & 1 ? -1.0F : 1.0F;

	if (is_special(format, exponent, mantissa, code))
		return format->specials == SPECIALS_IEEE && mantissa == 0 ? sign * INFINITY : NAN;
	if (exponent == 0)
		return sign * ldexpf((float)mantissa, 1 - format->bias - mantissa_bits);
	return sign * ldexpf((float)(mantissa + (1u << mantissa_bits)),
			     (int)exponent - format->bias - mantissa_bits);
}

/* Two's complement in the low `bits` of the code. */
static float small_signed(uint32_t code, unsigned bits)
{
	const uint32_t sign = 1u << (bits - 1);

	return (float)(int32_t)(code & (sign - 1)) - (float)(code & sign);
}

static float small_value(enum cairn_dtype dtype, uint32_t code)
{
	for (size_t i = 0; i < COUNT(small_floats); i++) {
		if (small_floats[i].dtype == dtype)
			return small_float_value(&small_floats[i], code);
	}
	if (dtype == CAIRN_F8_E8M0) /* an exponent and nothing else */
		return code == 255 ? NAN : ldexpf(1, (int)code - 127);
	if (dtype == CAIRN_BOOL)
		return code == 0 ? 0.0F : 1.0F;
	if (dtype == CAIRN_I8 || dtype == CAIRN_QINT8)
		return small_signed(code, 8);
	if (dtype == CAIRN_I4_BYTE)
		return small_signed(code, 4);
	if (dtype == CAIRN_I2_BYTE)
		return small_signed(code, 2);
	if (dtype == CAIRN_U4_BYTE)
		return (float)(code & 15);
	if (dtype == CAIRN_U2_BYTE)
		return (float)(code & 3);
	return (float)code;
}

bool element_decoder_begin(struct element_decoder *decoder, enum cairn_dtype dtype)
{
	const struct layout *const layout = layout_of(dtype);

	if (layout == NULL)
		return false;
	decoder->dtype = dtype;
	decoder->parts = layout->parts;
	decoder->bits = layout->bits;
	decoder->has_table = layout->bits <= 8;
	decoder->is_narrow = layout->bits <= 16 ||
			     (layout->bits == 32 && layout->encoding == ENCODING_FLOAT);
	decoder->encoding = layout->encoding;
	for (uint32_t code = 0; decoder->has_table && code < ELEMENT_CODES; code++)
		decoder->table[code] = small_value(dtype, code);
	return true;
}

/* ------------------------------------------------------------------------------------ in number */

/* The code of number `index` of a packed type, lowest bits first. */
static uint32_t packed_code(const uint8_t *bytes, uint64_t index, uint32_t bits)
{
	if (bits == 4)
		return bytes[index / 2] >> (index % 2 * 4) & 15;
	/* six bits: four in three bytes */
	const uint8_t *const block = bytes + index / 4 * 3;
	const uint32_t word = block[0] | (uint32_t)block[1] << 8 | (uint32_t)block[2] << 16;

	return word >> (index % 4 * 6) & 63;
}

static void decode_small(const struct element_decoder *decoder, const uint8_t *bytes,
			 uint64_t first, size_t count, float *numbers)
{
	if (decoder->bits == 8) {
		for (size_t i = 0; i < count; i++)
			numbers[i] = decoder->table[bytes[first + i]];
		return;
	}
	for (size_t i = 0; i < count; i++)
		numbers[i] = decoder->table[packed_code(bytes, first + i, decoder->bits)];
}

static void decode_16_bits(const struct element_decoder *decoder, const uint8_t *bytes,
			   size_t count, float *numbers)
{
	if (decoder->encoding != ENCODING_FLOAT) {
		for (size_t i = 0; i < count; i++)
			numbers[i] = decoder->encoding == ENCODING_SIGNED
					     ? (float)(int16_t)load_u16(bytes + 2 * i)
					     : (float)load_u16(bytes + 2 * i);
	} else if (decoder->dtype == CAIRN_BF16) {
		for (size_t i = 0; i < count; i++)
			numbers[i] = element_bf16(bytes + 2 * i);
	} else {
		for (size_t i = 0; i < count; i++)
			numbers[i] = element_f16(bytes + 2 * i);
	}
}

void element_to_f32(const struct element_decoder *decoder, const uint8_t *bytes, uint64_t first,
		    size_t count, float *numbers)
{
	if (decoder->has_table)
		decode_small(decoder, bytes, first, count, numbers);
	else if (decoder->bits == 16)
		decode_16_bits(decoder, bytes + 2 * first, count, numbers);
	else if (count != 0)
		memcpy(numbers, bytes + 4 * first, count * sizeof(*numbers));
}

static void decode_32_bits(const struct element_decoder *decoder, const uint8_t *bytes,
			   size_t count, double *numbers)
{
	for (size_t i = 0; i < count; i++)
		numbers[i] = decoder->encoding == ENCODING_SIGNED
				     ? (double)(int32_t)load_u32(bytes + 4 * i)
				     : (double)load_u32(bytes + 4 * i);
}

static void decode_64_bits(const struct element_decoder *decoder, const uint8_t *bytes,
			   size_t count, double *numbers)
{
	for (size_t i = 0; i < count; i++) {
		const uint64_t bits = load_u64(bytes + 8 * i);

		numbers[i] = decoder->encoding == ENCODING_FLOAT    ? element_f64(bytes + 8 * i)
			     : decoder->encoding == ENCODING_SIGNED ? (double)(int64_t)bits
								    : (double)bits;
	}
}

/* Narrow numbers on their way to doubles. */
#define PIECE ((size_t)256)

static void decode_narrow(const struct element_decoder *decoder, const uint8_t *bytes,
			  uint64_t first, size_t count, double *numbers)
{
	float piece[PIECE];

	for (size_t done = 0; done < count;) {
		const size_t size = count - done < PIECE ? count - done : PIECE;

		element_to_f32(decoder, bytes, first + done, size, piece);
		for (size_t i = 0; i < size; i++)
			numbers[done + i] = (double)piece[i];
		done += size;
	}
}

void element_to_f64(const struct element_decoder *decoder, const uint8_t *bytes, uint64_t first,
		    size_t count, double *numbers)
{
	if (decoder->is_narrow)
		decode_narrow(decoder, bytes, first, count, numbers);
	else if (decoder->bits == 32)
		decode_32_bits(decoder, bytes + 4 * first, count, numbers);
	else
		decode_64_bits(decoder, bytes + 8 * first, count, numbers);
}

/* --------------------------------------------------------------------------------------- public */

uint32_t cairn_dtype_numbers(enum cairn_dtype dtype)
{
	const struct layout *const layout = layout_of(dtype);

	return layout == NULL ? 0 : layout->parts;
}

uint64_t cairn_dtype_decode(enum cairn_dtype dtype, const void *elements, uint64_t first,
			    size_t count, double *numbers)
{
	struct element_decoder decoder;

	if (!element_decoder_begin(&decoder, dtype))
		return 0;
	element_to_f64(&decoder, elements, first * decoder.parts, count * decoder.parts, numbers);
	return count * decoder.parts;
}
