/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A buffer in front of whoever takes the text. The first failure is kept and returned by flush, so
 * that single words can be put without looking.
 */
#include "engine/convert/text_output.h"

#include <string.h>

#include "format/error.h"
#include "format/text_quote.h"

/* Bytes that are quoted at a time. */
#define QUOTE_PIECE ((size_t)4096)

static void hand_over(struct text_output *output)
{
	if (output->used != 0 && output->status == CAIRN_OK)
		output->status = output->consume(output->context, output->buffer, output->used);
	output->used = 0;
}

void text_output_bytes(struct text_output *output, const char *bytes, size_t size)
{
	output->column += size;
	while (size != 0) {
		const size_t room = TEXT_OUTPUT_SIZE - output->used;
		const size_t step = size < room ? size : room;

		memcpy(output->buffer + output->used, bytes, step);
		output->used += step;
		bytes += step;
		size -= step;
		if (output->used == TEXT_OUTPUT_SIZE)
			hand_over(output);
	}
}

void text_output_string(struct text_output *output, const char *string)
{
	text_output_bytes(output, string, strlen(string));
}

void text_output_quoted(struct text_output *output, const char *bytes, size_t size)
{
	char quoted[QUOTE_PIECE * TEXT_QUOTE_GROWTH];
	size_t piece;

	text_output_string(output, "\"");
	for (size_t at = 0; at < size; at += piece) {
		piece = text_quote_piece(bytes + at, size - at, QUOTE_PIECE);
		text_output_bytes(output, quoted, text_quote(bytes + at, piece, quoted));
	}
	text_output_string(output, "\"");
}

void text_output_line_end(struct text_output *output)
{
	text_output_string(output, "\n");
	output->column = 0;
}

enum cairn_status text_output_flush(struct text_output *output, struct cairn_error *error)
{
	hand_over(output);
	if (output->status == CAIRN_OK)
		return CAIRN_OK;
	return error_set(error, output->status, CAIRN_ERROR_NO_OFFSET,
			 "the text could not be handed over");
}
