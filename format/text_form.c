/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of the text form, read.
 *
 * A cursor goes over the line once. Each take function takes what it is named after and the blanks
 * behind it, or takes nothing and says that it is not there.
 */
#include "format/text_form.h"

#include <inttypes.h>
#include <string.h>

#include "format/bytes.h"
#include "format/container.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/file_name.h"
#include "format/record.h"
#include "format/text_quote.h"

struct cursor {
	struct cairn_string line;
	size_t at;
};

static enum cairn_status wrong(const struct cursor *cursor, const char *expected,
			       struct cairn_error *error)
{
	const struct cairn_string rest = {cursor->line.data + cursor->at,
					  cursor->line.size - cursor->at};

	if (rest.size == 0)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "the line ends where %s should be", expected);
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET, "%s is not %s",
			 quote(rest).text, expected);
}

static enum cairn_status no_memory(struct cairn_error *error)
{
	return error_set_memory(error, "a line");
}

/* --------------------------------------------------------------------------------------- tokens */

static bool at_end(const struct cursor *cursor)
{
	return cursor->at == cursor->line.size;
}

static void skip_blanks(struct cursor *cursor)
{
	while (!at_end(cursor) && cursor->line.data[cursor->at] == ' ')
		cursor->at++;
}

/* A word, when it is exactly this one. */
static bool take_word(struct cursor *cursor, const char *word)
{
	const size_t size = strlen(word);
	const char *const rest = cursor->line.data + cursor->at;
	const size_t left = cursor->line.size - cursor->at;

	if (left < size || memcmp(rest, word, size) != 0 || (left > size && rest[size] != ' '))
		return false;
	cursor->at += size;
	skip_blanks(cursor);
	return true;
}

static bool take_char(struct cursor *cursor, char c)
{
	if (at_end(cursor) || cursor->line.data[cursor->at] != c)
		return false;
	cursor->at++;
	return true;
}

static bool take_number(struct cursor *cursor, uint64_t *value)
{
	const size_t start = cursor->at;

	*value = 0;
	for (; !at_end(cursor); cursor->at++) {
		const char c = cursor->line.data[cursor->at];

		if (c < '0' || c > '9')
			break;
		if (!checked_multiply(*value, 10, value) ||
		    !checked_add(*value, (uint64_t)(c - '0'), value))
			return false;
	}
	return cursor->at != start;
}

static bool take_u32(struct cursor *cursor, uint32_t *value)
{
	uint64_t wide;

	if (!take_number(cursor, &wide) || wide > UINT32_MAX)
		return false;
	*value = (uint32_t)wide;
	return true;
}

static bool take_id(struct cursor *cursor, uint8_t id[16])
{
	memset(id, 0, 16);
	for (size_t i = 0; i < 32; i++) {
		const char c = (char)(at_end(cursor) ? '\0' : cursor->line.data[cursor->at]);
		const int digit = c >= '0' && c <= '9'   ? c - '0'
				  : c >= 'a' && c <= 'f' ? c - 'a' + 10
							 : -1;

		if (digit < 0)
			return false;
		id[i / 2] = (uint8_t)(id[i / 2] << 4 | digit);
		cursor->at++;
	}
	return true;
}

static enum cairn_status take_string(struct cursor *cursor, struct arena *arena, const char *what,
				     struct cairn_string *string, struct cairn_error *error)
{
	char *const bytes = arena_allocate(arena, cursor->line.size - cursor->at);
	size_t at = cursor->at;
	size_t size;

	if (bytes == NULL)
		return no_memory(error);
	if (!text_unquote(cursor->line.data, cursor->line.size, &at, bytes, &size))
		return wrong(cursor, what, error);
	cursor->at = at;
	skip_blanks(cursor);
	*string = (struct cairn_string){bytes, size};
	return CAIRN_OK;
}

static enum cairn_status take_end(const struct cursor *cursor, struct cairn_error *error)
{
	return at_end(cursor) ? CAIRN_OK : wrong(cursor, "the end of the line", error);
}

/* ---------------------------------------------------------------------------------------- lines */

enum text_line_kind text_line_kind(struct cairn_string line)
{
	static const char *const items[] = {"tensor ", "slice ", "alias ", "metadata "};
	size_t at = 0;

	while (at < line.size && line.data[at] == ' ')
		at++;
	if (at == line.size || line.data[at] == '#')
		return TEXT_LINE_BLANK;
	if (at != 0)
		return TEXT_LINE_VALUES;
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		const size_t size = strlen(items[i]);

		if (line.size > size && memcmp(line.data, items[i], size) == 0)
			return TEXT_LINE_ITEM;
	}
	return TEXT_LINE_SETTING;
}

enum cairn_status text_parse_first(struct cairn_string line, struct cairn_error *error)
{
	struct cursor cursor = {.line = line};
	uint64_t version;

