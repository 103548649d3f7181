/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of metadata: one value or a list, each element as it is of a tensor.
 */
#include "tools/metadata_value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/json_value.h"
#include "tools/text.h"

/* Elements of a list that are shown to a person. */
#define ELEMENTS_MAX 8

int metadata_take(const struct cairn_tensor *tensor, struct metadata_value *entry)
{
	struct cairn_error error = {.code = CAIRN_OK};
	enum cairn_status status = CAIRN_OK;

	memset(entry, 0, sizeof(*entry));
	entry->tensor = *tensor;
	if (tensor->dtype != CAIRN_NULL)
		status = cairn_tensor_view(tensor, &entry->view, &error);
	return status == CAIRN_OK ? CLI_GO_ON : cli_fail(status, &error);
}

int metadata_json(struct json_output *json, const struct metadata_value *entry, uint64_t count)
{
	const struct cairn_tensor *tensor = &entry->tensor;
	const unsigned char *data = entry->view.data;
	const size_t size = tensor->block_bytes;
	int result = CLI_GO_ON;

	if (tensor->dtype == CAIRN_NULL) {
		emit_null(json);
		return result;
	}
	if (tensor->block_elements != 1) { /* packed types have no elements of their own */
		emit_hex(json, data, (size_t)entry->view.size);
		return result;
	}
	if (tensor->rank)
		emit_begin_array(json);
	for (uint64_t i = 0; i < count && result == CLI_GO_ON; i++) {
		if (cli_has_strings(tensor))
			result = json_string(json, tensor, &entry->view, i);
		else
			json_element(json, tensor->dtype, data + i * size, size);
	}
	if (tensor->rank)
		emit_end_array(json);
	return result;
}

/* Makes one line of a value: an array or object that is the outermost one has each element on a
 * line of its own. */
static size_t join_lines(char *text, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < size; i++) {
		if (text[i] != '\n')
			text[used++] = text[i];
		else if (used && strchr("[{", text[used - 1]) && i + 1 < size && text[i + 1] == ' ')
			i++;
	}
	return used;
}

int metadata_print(FILE *file, const struct metadata_value *entry)
{
	const uint64_t all = entry->tensor.element_count;
	const uint64_t count = all < ELEMENTS_MAX ? all : ELEMENTS_MAX;
	char *text = NULL;
	size_t size = 0;
	struct json_output json = {.file = open_memstream(&text, &size)};

	if (!json.file)
		return cli_error(CLI_UNKNOWN, "out of memory");
	const int result = metadata_json(&json, entry, count);
	if (fclose(json.file) == 0 && result == CLI_GO_ON) {
		const struct cairn_string line = {text, join_lines(text, size)};
		text_print(file, line, METADATA_COLUMNS_MAX);
	}
	if (count < all)
		fprintf(file, " ... %" PRIu64 " in all", all);
	free(text);
	return result;
}
