/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for people.
 *
 * Names come from files and may hold anything: NUL, new lines, escape sequences, marks that turn
 * the direction of writing. They are decoded one character at a time (the program runs in the
 * locale C.UTF-8), and what a terminal could take for more than text is shown as an escape.
 */
#include "tools/text.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

/* Longer strings are not compared letter by letter. */
#define DISTANCE_SIZE_MAX 256

/* Room for one character as it is printed: four bytes, or an escape such as \u{10ffff}. */
#define PIECE_SIZE 16

/* ---------------------------------------------------------------------------------------- order */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The run of digits at *at without leading zeros; moves *at behind it. */
static struct cairn_string take_number(struct cairn_string text, size_t *at)
{
	while (*at < text.size && text.data[*at] == '0')
		++*at;
	const size_t start = *at;
	while (*at < text.size && is_digit(text.data[*at]))
		++*at;
	return (struct cairn_string){text.data + start, *at - start};
}

static int compare_numbers(struct cairn_string a, struct cairn_string b)
{
	if (a.size != b.size)
		return a.size < b.size ? -1 : 1;
	return a.size ? memcmp(a.data, b.data, a.size) : 0;
}

static int compare_bytes(struct cairn_string a, struct cairn_string b)
{
	const size_t size = a.size < b.size ? a.size : b.size;
	const int order = size ? memcmp(a.data, b.data, size) : 0;
	if (order)
		return order;
	return (a.size > b.size) - (a.size < b.size);
}

int text_compare_natural(struct cairn_string a, struct cairn_string b)
{
	size_t i = 0;
	size_t j = 0;

	while (i < a.size && j < b.size) {
		int order;
		if (is_digit(a.data[i]) && is_digit(b.data[j])) {
			const struct cairn_string left = take_number(a, &i);
			const struct cairn_string right = take_number(b, &j);
			order = compare_numbers(left, right);
		} else {
			order = (unsigned char)a.data[i++] - (unsigned char)b.data[j++];
		}
		if (order)
			return order;
	}
	if (i < a.size || j < b.size)
		return i < a.size ? 1 : -1;
	return compare_bytes(a, b); /* "01" and "1" */
}

/* ------------------------------------------------------------------------------------- printing */

size_t text_terminal_width(FILE *file)
{
	const int fd = fileno(file);
	struct winsize window;

	if (fd < 0 || !isatty(fd))
		return 0;
	if (ioctl(fd, TIOCGWINSZ, &window) == 0 && window.ws_col > 0)
		return window.ws_col;
	return 80;
}

