/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values decoded, a line at a time: numbers, Base64, strings. Of strings the end offsets come
 * first, so that their lines are gone over twice.
 */
#include "engine/convert/text_values.h"

#include <inttypes.h>
#include <string.h>

#include "format/base64.h"
#include "format/bytes.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/text_quote.h"

/* Bytes that one character of a line becomes at most: "0,0 " is a complex number of 16. */
#define GROWTH    4u
#define ROOM_MORE ((size_t)64)

/* -------------------------------------------------------------------------------------- strings */

/* The next quoted piece of a line, into `bytes`; false at its end. */
static enum cairn_status next_piece(struct cairn_string line, size_t *at, char *bytes, size_t *size,
				    bool *continues, bool *found, struct cairn_error *error)
{
	size_t place;

	while (*at < line.size && line.data[*at] == ' ')
		++*at;
	*found = *at < line.size;
	*continues = *found && line.data[*at] == '+';
	if (!*found)
		return CAIRN_OK;
	for (place = *at + *continues; place < line.size && line.data[place] == ' ';)
		place++;
	*at = place;
	if (text_unquote(line.data, line.size, at, bytes, size) &&
	    (*at == line.size || line.data[*at] == ' '))
		return CAIRN_OK;
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET, "%s is no text in quotes",
			 quote((struct cairn_string){line.data + place, line.size - place}).text);
}

static enum cairn_status continues_nothing(struct cairn_error *error)
{
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "'+' continues a text, and there is none before it");
}

enum cairn_status text_count_strings(struct cairn_string line, char *scratch,
				     struct string_count *count, struct cairn_error *error)
{
	size_t at = 0;
	bool found = true;
	bool continues;

	while (found) {
		size_t size = 0;
		const enum cairn_status status = next_piece(line, &at, scratch, &size, &continues,
							    &found, error);

		if (status != CAIRN_OK)
			return status;
		if (!found)
			break;
		if (continues && !count->is_open)
			return continues_nothing(error);
		count->is_open = true;
		count->elements += !continues;
		count->bytes += size;
	}
	return CAIRN_OK;
}

/* --------------------------------------------------------------------------------------- stream */

void text_stream_close(struct text_stream *stream)
{
	if (stream->lines != NULL && stream->lines->file != NULL)
		system_free(stream->lines->file->system, stream->decoded);
	*stream = (struct text_stream){.lines = NULL};
}

static enum cairn_status make_room(struct text_stream *stream, size_t line_size,
				   struct cairn_error *error)
{
	/* what is decoded, and behind it a text whose length alone counts */
	const size_t room = 2 * (GROWTH * line_size + ROOM_MORE);

	if (room <= stream->room)
		return CAIRN_OK;
	system_free(stream->lines->file->system, stream->decoded);
	stream->room = 0;
	stream->decoded = system_allocate(stream->lines->file->system, room);
	if (stream->decoded == NULL)
		return error_set_memory(error, "a line");
	stream->room = room;
	return CAIRN_OK;
}

static void rewind_lines(struct text_stream *stream)
{
	text_lines_go_to(stream->lines, &stream->values->place);
	stream->lines_left = stream->values->line_count;
	stream->strings = (struct string_count){0};
	stream->used = 0;
	stream->held = 0;
}

static void begin(struct text_stream *stream, const struct text_values *values)
{
	stream->values = values;
	stream->done = 0;
	stream->in_table = values->table_size != 0;
	if (values->encoding == TEXT_READABLE && values->table_size == 0)
		element_text_begin(&stream->elements, values->dtype);
	rewind_lines(stream);
}

static enum cairn_status decode_numbers(struct text_stream *stream, struct cairn_string line,
					struct cairn_error *error)
{
	const size_t element = (size_t)stream->elements.part_size * stream->elements.decoder.parts;
	struct cairn_string word;
	size_t at = 0;

	while (text_next_word(line, &at, &word)) {
		if (!element_text_parse(&stream->elements, word.data, word.size,
					stream->decoded + stream->held))
			return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET, "%s is no %s",
					 quote(word).text,
					 cairn_dtype_info(stream->values->dtype)->name);
		stream->held += element;
	}
	return CAIRN_OK;
}

static enum cairn_status decode_base64(struct text_stream *stream, struct cairn_string line,
				       struct cairn_error *error)
{
	struct cairn_string word;
	size_t at = 0;
	size_t size;

	while (text_next_word(line, &at, &word)) {
		if (!base64_decode(word.data, word.size, stream->decoded + stream->held, &size))
			return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
					 "%s is no Base64", quote(word).text);
		stream->held += size;
	}
	return CAIRN_OK;
}

static void put_end(struct text_stream *stream)
{
	store_u64(stream->decoded + stream->held, stream->strings.bytes);
	stream->held += sizeof(uint64_t);
}

/* The end offset of an element is known when the next one begins, or none does. */
static enum cairn_status decode_ends(struct text_stream *stream, struct cairn_string line,
				     struct cairn_error *error)
{
	char *const scratch = (char *)stream->decoded + GROWTH * line.size + ROOM_MORE;
	size_t at = 0;
	bool found = true;
	bool continues;

