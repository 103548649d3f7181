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

#endif
