/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON tokenizer: reading token by token and skipping agree, and every string, written again in
 * either escaping, is read as the same string.
 */
#include <stdlib.h>
#include <string.h>

#include "format/json.h"
#include "format/utf8.h"
#include "tests/fuzz/fuzz.h"

#define BASE 8u

static void check_number(const struct json_token *token)
{
	int64_t number;
	uint64_t positive;

	FUZZ_MUST(json_fits_double(token->text.data, token->text.size));
	if (json_token_u64(token, &positive) && positive <= INT64_MAX) {
		FUZZ_MUST(json_token_i64(token, &number));
		FUZZ_MUST((uint64_t)number == positive);
	}
}

static void check_written(struct cairn_string string, enum json_escaping escaping,
			  struct arena *arena)
{
	const size_t size = json_quoted_size(string, escaping);
	char *const text = (char *)fuzz_copy("", 0);
	char *const quoted = realloc(text, size);
	struct cairn_error error = {0};
	struct json_reader reader;
	struct json_token token;
	struct cairn_string again;

	FUZZ_MUST(quoted != NULL && json_quote(quoted, string, escaping) == quoted + size);
	json_init(&reader, quoted, size, 0);
	FUZZ_MUST(json_next(&reader, &token, &error) == CAIRN_OK);
	FUZZ_MUST(json_token_string(&token, arena, &again, &error) == CAIRN_OK);
	FUZZ_MUST(again.size == string.size && memcmp(again.data, string.data, again.size) == 0);
	FUZZ_MUST(json_next(&reader, &token, &error) == CAIRN_OK);
	FUZZ_MUST(token.kind == JSON_TOKEN_END);
	free(quoted);
}

static void check_string(const struct json_token *token, struct arena *arena)
{
	struct cairn_error error = {0};
	struct cairn_string string;

	FUZZ_MUST(json_token_string(token, arena, &string, &error) == CAIRN_OK);
	FUZZ_MUST(utf8_valid(string.data, string.size));
	check_written(string, JSON_UTF8, arena);
	check_written(string, JSON_ASCII, arena);
}

static void check_token(const struct json_token *token, const char *text, size_t size,
			struct arena *arena)
{
	FUZZ_MUST(token->offset >= BASE && token->offset - BASE <= size);
	if (token->kind == JSON_TOKEN_NUMBER)
		check_number(token);
	if (token->kind == JSON_TOKEN_KEY || token->kind == JSON_TOKEN_STRING)
		check_string(token, arena);
	if (token->text.size != 0)
		FUZZ_MUST(token->text.data >= text &&
			  token->text.data + token->text.size <= text + size);
	FUZZ_MUST(json_kind_name(token->kind) != NULL);
}

static enum cairn_status read_all(const char *text, size_t size, struct arena *arena)
{
	struct cairn_error error = {0};
	struct json_reader reader;
	struct json_token token;
	enum cairn_status status;

	json_init(&reader, text, size, BASE);
	do {
		status = json_next(&reader, &token, &error);
		if (status == CAIRN_OK)
			check_token(&token, text, size, arena);
	} while (status == CAIRN_OK && token.kind != JSON_TOKEN_END);
	if (status != CAIRN_OK) {
		fuzz_check_error(status, &error);
		FUZZ_MUST(error.offset >= BASE && error.offset - BASE <= size);
	}
	return status;
}

static enum cairn_status skip_all(const char *text, size_t size)
{
	struct cairn_error error = {0};
	struct json_reader reader;
	struct json_token token;
	enum cairn_status status;

	json_init(&reader, text, size, BASE);
	status = json_next(&reader, &token, &error);
	if (status == CAIRN_OK)
		status = json_skip(&reader, &token, &error);
	if (status == CAIRN_OK)
		status = json_next(&reader, &token, &error);
	if (status == CAIRN_OK)
		FUZZ_MUST(token.kind == JSON_TOKEN_END);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;

	fuzz_arena_init(&arena);
	FUZZ_MUST(read_all((const char *)data, size, &arena) == skip_all((const char *)data, size));
	arena_fini(&arena);
	return 0;
}
