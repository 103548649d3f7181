/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text form of a checkpoint, line by line: FORMAT.md, "Text form".
 *
 * Pure functions over one line. What is read is hostile: nothing but the line is looked at, a
 * number is in its type's range or refused, and what a line allocates is less than the line. That
 * lines fit each other is for whoever reads them.
 */
#ifndef CAIRN_FORMAT_TEXT_FORM_H
#define CAIRN_FORMAT_TEXT_FORM_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/base.h>
#include <cairn/dtype.h>
#include <cairn/error.h>

#include "format/arena.h"
#include "format/element_text.h"

/* The first line of every text is this; a later version has another number. */
#define TEXT_FORM_NAME    "cairn-text"
#define TEXT_FORM_VERSION 1u

/* Bytes of a line: two names of the largest size, with every byte escaped, and a shape. */
#define TEXT_LINE_SIZE_MAX ((size_t)16 << 20)

enum text_line_kind {
	TEXT_LINE_BLANK,   /* or a comment */
	TEXT_LINE_VALUES,  /* begins with a blank: belongs to the item before it */
	TEXT_LINE_SETTING, /* of the container */
	TEXT_LINE_ITEM
};

enum text_item_kind {
	TEXT_TENSOR,
	TEXT_SLICE,
	TEXT_ALIAS,
	TEXT_METADATA
};

/* How the values of an item are written. */
enum text_encoding {
	TEXT_READABLE, /* numbers, strings */
	TEXT_BASE64,
	TEXT_BESIDE, /* in the second file */
	TEXT_DIGEST  /* they are not */
};

struct text_settings {
	uint64_t alignment;  /* 0: the default */
	uint32_t chunk_size; /* 0: the default */
	uint8_t save_id[16];
	struct cairn_digest parent_id;
	uint64_t generation;
	struct cairn_digest content_id; /* of what the text was made of; zero: it does not say */
	struct cairn_string beside;     /* name of the second file; data NULL: there is none */
};

struct text_item {
	enum text_item_kind kind;
	struct cairn_string name;
	struct cairn_string target; /* of an alias */
	enum cairn_dtype dtype;
	uint32_t block_elements;
	uint32_t block_bytes;
	uint32_t rank;
	uint64_t dims[CAIRN_RANK_MAX];
	uint64_t starts[CAIRN_RANK_MAX]; /* of a slice */
	uint64_t lengths[CAIRN_RANK_MAX];
	uint8_t packing;  /* enum packing_scope */
	bool is_lz4;      /* of a tensor or slice: compressed where that saves something, and */
	bool is_shuffled; /* its bytes sorted before */
	enum text_encoding encoding;
	uint64_t offset; /* in the second file */
	struct cairn_digest digest;
};

/* What a line is, without the line break. */
enum text_line_kind text_line_kind(struct cairn_string line);

/* The first line. NOT_A_CHECKPOINT; UNSUPPORTED (a later version). */
enum cairn_status text_parse_first(struct cairn_string line, struct cairn_error *error);

/* Adds a setting; strings are in the arena. CORRUPT, NO_MEMORY. */
enum cairn_status text_parse_setting(struct cairn_string line, struct arena *arena,
				     struct text_settings *settings, struct cairn_error *error);

/* Reads an item; strings are in the arena. CORRUPT, NO_MEMORY. */
enum cairn_status text_parse_item(struct cairn_string line, struct arena *arena,
				  struct text_item *item, struct cairn_error *error);

/* The next word of a line of values, from *at on: false at its end. */
bool text_next_word(struct cairn_string line, size_t *at, struct cairn_string *word);

/* -------------------------------------------------------------------------------------- writing */

/* Room for everything of an item but its names. */
#define TEXT_ITEM_SIZE_MAX ((size_t)(CAIRN_RANK_MAX * 3 * 21 + 256))

/* What stands behind the name, with the blank in front: type, shape, slice and how values are
 * written. Returns its size. */
size_t text_write_description(const struct text_item *item, char out[TEXT_ITEM_SIZE_MAX]);

/* "tensor" and so on. Static. */
const char *text_item_word(enum text_item_kind kind);

/* 32 digits, not terminated. */
void text_write_id(const uint8_t id[16], char out[32]);

#endif
