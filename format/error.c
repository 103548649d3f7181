/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Error records and quoted names. Names come from files: whatever they hold, a message is one line
 * of printable text.
 */
#include "format/error.h"

#undef error_set
#undef error_set_memory
#undef error_prefix
#undef error_prefix_tensor

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "format/utf8.h"

const char *cairn_status_name(enum cairn_status status)
{
	static const char *const names[] = {
		"OK",          "INVALID_ARGUMENT", "NOT_FOUND",    "EXISTS",    "NOT_A_CHECKPOINT",
		"UNSUPPORTED", "CORRUPT",          "CHECKSUM",     "TRUNCATED", "LIMIT",
		"MISMATCH",    "UNMATCHED",        "PRECONDITION", "IO",        "NO_MEMORY",
		"BUSY",        "CANCELLED",        "IN_DOUBT",
	};

	if ((unsigned)status >= sizeof(names) / sizeof(names[0]))
		return "UNKNOWN";
	return names[status];
}

/* Takes the beginning of a character off the end, where a message was cut. */
static void trim_cut(char *message)
{
	const size_t size = strlen(message);
	size_t start = size;

	while (start > 0 && size - start < 3 && ((unsigned char)message[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && (unsigned char)message[start - 1] >= 0xc0 &&
	    utf8_sequence(message + start - 1, size - start + 1) == 0)
		message[start - 1] = '\0';
}

static enum cairn_status set(struct cairn_error *error, enum cairn_status code, int system_errno,
			     uint64_t offset, const char *format, va_list arguments)
	CAIRN_PRINTF(5, 0);

static enum cairn_status set(struct cairn_error *error, enum cairn_status code, int system_errno,
			     uint64_t offset, const char *format, va_list arguments)
{
	if (error == NULL)
		return code;
	error->code = code;
	error->system_errno = system_errno;
	error->offset = offset;
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	trim_cut(error->message);
	return code;
}

enum cairn_status error_set(struct cairn_error *error, enum cairn_status code, uint64_t offset,
			    const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set(error, code, 0, offset, format, arguments);
	va_end(arguments);
	return code;
}

static enum cairn_status status_of_errno(int number)
{
	switch (number) {
	case ENOMEM:
		return CAIRN_NO_MEMORY;
	case ENOENT:
	case ENOTDIR:
		return CAIRN_NOT_FOUND;
	case EEXIST:
		return CAIRN_EXISTS;
	default:
		return CAIRN_IO;
	}
}

enum cairn_status error_set_system(struct cairn_error *error, int64_t negative_errno,
				   const char *format, ...)
{
	const int number = (int)-negative_errno;
	const enum cairn_status code = status_of_errno(number);
	const char *text;
	va_list arguments;
	size_t used;

	va_start(arguments, format);
	set(error, code, number, CAIRN_ERROR_NO_OFFSET, format, arguments);
	va_end(arguments);
	if (error == NULL)
		return code;
	used = strlen(error->message);
	text = strerrordesc_np(number); /* static text in C, unlike strerror */
	snprintf(error->message + used, sizeof(error->message) - used, ": %s",
		 text != NULL ? text : "unknown error");
	return code;
}

enum cairn_status error_set_memory(struct cairn_error *error, const char *what)
{
	return error_set(error, CAIRN_NO_MEMORY, CAIRN_ERROR_NO_OFFSET, "no memory for %s", what);
}

static void put_in_front(struct cairn_error *error, const char *front)
{
	const size_t size = strlen(front);
	size_t kept = strlen(error->message);

	if (size >= sizeof(error->message))
		return;
	if (kept > sizeof(error->message) - 1 - size)
		kept = sizeof(error->message) - 1 - size;
	memmove(error->message + size, error->message, kept);
	memcpy(error->message, front, size);
	error->message[size + kept] = '\0';
	trim_cut(error->message);
}

enum cairn_status error_prefix(struct cairn_error *error, enum cairn_status code, const char *name)
{
	char front[QUOTE_SIZE + 4];

	if (error == NULL)
		return code;
	error->code = code; /* a caller may have given what it met another name */
	snprintf(front, sizeof(front), "%s: ", quote(cairn_string_from(name)).text);
	put_in_front(error, front);
	return code;
}

enum cairn_status error_prefix_tensor(struct cairn_error *error, enum cairn_status code,
				      struct cairn_string name)
{
	char front[QUOTE_SIZE + 16];

	if (error == NULL)
		return code;
	error->code = code;
	snprintf(front, sizeof(front), "tensor %s: ", quote(name).text);
	put_in_front(error, front);
	return code;
}

/* -------------------------------------------------------------------------------------- quoting */

enum {
	/* The longest form that one sequence of input takes: \xNN, or four bytes of UTF-8. */
	QUOTED_SEQUENCE_MAX = 4,
	/* The closing quote and the NUL stay free. */
	QUOTE_LIMIT = QUOTE_SIZE - 2,
	/* Bytes at the end of a shortened name: layer names differ there. */
	QUOTE_TAIL = 16,
	QUOTE_HEAD_LIMIT = QUOTE_LIMIT - 3 - QUOTE_TAIL * QUOTED_SEQUENCE_MAX
};

/* Writes the safe form of the sequence at the start of `text`; returns the number of input bytes it
 * used. */
static size_t quote_sequence(const char *text, size_t size, char out[QUOTED_SEQUENCE_MAX + 1])
{
	const unsigned char byte = (unsigned char)text[0];
	const size_t sequence = utf8_sequence(text, size);
	/* C1 controls (U+0080 to U+009F) drive terminals too */
	const int is_c1 = byte == 0xc2 && sequence == 2 && (unsigned char)text[1] < 0xa0;

	if (sequence == 0 || byte < 0x20 || byte == 0x7f || byte == '\'' || byte == '\\' || is_c1) {
		snprintf(out, QUOTED_SEQUENCE_MAX + 1, "\\x%02x", byte);
		return 1;
	}
	memcpy(out, text, sequence);
	out[sequence] = '\0';
	return sequence;
}

/* Appends the safe form of `text` while it stays below `limit` bytes; returns the number of input
 * bytes that fitted. */
static size_t quote_some(const char *text, size_t size, char *out, size_t *used, size_t limit)
{
	char one[QUOTED_SEQUENCE_MAX + 1];
	size_t at = 0;

	while (at < size) {
		const size_t taken = quote_sequence(text + at, size - at, one);
		const size_t length = strlen(one);

		if (*used + length > limit)
			break;
		for (size_t i = 0; i < length; i++)
			out[(*used)++] = one[i];
		at += taken;
	}
	return at;
}

struct quoted quote(struct cairn_string name)
{
	struct quoted quoted = {.text = "'"};
	size_t used = 1;

	if (quote_some(name.data, name.size, quoted.text, &used, QUOTE_LIMIT) < name.size) {
		used = 1;
		quote_some(name.data, name.size, quoted.text, &used, QUOTE_HEAD_LIMIT);
		memcpy(quoted.text + used, "...", 3);
		used += 3;
		quote_some(name.data + name.size - QUOTE_TAIL, QUOTE_TAIL, quoted.text, &used,
			   QUOTE_LIMIT);
	}
	quoted.text[used++] = '\'';
	quoted.text[used] = '\0';
	return quoted;
}
