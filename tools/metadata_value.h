/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of metadata, as JSON and for people.
 */
#ifndef CAIRN_TOOLS_METADATA_VALUE_H
#define CAIRN_TOOLS_METADATA_VALUE_H

#include <stdio.h>

#include <cairn/cairn.h>

#include "tools/json_output.h"

/* What is shown to a person of a value, or of a key. */
#define METADATA_COLUMNS_MAX 60

/* An entry with its bytes. */
struct metadata_value {
	struct cairn_tensor tensor;
	struct cairn_view view; /* owned */
};

/* All return CLI_GO_ON, or the exit status after printing the error. */

/* Reads an entry. Its view is to be released. */
int metadata_take(const struct cairn_tensor *tensor, struct metadata_value *entry);

/* The first `count` of its elements: one value, or a list. */
int metadata_json(struct json_output *json, const struct metadata_value *entry, uint64_t count);

/* The first of its elements, cut to one line, which is not ended. */
int metadata_print(FILE *file, const struct metadata_value *entry);

#endif
