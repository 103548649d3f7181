/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text on its way out: gathered in a buffer, handed over when it is full.
 */
#ifndef CAIRN_ENGINE_TEXT_OUTPUT_H
#define CAIRN_ENGINE_TEXT_OUTPUT_H

#include <cairn/text.h>

#define TEXT_OUTPUT_SIZE ((size_t)64 << 10)

/* Lines of values are broken at this column. */
#define TEXT_COLUMNS ((size_t)100)

struct text_output {
	cairn_consume consume;
	void *context;
	char *buffer; /* borrowed; TEXT_OUTPUT_SIZE */
	size_t used;
	size_t column;
	enum cairn_status status; /* the first that consume failed with; then nothing is written */
};

void text_output_bytes(struct text_output *output, const char *bytes, size_t size);
void text_output_string(struct text_output *output, const char *string);

/* In quotes, escaped; `bytes` is one piece of text (see text_quote_piece). */
void text_output_quoted(struct text_output *output, const char *bytes, size_t size);

void text_output_line_end(struct text_output *output);

/* Hands over what is left. What consume returned; CAIRN_OK. */
enum cairn_status text_output_flush(struct text_output *output, struct cairn_error *error);

#endif
