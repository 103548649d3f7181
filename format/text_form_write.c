/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of the text form, written.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/dtype.h"
#include "format/record.h"
#include "format/text_form.h"

const char *text_item_word(enum text_item_kind kind)
{
	static const char *const words[] = {"tensor", "slice", "alias", "metadata"};

	return words[kind];
}

void text_write_id(const uint8_t id[16], char out[32])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < 16; i++) {
		out[2 * i] = digits[id[i] >> 4];
		out[2 * i + 1] = digits[id[i] & 15];
	}
}

/* Where the next part of a description goes; the room is enough for the largest one. */
struct description {
	char *out;
	size_t used;
};

static void put(struct description *to, const char *text)
{
	const size_t size = strlen(text);

	memcpy(to->out + to->used, text, size);
	to->used += size;
}

static void put_number(struct description *to, uint64_t number)
{
	to->used += (size_t)snprintf(to->out + to->used, TEXT_ITEM_SIZE_MAX - to->used, "%" PRIu64,
				     number);
}

static void put_type(struct description *to, const struct text_item *item)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(item->dtype);

	if (info != NULL) {
		put(to, info->name);
		return;
	}
	put(to, "type-");
	put_number(to, (uint64_t)item->dtype);
	put(to, "/");
	put_number(to, item->block_elements);
	put(to, "/");
	put_number(to, item->block_bytes);
}

static void put_ranges(struct description *to, const struct text_item *item)
{
	put(to, " [");
	for (uint32_t d = 0; d < item->rank; d++) {
		if (d != 0)
			put(to, ",");
		if (item->lengths[d] == CAIRN_FULL) {
			put(to, "-");
			continue;
		}
		put_number(to, item->starts[d]);
		put(to, ":");
		put_number(to, item->lengths[d]);
	}
	put(to, "]");
}

static void put_encoding(struct description *to, const struct text_item *item)
{
	if (item->packing != dtype_packing(item->dtype))
		put(to, item->packing == PACKING_ROW ? " by-row" : " flat");
	if (item->is_lz4)
		put(to, item->is_shuffled ? " lz4-shuffle" : " lz4");
	if (item->encoding == TEXT_BASE64)
		put(to, " base64");
	if (item->encoding == TEXT_BESIDE) {
		put(to, " at ");
		put_number(to, item->offset);
	}
	if (item->encoding == TEXT_DIGEST) {
		put(to, " digest ");
		text_write_id(item->digest.bytes, to->out + to->used);
		to->used += 32;
	}
}

size_t text_write_description(const struct text_item *item, char out[TEXT_ITEM_SIZE_MAX])
{
	struct description to = {.out = out};

	put(&to, " ");
	put_type(&to, item);
	put(&to, " [");
	for (uint32_t d = 0; d < item->rank; d++) {
		if (d != 0)
			put(&to, ",");
		put_number(&to, item->dims[d]);
	}
	put(&to, "]");
	if (item->kind == TEXT_SLICE)
		put_ranges(&to, item);
	put_encoding(&to, item);
	return to.used;
}
