/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elements as text and back.
 *
 * Whatever is written is parsed again at once, and replaced by its bits unless it gives them back:
 * that a text stands for its element is not left to reasoning about roundings.
 */
#include "format/element_text.h"

#include <math.h>
#include <stdio.h>

#include "format/decimal.h"

enum {
	HALF_BITS_MAX = 0x7fff, /* of 16 bits all but the sign */
	FLOAT_DIGITS = 9        /* enough for every float */
};

static bool is_whole(enum cairn_dtype dtype)
{
	return dtype <= CAIRN_I64 || (dtype >= CAIRN_I4_BYTE && dtype <= CAIRN_QINT32);
}

bool element_text_begin(struct element_text *text, enum cairn_dtype dtype)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(dtype);

	if (info == NULL || info->block_elements != 1 ||
	    !element_decoder_begin(&text->decoder, dtype))
		return false;
	memset(text->word_sizes, 0, sizeof(text->word_sizes));
	text->part_size = info->block_bytes / text->decoder.parts;
	text->is_whole = is_whole(dtype);
	text->is_signed = !text->is_whole || (dtype >= CAIRN_I8 && dtype <= CAIRN_I64) ||
			  dtype == CAIRN_QINT32;
	return true;
}

/* ---------------------------------------------------------------------------------------- parts */

static uint64_t load_part(uint32_t size, const uint8_t *bytes)
{
	uint64_t bits = 0;

	memcpy(&bits, bytes, size);
	return bits;
}

static void store_part(uint32_t size, uint64_t bits, uint8_t *bytes)
{
	memcpy(bytes, &bits, size);
}

static double decode(const struct element_text *text, const uint8_t *bytes)
{
	double value = 0;

	element_to_f64(&text->decoder, bytes, 0, 1, &value);
	return value;
}

/* Which of two candidates is nearer to a value between them; of a tie the even one. */
static uint64_t nearer(double value, uint64_t low, double low_value, uint64_t high,
		       double high_value)
{
	const double below = fabs(value - low_value);
	const double above = fabs(high_value - value);

	if (below == above)
		return low % 2 == 0 ? low : high;
	return below < above ? low : high;
}

/* ---- of a byte: all codes are looked at */

static bool same_value(double a, double b)
{
	return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b));
}

static bool encode_8(const struct element_text *text, double value, uint8_t *bytes)
{
	const float *const table = text->decoder.table;
	uint32_t best = ELEMENT_CODES;
	double least = 0;
	double greatest = 0;

	for (uint32_t code = 0; code < ELEMENT_CODES; code++) {
		const double found = (double)table[code];

		if (same_value(found, value)) {
			*bytes = (uint8_t)code;
			return true;
		}
		if (!isfinite(found))
			continue;
		least = found < least ? found : least;
		greatest = found > greatest ? found : greatest;
		if (best == ELEMENT_CODES ||
		    fabs(found - value) < fabs((double)table[best] - value) ||
		    (fabs(found - value) == fabs((double)table[best] - value) && code % 2 == 0))
			best = code;
	}
	if (text->is_whole || !(value >= least && value <= greatest))
		return false;
	*bytes = (uint8_t)best;
	return true;
}

/* ---- of two bytes: the magnitudes of their codes ascend */

static double half_value(const struct element_text *text, uint64_t bits)
{
	uint8_t bytes[2];

	store_u16(bytes, (uint16_t)bits);
	return (double)(text->decoder.dtype == CAIRN_BF16 ? element_bf16(bytes)
							  : element_f16(bytes));
}

static bool encode_16(const struct element_text *text, double value, uint8_t *bytes)
{
	const uint64_t sign = signbit(value) ? 0x8000 : 0;
	const uint64_t infinity = text->decoder.dtype == CAIRN_BF16 ? 0x7f80 : 0x7c00;
	const double magnitude = fabs(value);
	uint64_t low = 0;
	uint64_t high = infinity;

	if (isnan(value)) {
		store_u16(bytes, text->decoder.dtype == CAIRN_BF16 ? 0x7fc0 : 0x7e00);
		return true;
	}
	if (!isinf(value) && magnitude > half_value(text, infinity - 1))
		return false;
	while (high - low > 1) {
		const uint64_t middle = low + (high - low) / 2;

		if (half_value(text, middle) <= magnitude)
			low = middle;
		else
			high = middle;
	}
	if (isinf(value))
		low = infinity;
	else if (high < infinity)
		low = nearer(magnitude, low, half_value(text, low), high, half_value(text, high));
	store_u16(bytes, (uint16_t)(low | sign));
	return true;
}

/* ---- of four and eight */

static bool encode_float(const struct element_text *text, double value, uint8_t *bytes)
{
	const float narrow = (float)value;

	switch (text->part_size) {
	case 1:
		return encode_8(text, value, bytes);
	case 2:
		return encode_16(text, value, bytes);
	case 4:
		if (isnan(value))
			store_u32(bytes, 0x7fc00000);
		else
			memcpy(bytes, &narrow, sizeof(narrow));
		return isinf(narrow) == isinf(value);
	default:
		if (isnan(value))
			store_u64(bytes, (uint64_t)0x7ff8 << 48);
		else
			memcpy(bytes, &value, sizeof(value));
		return true;
	}
}

/* ---------------------------------------------------------------------------------------- parse */

static bool parse_digits(const char *in, size_t size, uint32_t base, uint64_t *value)
{
	*value = 0;
	for (size_t i = 0; i < size; i++) {
		const char c = in[i];
		const uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
				       : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
							      : 16;

		if (digit >= base || !checked_multiply(*value, base, value) ||
		    !checked_add(*value, digit, value))
			return false;
	}
	return size != 0;
}