	while (found) {
		size_t size = 0;
		const enum cairn_status status = next_piece(line, &at, scratch, &size, &continues,
							    &found, error);

		if (status != CAIRN_OK)
			return status;
		if (found && !continues && stream->strings.is_open)
			put_end(stream);
		stream->strings.is_open = stream->strings.is_open || found;
		stream->strings.bytes += size;
	}
	if (stream->lines_left == 0 && stream->strings.is_open)
		put_end(stream);
	return CAIRN_OK;
}

static enum cairn_status decode_strings(struct text_stream *stream, struct cairn_string line,
					struct cairn_error *error)
{
	size_t at = 0;
	bool found = true;
	bool continues;

	while (found) {
		size_t size = 0;
		const enum cairn_status status = next_piece(line, &at,
							    (char *)stream->decoded + stream->held,
							    &size, &continues, &found, error);

		if (status != CAIRN_OK)
			return status;
		stream->held += size;
	}
	return CAIRN_OK;
}

static enum cairn_status decode_line(struct text_stream *stream, struct cairn_string line,
				     struct cairn_error *error)
{
	enum cairn_status status = make_room(stream, line.size, error);

	stream->used = 0;
	stream->held = 0;
	if (status != CAIRN_OK)
		return status;
	if (stream->values->encoding == TEXT_BASE64)
		status = decode_base64(stream, line, error);
	else if (stream->values->table_size == 0)
		status = decode_numbers(stream, line, error);
	else if (stream->in_table)
		status = decode_ends(stream, line, error);
	else
		status = decode_strings(stream, line, error);
	return status == CAIRN_OK ? status : text_lines_error(&stream->lines->place, status, error);
}

/* The file is not the one that was read before. */
static enum cairn_status has_changed(const struct text_stream *stream, struct cairn_error *error)
{
	error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
		  "the text has changed while it was read");
	return text_lines_error(&stream->lines->place, CAIRN_CORRUPT, error);
}

/* Decodes the next line of values. There is one. */
static enum cairn_status next_line(struct text_stream *stream, struct cairn_error *error)
{
	struct cairn_string line;
	enum cairn_status status;

	do {
		status = text_lines_next(stream->lines, &line, error);
		if (status != CAIRN_OK)
			return status;
		if (line.data == NULL)
			return has_changed(stream, error);
	} while (text_line_kind(line) == TEXT_LINE_BLANK);
	if (text_line_kind(line) != TEXT_LINE_VALUES)
		return has_changed(stream, error);
	stream->lines_left--;
	return decode_line(stream, line, error);
}

static enum cairn_status too_few(const struct text_stream *stream, struct cairn_error *error)
{
	const struct text_values *const values = stream->values;

	error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
		  "the values before the end of this line are %" PRIu64
		  " bytes, the shape needs %" PRIu64,
		  stream->done, values->size);
	return text_lines_error(values->line_count == 0 ? &values->place : &stream->lines->place,
				CAIRN_CORRUPT, error);
}

static enum cairn_status copy_decoded(struct text_stream *stream, uint8_t *buffer, size_t size,
				      struct cairn_error *error)
{
	while (size != 0) {
		const size_t left = stream->held - stream->used;
		const size_t step = left < size ? left : size;
		enum cairn_status status;

		if (step != 0) {
			memcpy(buffer, stream->decoded + stream->used, step);
			stream->used += step;
			stream->done += step;
			buffer += step;
			size -= step;
		}
		if (stream->in_table && stream->done == stream->values->table_size) {
			stream->in_table = false;
			rewind_lines(stream);
		}
		if (size == 0 || step != 0)
			continue;
		if (stream->lines_left == 0)
			return too_few(stream, error);
		status = next_line(stream, error);
		if (status != CAIRN_OK)
			return status;
	}
	return CAIRN_OK;
}

/* All bytes were given out: nothing may be left. */
static enum cairn_status check_rest(struct text_stream *stream, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	while (status == CAIRN_OK && stream->used == stream->held && stream->lines_left != 0)
		status = next_line(stream, error);
	if (status != CAIRN_OK || stream->used == stream->held)
		return status;
	error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
		  "more values than the %" PRIu64 " bytes that the shape needs",
		  stream->values->size);
	return text_lines_error(&stream->lines->place, CAIRN_CORRUPT, error);
}

enum cairn_status text_stream_read(struct text_stream *stream, const struct text_values *values,
				   uint64_t offset, uint8_t *buffer, size_t size,
				   struct cairn_error *error)
{
	enum cairn_status status;

	if (values->encoding == TEXT_BESIDE)
		return file_read(stream->beside, values->offset + offset, buffer, size, error);
	if (stream->values != values || offset == 0)
		begin(stream, values);
	status = copy_decoded(stream, buffer, size, error);
	if (status == CAIRN_OK && stream->done == values->size)
		status = check_rest(stream, error);
	return status;
}
