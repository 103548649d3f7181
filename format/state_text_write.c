/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the state file's text, byte for byte as Python's protobuf does: fields in the order of
 * their numbers, empty and zero ones left out, UTF-8 as it is. The same function measures and
 * writes.
 */
#include <inttypes.h>
#include <string.h>

#include "format/decimal.h"
#include "format/element.h"
#include "format/error.h"
#include "format/state_text.h"
#include "format/utf8.h"

/* Without `data` only the size is counted. */
struct output {
	char *data;
	size_t size;
};

static void put(struct output *output, const char *bytes, size_t size)
{
	if (output->data != NULL)
		memcpy(output->data + output->size, bytes, size);
	output->size += size;
}

static void put_text(struct output *output, const char *text)
{
	put(output, text, strlen(text));
}

static void put_escaped(struct output *output, unsigned char c)
{
	static const char specials[] = "\n\r\t\"'\\";
	static const char letters[] = "nrt\"'\\";
	const char *const special = memchr(specials, c, sizeof(specials) - 1);
	const char octal[] = {'\\', (char)('0' + (c >> 6)), (char)('0' + ((c >> 3) & 7)),
			      (char)('0' + (c & 7))};
	const char plain = (char)c;

	if (special != NULL) {
		put(output, "\\", 1);
		put(output, &letters[special - specials], 1);
	} else if (c < 0x20 || c == 0x7f) {
		put(output, octal, sizeof(octal));
	} else {
		put(output, &plain, 1);
	}
}

static void put_string(struct output *output, const char *name, const char *value)
{
	put_text(output, name);
	put_text(output, ": \"");
	for (const char *c = value; *c != '\0'; c++)
		put_escaped(output, (unsigned char)*c);
	put_text(output, "\"\n");
}

static void put_number(struct output *output, const char *name, double value)
{
	char text[DECIMAL_SIZE];

	put_text(output, name);
	put_text(output, ": ");
	put(output, text, decimal_write(value, text));
	put_text(output, "\n");
}

/* Negative zero is a value, as it is for protobuf. */
static bool is_default(double value)
{
	return element_bits_f64(value) == 0;
}

static void put_state(struct output *output, const struct state_text *state)
{
	if (state->model_path[0] != '\0')
		put_string(output, "model_checkpoint_path", state->model_path);
	for (uint64_t i = 0; i < state->path_count; i++)
		put_string(output, "all_model_checkpoint_paths", state->paths[i]);
	for (uint64_t i = 0; i < state->timestamp_count; i++)
		put_number(output, "all_model_checkpoint_timestamps", state->timestamps[i]);
	if (!is_default(state->last_preserved))
		put_number(output, "last_preserved_timestamp", state->last_preserved);
}

static enum cairn_status check_path(const char *path, struct cairn_error *error)
{
	if (utf8_valid(path, strlen(path)))
		return CAIRN_OK;
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
			 "the path %s is no UTF-8: a state file cannot hold it",
			 quote(cairn_string_from(path)).text);
}

enum cairn_status state_text_write(const struct state_text *state, struct arena *arena,
				   struct cairn_string *text, struct cairn_error *error)
{
	struct output output = {.data = NULL};
	enum cairn_status status;

	status = check_path(state->model_path, error);
	for (uint64_t i = 0; i < state->path_count && status == CAIRN_OK; i++)
		status = check_path(state->paths[i], error);
	if (status != CAIRN_OK)
		return status;
	put_state(&output, state);
	if (output.size > STATE_TEXT_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "a state file of %zu bytes, more than %zu: it lists %" PRIu64
				 " checkpoints",
				 output.size, STATE_TEXT_SIZE_MAX, state->path_count);
	output.data = arena_allocate(arena, output.size + 1);
	if (output.data == NULL)
		return error_set_memory(error, "the text of a state file");
	output.size = 0;
	put_state(&output, state);
	output.data[output.size] = '\0';
	*text = (struct cairn_string){output.data, output.size};
	return CAIRN_OK;
}