	if (!take_word(&cursor, TEXT_FORM_NAME) || !take_number(&cursor, &version) ||
	    !at_end(&cursor))
		return error_set(error, CAIRN_NOT_A_CHECKPOINT, 0,
				 "not the text form of a checkpoint: it does not begin "
				 "with '" TEXT_FORM_NAME " 1'");
	if (version != TEXT_FORM_VERSION)
		return error_set(error, CAIRN_UNSUPPORTED, 0,
				 "version %" PRIu64 " of the text form: this program knows %u",
				 version, TEXT_FORM_VERSION);
	return CAIRN_OK;
}

/* A name of a file in the folder of the text. */
static enum cairn_status check_beside(struct cairn_string name, struct cairn_error *error)
{
	const char *const problem = file_name_problem(name);

	if (problem == NULL)
		return CAIRN_OK;
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "the name of the data file, %s, is none of this folder: %s",
			 quote(name).text, problem);
}

static enum cairn_status check_layout(const struct cursor *cursor,
				      const struct text_settings *settings,
				      struct cairn_error *error)
{
	const uint64_t alignment = settings->alignment;
	const uint64_t chunk_size = settings->chunk_size;

	if ((alignment == 0 ||
	     (is_power_of_two(alignment) && alignment >= CONTAINER_ALIGNMENT_MIN &&
	      alignment <= CONTAINER_ALIGNMENT_MAX)) &&
	    (chunk_size == 0 || (is_power_of_two(chunk_size) && chunk_size >= CHUNK_SIZE_MIN &&
				 chunk_size <= CHUNK_SIZE_MAX)))
		return CAIRN_OK;
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "%s: alignments are powers of two from 4096 to 2097152, chunk sizes from "
			 "65536 to 67108864",
			 quote(cursor->line).text);
}

static enum cairn_status take_setting(struct cursor *cursor, struct arena *arena,
				      struct text_settings *settings, struct cairn_error *error)
{
	static const char unknown[] = "the beginning of a line";
	enum cairn_status status;
	bool good;

	if (take_word(cursor, "alignment")) {
		good = take_number(cursor, &settings->alignment);
	} else if (take_word(cursor, "chunk-size")) {
		good = take_u32(cursor, &settings->chunk_size);
	} else if (take_word(cursor, "save-id")) {
		good = take_id(cursor, settings->save_id);
	} else if (take_word(cursor, "parent-id")) {
		good = take_id(cursor, settings->parent_id.bytes);
	} else if (take_word(cursor, "content-id")) {
		good = take_id(cursor, settings->content_id.bytes);
	} else if (take_word(cursor, "generation")) {
		good = take_number(cursor, &settings->generation);
	} else if (take_word(cursor, "data-file")) {
		status = take_string(cursor, arena, "a name in quotes", &settings->beside, error);
		return status == CAIRN_OK ? check_beside(settings->beside, error) : status;
	} else {
		return wrong(cursor, unknown, error);
	}
	return good ? check_layout(cursor, settings, error)
		    : wrong(cursor, "a value that this setting can have", error);
}

enum cairn_status text_parse_setting(struct cairn_string line, struct arena *arena,
				     struct text_settings *settings, struct cairn_error *error)
{
	struct cursor cursor = {.line = line};
	const enum cairn_status status = take_setting(&cursor, arena, settings, error);

	skip_blanks(&cursor);
	return status == CAIRN_OK ? take_end(&cursor, error) : status;
}

/* ---------------------------------------------------------------------------------------- items */

/* "type-200/32/18": code, elements and bytes of a block. */
static bool take_unknown_type(struct cursor *cursor, struct text_item *item)
{
	static const char lead[] = "type-";
	const size_t size = sizeof(lead) - 1;
	uint64_t code;

	if (cursor->line.size - cursor->at < size ||
	    memcmp(cursor->line.data + cursor->at, lead, size) != 0)
		return false;
	cursor->at += size;
	if (!take_number(cursor, &code) || code == 0 || code > UINT16_MAX ||
	    !take_char(cursor, '/') || !take_u32(cursor, &item->block_elements) ||
	    !take_char(cursor, '/') || !take_u32(cursor, &item->block_bytes))
		return false;
	item->dtype = (enum cairn_dtype)code;
	return cairn_dtype_info(item->dtype) == NULL && item->block_elements != 0 &&
	       item->block_bytes != 0;
}

static bool take_type(struct cursor *cursor, struct text_item *item)
{
	const char *const rest = cursor->line.data + cursor->at;
	const size_t left = cursor->line.size - cursor->at;
	const char *const end = memchr(rest, ' ', left);
	const struct cairn_string word = {rest, end == NULL ? left : (size_t)(end - rest)};
	const struct cairn_dtype_info *const info = cairn_dtype_from_name(word);

	if (info == NULL) {
		if (!take_unknown_type(cursor, item))
			return false;
	} else {
		cursor->at += word.size;
		item->dtype = info->dtype;
		item->block_elements = info->block_elements;
		item->block_bytes = info->block_bytes;
	}
	item->packing = dtype_packing(item->dtype);
	if (!at_end(cursor) && cursor->line.data[cursor->at] != ' ')
		return false;
	skip_blanks(cursor);
	return true;
}