/* Marks that change the direction of the text around them, and separators that begin a line. */
static bool is_treacherous(wchar_t c)
{
	return (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* One character of a string, as it is printed. */
struct piece {
	size_t size;    /* bytes of the string */
	size_t columns; /* that it takes */
	char text[PIECE_SIZE];
};

static void escape_byte(struct piece *piece, unsigned value)
{
	snprintf(piece->text, sizeof(piece->text), "\\x%02x", value & 0xff);
	piece->columns = strlen(piece->text);
}

static void escape_character(struct piece *piece, wchar_t c)
{
	snprintf(piece->text, sizeof(piece->text), "\\u{%x}", (unsigned)c & 0x1fffff);
	piece->columns = strlen(piece->text);
}

/* `at` is inside the string. */
static struct piece piece_at(struct cairn_string text, size_t at)
{
	struct piece piece = {.size = 1};
	const unsigned char first = (unsigned char)text.data[at];
	mbstate_t state = {0};
	wchar_t c = L'\0';
	const size_t size = mbrtowc(&c, text.data + at, text.size - at, &state);

	if (first == '\n' || first == '\t' || first == '\r') {
		snprintf(piece.text, sizeof(piece.text), "\\%c",
			 first == '\n'   ? 'n'
			 : first == '\t' ? 't'
					 : 'r');
		piece.columns = 2;
	} else if (size == 0 || size > MB_LEN_MAX || first < ' ' || first == 0x7f) {
		escape_byte(&piece, first);
	} else if (is_treacherous(c) || !iswprint((wint_t)c) || wcwidth(c) < 0) {
		piece.size = size;
		escape_character(&piece, c);
	} else {
		piece.size = size;
		piece.columns = (size_t)wcwidth(c);
		memcpy(piece.text, text.data + at, size);
	}
	return piece;
}

size_t text_width(struct cairn_string text)
{
	size_t columns = 0;

	for (size_t at = 0; at < text.size;) {
		const struct piece piece = piece_at(text, at);
		columns += piece.columns;
		at += piece.size;
	}
	return columns;
}

void text_pad(FILE *file, size_t count)
{
	for (size_t i = 0; i < count; i++)
		putc(' ', file);
}

/* The middle of a long name says the least: "transformer.h.11...c_attn.weight". */
static size_t print_cut(FILE *file, struct cairn_string text, size_t columns, size_t width)
{
	const size_t head = (columns - 1) / 2;
	const size_t tail_start = width - (columns - 1 - head);
	size_t column = 0;
	size_t printed = 1;
	bool cut = false;

	for (size_t at = 0; at < text.size;) {
		const struct piece piece = piece_at(text, at);
		const size_t end = column + piece.columns;
		if (end <= head || column >= tail_start) {
			fputs(piece.text, file);
			printed += piece.columns;
		} else if (!cut) {
			fputs("\xe2\x80\xa6", file); /* an ellipsis, one column */
			cut = true;
		}
		column = end;
		at += piece.size;
	}
	return printed;
}

size_t text_print(FILE *file, struct cairn_string text, size_t columns)
{
	const size_t width = text_width(text);

	if (columns && width > columns)
		return print_cut(file, text, columns, width);
	for (size_t at = 0; at < text.size;) {
		const struct piece piece = piece_at(text, at);
		fputs(piece.text, file);
		at += piece.size;
	}
	return width;
}

char *text_escape(struct cairn_string text, char *buffer, size_t size)
{
	size_t used = 0;

	for (size_t at = 0; at < text.size;) {
		const struct piece piece = piece_at(text, at);
		const size_t length = strlen(piece.text);
		if (length + 4 > size - used) {
			memcpy(buffer + used, "...", 3);
			used += 3;
			break;
		}
		memcpy(buffer + used, piece.text, length);
		used += length;
		at += piece.size;
	}
	buffer[used] = '\0';
	return buffer;
}

/* ------------------------------------------------------------------------------------- likeness */

static size_t smallest(size_t a, size_t b, size_t c)
{
	const size_t d = a < b ? a : b;
	return d < c ? d : c;
}

/* The costs of turning the first i bytes of a into each beginning of b; the two rows before are
 * known. */
static size_t fill_row(struct cairn_string a, struct cairn_string b, size_t i,
		       size_t rows[3][DISTANCE_SIZE_MAX + 1])
{
	const size_t *before = rows[(i + 1) % 3];
	const size_t *above = rows[(i + 2) % 3];
	size_t *row = rows[i % 3];
	size_t best = i;

	row[0] = i;
	for (size_t j = 1; j <= b.size; j++) {
		const bool same = a.data[i - 1] == b.data[j - 1];
		row[j] = smallest(above[j] + 1, row[j - 1] + 1, above[j - 1] + !same);
		if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
		    a.data[i - 2] == b.data[j - 1])
			row[j] = smallest(row[j], row[j], before[j - 2] + 1);
		if (row[j] < best)
			best = row[j];
	}
	return best;
}

size_t text_distance(struct cairn_string a, struct cairn_string b, size_t limit)
{
	size_t rows[3][DISTANCE_SIZE_MAX + 1] = {{0}};
	const size_t gap = a.size < b.size ? b.size - a.size : a.size - b.size;

	if (gap > limit || a.size > DISTANCE_SIZE_MAX || b.size > DISTANCE_SIZE_MAX)
		return limit + 1;
	for (size_t j = 0; j <= b.size; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.size; i++) {
		if (fill_row(a, b, i, rows) > limit)
			return limit + 1;
	}
	const size_t distance = rows[a.size % 3][b.size];
	return distance > limit ? limit + 1 : distance;
}

static bool ends_with(struct cairn_string text, struct cairn_string end)
{
	return end.size && end.size <= text.size &&
	       memcmp(text.data + (text.size - end.size), end.data, end.size) == 0;
}

size_t text_mismatch(struct cairn_string wanted, struct cairn_string candidate)
{
	const size_t limit = wanted.size < 6 ? 2 : wanted.size / 3 < 5 ? wanted.size / 3 : 5;

	if (wanted.size == candidate.size &&
	    strncasecmp(wanted.data, candidate.data, wanted.size) == 0)
		return 0;
	const size_t distance = text_distance(wanted, candidate, limit);
	if (distance <= limit && distance < wanted.size)
		return 1 + distance;
	/* "wte.weight" for "transformer.wte.weight", or the other way round. */
	if (wanted.size >= 4 && (ends_with(candidate, wanted) || ends_with(wanted, candidate)))
		return 10;
	return SIZE_MAX;
}

bool text_matches(const char *pattern, struct cairn_string text)
{
	char *copy = malloc(text.size + 1);
	bool matches = false;

	if (!copy)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		copy[i] = text.data[i];
		if (copy[i] == '\0')
			copy[i] = '\1';
	}
	copy[text.size] = '\0';
	matches = fnmatch(pattern, copy, 0) == 0;
	free(copy);
	return matches;
}
