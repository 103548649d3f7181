/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shell patterns. Only the last star that was met ever takes more: what the ones before it took is
 * the least that lets the rest up to the next star match, and more could not help. So the time is
 * the product of both lengths at most, and nothing recurs.
 */
#include "format/glob.h"

#include <string.h>

#include "format/utf8.h"

/* Bytes of the character at `at`; of what is no UTF-8 a byte is one. */
static size_t step(struct cairn_string text, size_t at)
{
	const size_t size = utf8_sequence(text.data + at, text.size - at);

	return size == 0 ? 1 : size;
}

static int compare_characters(const char *a, size_t a_size, const char *b, size_t b_size)
{
	if (a_size != b_size)
		return a_size < b_size ? -1 : 1;
	return memcmp(a, b, a_size);
}

/* ----------------------------------------------------------------------------------------- sets */

/* The place behind the set that begins at `at`; 0: it has no end. A `]` that comes first is a
 * character. */
static size_t set_end(struct cairn_string pattern, size_t at)
{
	size_t i = at + 1;

	if (i < pattern.size && (pattern.data[i] == '!' || pattern.data[i] == '^'))
		i++;
	for (bool first = true; i < pattern.size; first = false) {
		if (pattern.data[i] == ']' && !first)
			return i + 1;
		if (pattern.data[i] == '\\' && ++i == pattern.size)
			return 0;
		i += step(pattern, i);
	}
	return 0;
}

/* The character of a set at *at, which moves behind it. */
static struct cairn_string take_member(struct cairn_string pattern, size_t *at)
{
	struct cairn_string member;

	if (pattern.data[*at] == '\\')
		++*at;
	member = (struct cairn_string){pattern.data + *at, step(pattern, *at)};
	*at += member.size;
	return member;
}

/* The set that begins at `at` and ends before `end` has the character. */
static bool set_has(struct cairn_string pattern, size_t at, size_t end, const char *character,
		    size_t size)
{
	size_t i = at + 1;
	const bool negated = pattern.data[i] == '!' || pattern.data[i] == '^';
	bool found = false;

	i += negated;
	while (i < end - 1) {
		const struct cairn_string low = take_member(pattern, &i);
		struct cairn_string high = low;

		if (i + 1 < end - 1 && pattern.data[i] == '-') {
			i++;
			high = take_member(pattern, &i);
		}
		found = found || (compare_characters(character, size, low.data, low.size) >= 0 &&
				  compare_characters(character, size, high.data, high.size) <= 0);
	}
	return found != negated;
}

/* ------------------------------------------------------------------------------------- matching */

/* What stands at *at of a pattern matches the character, or nothing is there; *at moves behind. */
static bool take_one(struct cairn_string pattern, size_t *at, const char *character, size_t size)
{
	size_t end;
	bool matches;

	if (*at == pattern.size)
		return false;
	switch (pattern.data[*at]) {
	case '?':
		++*at;
		return true;
	case '[':
		end = set_end(pattern, *at);
		matches = set_has(pattern, *at, end, character, size);
		*at = end;
		return matches;
	case '\\':
		++*at;
		break;
	default:
		break;
	}
	end = step(pattern, *at);
	matches = compare_characters(pattern.data + *at, end, character, size) == 0;
	*at += end;
	return matches;
}

bool glob_match(struct cairn_string pattern, struct cairn_string text, struct glob_parts *parts)
{
	struct glob_parts unwanted;
	size_t behind_star = 0; /* of the pattern, behind the last star; 0: none was met */
	size_t star_end = 0;    /* of the text that it took */
	size_t p = 0;
	size_t t = 0;

	if (parts == NULL)
		parts = &unwanted;
	parts->count = 0;
	for (;;) {
		if (p < pattern.size && pattern.data[p] == '*') {
			parts->parts[parts->count++] = (struct cairn_string){text.data + t, 0};
			behind_star = ++p;
			star_end = t;
			continue;
		}
		if (t == text.size && p == pattern.size)
			return true;
		if (t < text.size && take_one(pattern, &p, text.data + t, step(text, t))) {
			t += step(text, t);
			continue;
		}
		if (behind_star == 0 || star_end == text.size)
			return false;
		star_end += step(text, star_end);
		parts->parts[parts->count - 1].size = (size_t)(text.data + star_end -
							       parts->parts[parts->count - 1].data);
		p = behind_star;
		t = star_end;
	}
}

