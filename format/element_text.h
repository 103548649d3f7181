/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elements as text that gives the same bits back: whole numbers, the shortest decimal among those
 * that mean this element of its type, "inf", "nan"; of complex numbers both parts, joined by a
 * comma. What has no such text (a NaN with a payload, a bool that is 2) is "0x" and the bits.
 */
#ifndef CAIRN_FORMAT_ELEMENT_TEXT_H
#define CAIRN_FORMAT_ELEMENT_TEXT_H

#include "format/element.h"

/* Room for any element, without a NUL. */
#define ELEMENT_TEXT_SIZE 80

/* Room for a number of a byte. */
#define ELEMENT_WORD_SIZE 24

struct element_text {
	struct element_decoder decoder;
	uint32_t part_size; /* bytes of a number */
	bool is_whole;      /* no fractions */
	bool is_signed;
	/* of types of a byte: what was written before */
	uint8_t word_sizes[ELEMENT_CODES];
	char words[ELEMENT_CODES][ELEMENT_WORD_SIZE];
};

/* False for types that have no such text: blocks of several elements, strings, unknown types. */
bool element_text_begin(struct element_text *text, enum cairn_dtype dtype);

/* Writes the element at `bytes`; returns the number of characters. */
size_t element_text_write(struct element_text *text, const uint8_t *bytes,
			  char out[ELEMENT_TEXT_SIZE]);

/* The other way: a number that is none of the type becomes the nearest, half to even. False for
 * what is out of its range, and for what is no number. */
bool element_text_parse(const struct element_text *text, const char *in, size_t size,
			uint8_t *bytes);

#endif