/* "[2,3]", "[]". */
static bool take_shape(struct cursor *cursor, struct text_item *item)
{
	if (!take_char(cursor, '['))
		return false;
	while (!take_char(cursor, ']')) {
		if ((item->rank != 0 && !take_char(cursor, ',')) || item->rank == CAIRN_RANK_MAX)
			return false;
		skip_blanks(cursor);
		if (!take_number(cursor, &item->dims[item->rank]))
			return false;
		item->rank++;
	}
	skip_blanks(cursor);
	return true;
}

/* "0:2" or "-", the whole dimension. */
static bool take_range(struct cursor *cursor, struct text_item *item, uint32_t dimension)
{
	item->starts[dimension] = 0;
	item->lengths[dimension] = CAIRN_FULL;
	if (take_char(cursor, '-'))
		return true;
	return take_number(cursor, &item->starts[dimension]) && take_char(cursor, ':') &&
	       take_number(cursor, &item->lengths[dimension]) &&
	       item->lengths[dimension] != CAIRN_FULL;
}

static bool take_ranges(struct cursor *cursor, struct text_item *item)
{
	if (!take_char(cursor, '['))
		return false;
	for (uint32_t d = 0; d < item->rank; d++) {
		if (d != 0 && !take_char(cursor, ','))
			return false;
		skip_blanks(cursor);
		if (!take_range(cursor, item, d))
			return false;
	}
	if (!take_char(cursor, ']'))
		return false;
	skip_blanks(cursor);
	return true;
}

static enum cairn_status take_encoding(struct cursor *cursor, struct text_item *item,
				       struct cairn_error *error)
{
	bool good = true;

	if (take_word(cursor, "flat"))
		item->packing = PACKING_FLAT;
	else if (take_word(cursor, "by-row"))
		item->packing = PACKING_ROW;
	if (item->kind != TEXT_METADATA) {
		item->is_shuffled = take_word(cursor, "lz4-shuffle");
		item->is_lz4 = item->is_shuffled || take_word(cursor, "lz4");
	}
	if (take_word(cursor, "base64")) {
		item->encoding = TEXT_BASE64;
	} else if (take_word(cursor, "at")) {
		item->encoding = TEXT_BESIDE;
		good = take_number(cursor, &item->offset);
	} else if (take_word(cursor, "digest")) {
		item->encoding = TEXT_DIGEST;
		good = take_id(cursor, item->digest.bytes);
	}
	skip_blanks(cursor);
	return good ? CAIRN_OK : wrong(cursor, "a place or a digest", error);
}

static enum cairn_status take_description(struct cursor *cursor, struct text_item *item,
					  struct cairn_error *error)
{
	if (!take_type(cursor, item))
		return wrong(cursor, "a type", error);
	if (!take_shape(cursor, item))
		return wrong(cursor, "a shape such as [2,3]", error);
	if (item->kind == TEXT_SLICE && !take_ranges(cursor, item))
		return wrong(cursor, "a slice such as [0:2,-]", error);
	return take_encoding(cursor, item, error);
}

static bool take_kind(struct cursor *cursor, enum text_item_kind *kind)
{
	for (int i = TEXT_TENSOR; i <= TEXT_METADATA; i++) {
		*kind = (enum text_item_kind)i;
		if (take_word(cursor, text_item_word(*kind)))
			return true;
	}
	return false;
}

enum cairn_status text_parse_item(struct cairn_string line, struct arena *arena,
				  struct text_item *item, struct cairn_error *error)
{
	struct cursor cursor = {.line = line};
	enum cairn_status status;

	memset(item, 0, sizeof(*item));
	if (!take_kind(&cursor, &item->kind))
		return wrong(&cursor, "an item", error);
	status = take_string(&cursor, arena, "a name in quotes", &item->name, error);
	if (status == CAIRN_OK && item->kind == TEXT_ALIAS)
		status = take_string(&cursor, arena, "a name in quotes", &item->target, error);
	else if (status == CAIRN_OK)
		status = take_description(&cursor, item, error);
	return status == CAIRN_OK ? take_end(&cursor, error) : status;
}

bool text_next_word(struct cairn_string line, size_t *at, struct cairn_string *word)
{
	size_t end;

	while (*at < line.size && line.data[*at] == ' ')
		++*at;
	for (end = *at; end < line.size && line.data[end] != ' ';)
		end++;
	*word = (struct cairn_string){line.data + *at, end - *at};
	*at = end;
	return word->size != 0;
}