static bool parse_bits(const struct element_text *text, const char *in, size_t size, uint8_t *bytes)
{
	uint64_t bits;

	if (size != 2 * (size_t)text->part_size || !parse_digits(in, size, 16, &bits))
		return false;
	store_part(text->part_size, bits, bytes);
	return true;
}

/* Of more than a byte. */
static bool parse_whole(const struct element_text *text, const char *in, size_t size,
			uint8_t *bytes)
{
	const uint32_t bits = 8 * text->part_size;
	const uint64_t half = (uint64_t)1 << (bits - 1);
	const bool is_negative = size != 0 && in[0] == '-';
	uint64_t value;

	if ((is_negative && !text->is_signed) ||
	    !parse_digits(in + is_negative, size - is_negative, 10, &value))
		return false;
	if (text->is_signed ? value > half - !is_negative : value > half - 1 + half)
		return false;
	store_part(text->part_size, is_negative ? 0 - value : value, bytes);
	return true;
}

static bool is_word(const char *in, size_t size, const char *word)
{
	return size == strlen(word) && memcmp(in, word, size) == 0;
}

static bool parse_float(const struct element_text *text, const char *in, size_t size,
			uint8_t *bytes)
{
	double value;

	if (is_word(in, size, "nan"))
		return encode_float(text, (double)NAN, bytes);
	if (is_word(in, size, "inf"))
		return encode_float(text, (double)INFINITY, bytes);
	if (is_word(in, size, "-inf"))
		return encode_float(text, -(double)INFINITY, bytes);
	return decimal_parse(in, size, &value) && !isinf(value) && encode_float(text, value, bytes);
}

static bool parse_part(const struct element_text *text, const char *in, size_t size, uint8_t *bytes)
{
	if (size > 2 && in[0] == '0' && in[1] == 'x')
		return parse_bits(text, in + 2, size - 2, bytes);
	if (text->is_whole && text->part_size > 1)
		return parse_whole(text, in, size, bytes);
	return parse_float(text, in, size, bytes);
}

bool element_text_parse(const struct element_text *text, const char *in, size_t size,
			uint8_t *bytes)
{
	const char *const comma = text->decoder.parts == 2 ? memchr(in, ',', size) : NULL;
	const size_t first = comma == NULL ? size : (size_t)(comma - in);

	if (text->decoder.parts == 1)
		return parse_part(text, in, size, bytes);
	return comma != NULL && parse_part(text, in, first, bytes) &&
	       parse_part(text, comma + 1, size - first - 1, bytes + text->part_size);
}

/* ---------------------------------------------------------------------------------------- write */

static bool gives_back(const struct element_text *text, const char *in, size_t size,
		       const uint8_t *bytes)
{
	uint8_t found[8];

	return parse_part(text, in, size, found) && memcmp(found, bytes, text->part_size) == 0;
}

static size_t write_whole(const struct element_text *text, const uint8_t *bytes, char *out)
{
	uint64_t bits = load_part(text->part_size, bytes);
	const uint64_t half = (uint64_t)1 << (8 * text->part_size - 1);
	const bool is_negative = text->is_signed && bits >= half;

	if (is_negative)
		bits = half - (bits - half);
	return (size_t)snprintf(out, DECIMAL_SIZE, "%s%llu", is_negative ? "-" : "",
				(unsigned long long)bits);
}

/* The fewest digits, or nothing: a double has other neighbours than the element. */
static size_t write_float(const struct element_text *text, const uint8_t *bytes, char *out)
{
	const double value = decode(text, bytes);
	size_t size;

	if (text->is_whole)
		return (size_t)snprintf(out, DECIMAL_SIZE, "%d", (int)value);
	if (text->part_size == 8)
		return decimal_write(value, out);
	for (int digits = 1; isfinite(value) && digits <= FLOAT_DIGITS; digits++) {
		size = decimal_write_digits(value, digits, out);
		if (gives_back(text, out, size, bytes))
			return size;
	}
	return decimal_write(value, out);
}

static size_t write_part(const struct element_text *text, const uint8_t *bytes, char *out)
{
	char found[DECIMAL_SIZE];
	const size_t size = text->is_whole && text->part_size > 1 ? write_whole(text, bytes, found)
								  : write_float(text, bytes, found);

	if (!gives_back(text, found, size, bytes))
		return (size_t)snprintf(out, DECIMAL_SIZE, "0x%0*llx", (int)(2 * text->part_size),
					(unsigned long long)load_part(text->part_size, bytes));
	memcpy(out, found, size);
	return size;
}

/* There are 256 of them, and perhaps billions of elements. */
static size_t write_byte(struct element_text *text, uint8_t code, char *out)
{
	char word[DECIMAL_SIZE];
	size_t size = text->word_sizes[code];

	if (size != 0) {
		memcpy(out, text->words[code], size);
		return size;
	}
	size = write_part(text, &code, word);
	memcpy(out, word, size);
	if (size <= ELEMENT_WORD_SIZE) {
		memcpy(text->words[code], word, size);
		text->word_sizes[code] = (uint8_t)size;
	}
	return size;
}

size_t element_text_write(struct element_text *text, const uint8_t *bytes,
			  char out[ELEMENT_TEXT_SIZE])
{
	size_t size;

	if (text->part_size == 1)
		return write_byte(text, *bytes, out);
	size = write_part(text, bytes, out);
	if (text->decoder.parts == 2) {
		out[size++] = ',';
		size += write_part(text, bytes + text->part_size, out + size);
	}
	return size;
}
