/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of a file. The buffer holds a stretch of the file; when no line break is left in it, what
 * is left moves to its front and more is read behind it.
 */
#include "engine/convert/text_lines.h"

#include <inttypes.h>
#include <string.h>

#include "format/error.h"
#include "format/text_form.h"

#define BUFFER_SIZE ((size_t)64 << 10)

enum cairn_status text_lines_open(struct text_lines *lines, const struct file *file,
				  struct cairn_error *error)
{
	*lines = (struct text_lines){.file = file, .room = BUFFER_SIZE, .next_number = 1};
	lines->buffer = system_allocate(file->system, lines->room);
	return lines->buffer == NULL ? error_set_memory(error, "a line") : CAIRN_OK;
}

void text_lines_close(struct text_lines *lines)
{
	if (lines->file != NULL)
		system_free(lines->file->system, lines->buffer);
	*lines = (struct text_lines){.file = NULL};
}

void text_lines_go_to(struct text_lines *lines, const struct text_place *place)
{
	lines->offset = place->offset;
	lines->used = 0;
	lines->held = 0;
	lines->next_number = place->number;
}

static enum cairn_status make_room(struct text_lines *lines, struct cairn_error *error)
{
	const size_t room = 2 * lines->room;
	char *buffer;

	if (lines->room > TEXT_LINE_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "a line of more than %zu bytes", TEXT_LINE_SIZE_MAX);
	buffer = system_reallocate(lines->file->system, lines->buffer, room);
	if (buffer == NULL)
		return error_set_memory(error, "a line");
	lines->buffer = buffer;
	lines->room = room;
	return CAIRN_OK;
}

/* Reads on behind what is held. *size 0: the file ends there. */
static enum cairn_status read_on(struct text_lines *lines, size_t *size, struct cairn_error *error)
{
	const size_t left = lines->held - lines->used;
	enum cairn_status status = CAIRN_OK;
	uint64_t end;

	memmove(lines->buffer, lines->buffer + lines->used, left);
	lines->offset += lines->used;
	lines->used = 0;
	lines->held = left;
	if (left == lines->room)
		status = make_room(lines, error);
	end = lines->file->size - lines->offset - left; /* what the file has behind it */
	*size = end < lines->room - left ? (size_t)end : lines->room - left;
	if (status == CAIRN_OK && *size != 0)
		status = file_read(lines->file, lines->offset + left, lines->buffer + left, *size,
				   error);
	if (status == CAIRN_OK)
		lines->held += *size;
	return status;
}

static struct cairn_string give(struct text_lines *lines, size_t size, size_t with_break)
{
	struct cairn_string line = {lines->buffer + lines->used, size};

	if (size != 0 && line.data[size - 1] == '\r')
		line.size--;
	lines->place = (struct text_place){lines->offset + lines->used, lines->next_number++};
	lines->used += with_break;
	return line;
}

enum cairn_status text_lines_next(struct text_lines *lines, struct cairn_string *line,
				  struct cairn_error *error)
{
	size_t searched = 0;
	size_t more = 1;

	*line = (struct cairn_string){NULL, 0};
	for (;;) {
		const size_t left = lines->held - lines->used;
		const char *const start = lines->buffer + lines->used;
		const char *const end = memchr(start + searched, '\n', left - searched);
		enum cairn_status status;

		if (end != NULL) {
			*line = give(lines, (size_t)(end - start), (size_t)(end - start) + 1);
			return CAIRN_OK;
		}
		if (more == 0) {
			if (left != 0)
				*line = give(lines, left, left);
			return CAIRN_OK;
		}
		searched = left;
		status = read_on(lines, &more, error);
		if (status != CAIRN_OK)
			return text_lines_error(
				&(struct text_place){lines->offset, lines->next_number}, status,
				error);
	}
}

enum cairn_status text_lines_error(const struct text_place *place, enum cairn_status status,
				   struct cairn_error *error)
{
	char message[CAIRN_MESSAGE_SIZE];

	if (error == NULL)
		return status;
	memcpy(message, error->message, sizeof(message));
	return error_set(error, status, place->offset, "line %" PRIu64 ": %s", place->number,
			 message);
}
