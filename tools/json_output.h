/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON, element by element, so that a listing of a million tensors is never held in memory.
 */
#ifndef CAIRN_TOOLS_JSON_OUTPUT_H
#define CAIRN_TOOLS_JSON_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cairn/base.h>
#include <cairn/reader.h>

#define JSON_DEPTH_MAX 16

/* Zero but for what the caller sets at the beginning. */
struct json_output {
	FILE *file;                  /* borrowed */
	unsigned depth;              /* of arrays and objects that are open */
	bool filled[JSON_DEPTH_MAX]; /* something was written at that depth: a comma is due */
	bool after_key;              /* the next value belongs to the key that was just written */
	bool on_one_line;            /* set by the caller: a document is one line */
	bool failed;                 /* memory ran out: what was written is not JSON */
};

void emit_begin_object(struct json_output *json);
void emit_end_object(struct json_output *json);
void emit_begin_array(struct json_output *json);
void emit_end_array(struct json_output *json);

/* Keys inside an object; each is followed by one value. */
void emit_key(struct json_output *json, const char *key);
void emit_key_string(struct json_output *json, struct cairn_string key);

/* Values. Of a string that is not UTF-8 the bad bytes become U+FFFD: emit_is_text tells before. */
void emit_string(struct json_output *json, struct cairn_string value);
void emit_text(struct json_output *json, const char *value); /* NULL: null */
void emit_unsigned(struct json_output *json, uint64_t value);
void emit_signed(struct json_output *json, int64_t value);
void emit_bool(struct json_output *json, bool value);
void emit_null(struct json_output *json);

/* The shortest form that gives the same number back; NaN and infinities, which JSON lacks, as
 * strings. */
void emit_double(struct json_output *json, double value);
void emit_float(struct json_output *json, float value);

/* "xxh3-128:HEX" */
void emit_digest(struct json_output *json, const struct cairn_digest *digest);
/* As "crc32c:HEX"; null for CAIRN_CRC_NONE. */
void emit_crc(struct json_output *json, uint32_t kind, uint32_t crc);

/* {"hex": "00ff"} */
void emit_hex(struct json_output *json, const void *data, size_t size);

/* The bytes are UTF-8. */
bool emit_is_text(struct cairn_string value);

/* Ends the document with a newline; false when it could not be written. */
bool emit_finish(struct json_output *json);

#endif
