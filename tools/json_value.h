/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elements of tensors and of metadata as JSON.
 */
#ifndef CAIRN_TOOLS_JSON_VALUE_H
#define CAIRN_TOOLS_JSON_VALUE_H

#include <cairn/reader.h>

#include "tools/json_output.h"

/* An element of a fixed size: a boolean, a number, [real, imaginary]; {"hex": ...} where it is no
 * number. */
void json_element(struct json_output *json, enum cairn_dtype dtype, const void *data, size_t size);

/* Element `index` of a view of strings: text where it is UTF-8, else hex. Returns CLI_GO_ON or the
 * exit status. */
int json_string(struct json_output *json, const struct cairn_tensor *tensor,
		const struct cairn_view *view, uint64_t index);

#endif