/* What stands at `at` has this size; 0: it has no end. */
static size_t unit_size(struct cairn_string pattern, size_t at)
{
	size_t end;

	if (pattern.data[at] == '[') {
		end = set_end(pattern, at);
		return end == 0 ? 0 : end - at;
	}
	if (pattern.data[at] != '\\')
		return step(pattern, at);
	return at + 1 == pattern.size ? 0 : 1 + step(pattern, at + 1);
}

const char *glob_problem(struct cairn_string pattern)
{
	size_t size;

	for (size_t at = 0; at < pattern.size; at += size) {
		size = unit_size(pattern, at);
		if (size == 0)
			return pattern.data[at] == '[' ? "a '[' without ']'" : "a '\\' at its end";
	}
	return glob_stars(pattern) > GLOB_STARS_MAX ? "more than 32 stars" : NULL;
}

uint32_t glob_stars(struct cairn_string pattern)
{
	uint32_t count = 0;
	size_t size;

	for (size_t at = 0; at < pattern.size; at += size) {
		size = unit_size(pattern, at);
		count += pattern.data[at] == '*';
		if (size == 0)
			return count;
	}
	return count;
}

/* ------------------------------------------------------------------------------------ replacing */

/* The number in "{3}" at `at`; 0: that is none. */
static uint32_t part_number(struct cairn_string replacement, size_t at)
{
	uint32_t number = 0;
	size_t i = at + 1;

	for (; i < replacement.size && i < at + 3; i++) {
		const char c = replacement.data[i];

		if (c < '0' || c > '9')
			break;
		number = number * 10 + (uint32_t)(c - '0');
	}
	return i < replacement.size && replacement.data[i] == '}' ? number : 0;
}

const char *glob_replacement_problem(struct cairn_string replacement, uint32_t stars)
{
	uint32_t used = 0;

	for (size_t at = 0; at < replacement.size; at++) {
		const char c = replacement.data[at];

		if (c == '\\' && ++at == replacement.size)
			return "a '\\' at its end";
		if (c == '*' && ++used > stars)
			return "more stars than the pattern has";
		if (c == '{' &&
		    (part_number(replacement, at) == 0 || part_number(replacement, at) > stars))
			return "a '{' that numbers no star of the pattern";
	}
	return NULL;
}

/* Text on its way into a buffer that may be too small. */
struct replaced {
	char *out;
	size_t room;
	size_t size;
};

static void put(struct replaced *replaced, struct cairn_string bytes)
{
	if (replaced->size < replaced->room && bytes.size != 0) {
		const size_t left = replaced->room - replaced->size;

		memcpy(replaced->out + replaced->size, bytes.data,
		       bytes.size < left ? bytes.size : left);
	}
	replaced->size += bytes.size;
}

size_t glob_replace(struct cairn_string replacement, const struct glob_parts *parts, char *out,
		    size_t room)
{
	struct replaced replaced = {.out = out, .room = room};
	uint32_t next = 0;

	for (size_t at = 0; at < replacement.size; at++) {
		switch (replacement.data[at]) {
		case '*':
			put(&replaced, parts->parts[next++]);
			break;
		case '{':
			put(&replaced, parts->parts[part_number(replacement, at) - 1]);
			while (replacement.data[at] != '}')
				at++;
			break;
		case '\\':
			at++;
			put(&replaced, (struct cairn_string){replacement.data + at, 1});
			break;
		default:
			put(&replaced, (struct cairn_string){replacement.data + at, 1});
			break;
		}
	}
	return replaced.size;
}
