/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What elements stand for as numbers: the one place that knows how each type is encoded.
 *
 * A decoder is made once for many elements: of types of at most a byte it holds a table of all
 * values. Nothing depends on alignment.
 */
#ifndef CAIRN_FORMAT_ELEMENT_H
#define CAIRN_FORMAT_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cairn/dtype.h>

#include "format/bytes.h"

/* Values that a code of at most 8 bits can have. */
#define ELEMENT_CODES 256

/* Value; borrows nothing. */
struct element_decoder {
	enum cairn_dtype dtype;
	uint32_t parts;    /* numbers in an element: 2 of complex types */
	uint32_t bits;     /* of a number as it is stored */
	uint32_t encoding; /* of more than 8 bits: element.c's */
	bool is_narrow;    /* every value is a float exactly: element_to_f32 may be used */
	bool has_table;    /* of a type of at most 8 bits */
	float table[ELEMENT_CODES];
};

/* False for types whose elements are no numbers: opaque blocks, strings, unknown types. */
bool element_decoder_begin(struct element_decoder *decoder, enum cairn_dtype dtype);

/*
 * Decodes numbers [first, first + count) of the elements that begin at `bytes`: of complex types
 * the real and the imaginary parts count one by one. Exact, but for 64-bit integers, which become
 * the nearest double.
 */
void element_to_f64(const struct element_decoder *decoder, const uint8_t *bytes, uint64_t first,
		    size_t count, double *numbers);

/* The same for narrow types. */
void element_to_f32(const struct element_decoder *decoder, const uint8_t *bytes, uint64_t first,
		    size_t count, float *numbers);

/* ----------------------------------------------------------------- for loops over many elements */

static inline float element_f32(const uint8_t *bytes)
{
	float value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline double element_f64(const uint8_t *bytes)
{
	double value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint64_t element_bits_f64(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static inline float element_f32_from_bits(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static inline float element_bf16(const uint8_t *bytes)
{
	return element_f32_from_bits((uint32_t)load_u16(bytes) << 16);
}

/*
 * Half to single precision: the mantissa moves up by 13 bits and the exponent by 112. Two cases
 * need more: the largest exponent becomes the largest there, and a subnormal, which has no leading
 * one, is read with one that is then taken away. No operand on the way is subnormal, so that a
 * processor that was told to flush those gives the same result; and there is no branch, so that a
 * compiler can make vectors of it.
 */
static inline float element_f16(const uint8_t *bytes)
{
	const uint32_t half = load_u16(bytes);
	const uint32_t shifted = (half & 0x7fff) << 13;
	const uint32_t exponent = shifted & 0x0f800000;
	const uint32_t is_subnormal = 0u - ((exponent - 1) >> 31); /* all bits, or none */
	const uint32_t is_special = (exponent + (1u << 23)) >> 28; /* 1 or 0 */
	const uint32_t normal = shifted + (112u << 23) * (1 + is_special);
	const float lifted = element_f32_from_bits(normal + (1u << 23)) - 0x1p-14F;
	uint32_t bits;

	memcpy(&bits, &lifted, sizeof(bits));
	bits = (bits & is_subnormal) | (normal & ~is_subnormal);
	return element_f32_from_bits(bits | (half & 0x8000) << 16);
}

#endif
