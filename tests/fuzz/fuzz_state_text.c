/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of state files: what is read and written again is read as the same, and written to the
 * same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "format/state_text.h"
#include "format/utf8.h"
#include "tests/fuzz/fuzz.h"

static bool same_number(double a, double b)
{
	return (a != a && b != b) || memcmp(&a, &b, sizeof(a)) == 0;
}

static void check_path(const char *path, const char *again)
{
	FUZZ_MUST(utf8_valid(path, strlen(path)));
	FUZZ_MUST(strcmp(path, again) == 0);
}

static void check_same(const struct state_text *state, const struct state_text *again)
{
	check_path(state->model_path, again->model_path);
	FUZZ_MUST(state->path_count == again->path_count);
	FUZZ_MUST(state->timestamp_count == again->timestamp_count);
	for (uint64_t i = 0; i < state->path_count; i++)
		check_path(state->paths[i], again->paths[i]);
	for (uint64_t i = 0; i < state->timestamp_count; i++)
		FUZZ_MUST(same_number(state->timestamps[i], again->timestamps[i]));
	FUZZ_MUST(same_number(state->last_preserved, again->last_preserved));
}

static void check_written(const struct state_text *state, struct arena *arena)
{
	struct cairn_error error = {0};
	struct state_text again;
	struct cairn_string text;
	struct cairn_string twice;

	FUZZ_MUST(state_text_write(state, arena, &text, &error) == CAIRN_OK);
	FUZZ_MUST(state_text_parse(text, arena, &again, &error) == CAIRN_OK);
	check_same(state, &again);
	FUZZ_MUST(state_text_write(&again, arena, &twice, &error) == CAIRN_OK);
	FUZZ_MUST(twice.size == text.size && memcmp(twice.data, text.data, text.size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *const text = (char *)fuzz_copy(data, size);
	struct cairn_error error = {0};
	struct state_text state;
	struct arena arena;
	enum cairn_status status;

	fuzz_arena_init(&arena);
	status = state_text_parse((struct cairn_string){text, size}, &arena, &state, &error);
	if (status == CAIRN_OK)
		check_written(&state, &arena);
	else
		fuzz_check_error(status, &error);
	if (status != CAIRN_OK)
		FUZZ_MUST(status == CAIRN_CORRUPT && error.offset <= size);
	arena_fini(&arena);
	free(text);
	return 0;
}
