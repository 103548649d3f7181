/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metadata values as words of a command line.
 */
#ifndef CAIRN_TOOLS_VALUE_TEXT_H
#define CAIRN_TOOLS_VALUE_TEXT_H

#include <cairn/edit.h>

/* What a value borrows. Starts as zeros; freed in any case. */
struct value_text {
	char *text;                   /* a copy, taken apart */
	unsigned char *data;          /* of numbers */
	struct cairn_string *strings; /* into `text` */
	uint64_t count;
};

/*
 * "KEY=VALUE" or "KEY=TYPE:VALUE". Without a type: true and false are bool, whole numbers i64,
 * others f64, null is null, everything else is text; a list in [] has elements of one type, and
 * those that hold ',' or ']' stand in quotes. Types: bool, the integers, f32, f64, string, bytes.
 * CLI_GO_ON, or the exit status after printing the error.
 */
int value_text_parse(const char *command, const char *word, struct value_text *value,
		     struct cairn_metadata_value *metadata);
void value_text_free(struct value_text *value);

#endif
