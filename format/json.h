/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading JSON token by token, for headers that come from anywhere.
 *
 * Strict RFC 8259, with the edges where serde_json has them: UTF-8 without a byte order mark, no
 * comments, no trailing commas, no lone surrogates, no number that a double cannot hold, one value
 * and nothing behind it but blanks. The reader looks at each byte once, allocates nothing, and
 * remembers one bit for each open array or object. The text is untrusted and borrowed: tokens point
 * into it.
 *
 * Errors are CORRUPT, nesting that is too deep is LIMIT; the message and `offset` name the byte:
 * its place in the text plus the reader's base.
 */
#ifndef CAIRN_FORMAT_JSON_H
#define CAIRN_FORMAT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cairn/base.h>
#include <cairn/error.h>

#include "format/arena.h"

/* This many open arrays and objects are one too many, as for serde_json. */
#define JSON_DEPTH_LIMIT 128u

enum json_kind {
	JSON_TOKEN_END, /* the text is over, and was right */
	JSON_TOKEN_OBJECT_BEGIN,
	JSON_TOKEN_OBJECT_END,
	JSON_TOKEN_ARRAY_BEGIN,
	JSON_TOKEN_ARRAY_END,
	JSON_TOKEN_KEY, /* its value follows */
	JSON_TOKEN_STRING,
	JSON_TOKEN_NUMBER,
	JSON_TOKEN_TRUE,
	JSON_TOKEN_FALSE,
	JSON_TOKEN_NULL
};

struct json_token {
	enum json_kind kind;
	bool escaped;    /* of keys and strings: the text holds escapes */
	uint64_t offset; /* of its first byte, the reader's base included */
	/* as it stands, of keys and strings without the quotes; borrowed */
	struct cairn_string text;
};

struct json_reader {
	const char *text; /* borrowed */
	size_t size;
	size_t at; /* the first byte that was not looked at */
	uint64_t base;
	uint32_t depth; /* open arrays and objects */
	uint8_t expected;
	uint64_t objects[JSON_DEPTH_LIMIT / 64]; /* a bit for each level: it is an object */
};

/* `base` is added to every offset: where the text lies in its file. */
void json_init(struct json_reader *reader, const char *text, size_t size, uint64_t base);

/* The next token; JSON_TOKEN_END again and again at the end. After a failure the reader is of no
 * further use. */
enum cairn_status json_next(struct json_reader *reader, struct json_token *token,
			    struct cairn_error *error);

/* Reads on behind the value that `first` begins. After a key: behind the value of that key. */
enum cairn_status json_skip(struct json_reader *reader, const struct json_token *first,
			    struct cairn_error *error);

/* "a string", "the end of an object": for messages. Static. */
const char *json_kind_name(enum json_kind kind);

/* The string that a key or string token stands for: borrowed from the text, or decoded into the
 * arena. */
enum cairn_status json_token_string(const struct json_token *token, struct arena *arena,
				    struct cairn_string *string, struct cairn_error *error);

/* A key or string token stands for exactly `text`, which has no NUL. Nothing is allocated. */
bool json_token_is(const struct json_token *token, const char *text);

/* Numbers without fraction, exponent, sign (u64) and loss; false for all others and for "-0". */
bool json_token_u64(const struct json_token *token, uint64_t *value);
bool json_token_i64(const struct json_token *token, int64_t *value);

/* The text of a well-formed number stands for one below the largest double, to its first 17 digits.
 */
bool json_fits_double(const char *text, size_t size);

/* -------------------------------------------------------------------------------------- writing */

enum json_escaping {
	JSON_UTF8, /* as serde_json: only what must be escaped is */
	JSON_ASCII /* as Python's json: everything but printable ASCII is */
};

/* Bytes of `string`, which is valid UTF-8, in quotes. LIMIT is left to the caller: at most 6 for
 * each byte, and 2. */
size_t json_quoted_size(struct cairn_string string, enum json_escaping escaping);

/* Writes them and returns the place behind them. Not terminated. */
char *json_quote(char *out, struct cairn_string string, enum json_escaping escaping);

#endif
