/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/utf8.h"

void fuzz_must(bool holds, const char *condition, const char *file, int line)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
	abort();
}

void fuzz_check_error(enum cairn_status status, const struct cairn_error *error)
{
	const char *const end = memchr(error->message, '\0', sizeof(error->message));

	FUZZ_MUST(status != CAIRN_OK && error->code == status);
	FUZZ_MUST(end != NULL && end != error->message && end[-1] != '.');
	FUZZ_MUST(utf8_valid(error->message, (size_t)(end - error->message)));
	for (const char *c = error->message; c != end; c++)
		FUZZ_MUST((unsigned char)*c >= ' ' && *c != 0x7f);
}

const uint8_t *fuzz_take_bytes(struct fuzz_input *input, size_t size, size_t *taken)
{
	const uint8_t *const bytes = input->next;

	*taken = size < input->left ? size : input->left;
	input->next += *taken;
	input->left -= *taken;
	return bytes;
}

static uint64_t take(struct fuzz_input *input, size_t size)
{
	uint64_t value = 0;
	size_t taken;
	const uint8_t *const bytes = fuzz_take_bytes(input, size, &taken);

	if (taken != 0)
		memcpy(&value, bytes, taken);
	return value;
}

uint8_t fuzz_take_u8(struct fuzz_input *input)
{
	return (uint8_t)take(input, 1);
}

uint16_t fuzz_take_u16(struct fuzz_input *input)
{
	return (uint16_t)take(input, 2);
}

uint64_t fuzz_take_u64(struct fuzz_input *input)
{
	return take(input, 8);
}

uint64_t fuzz_take_number(struct fuzz_input *input)
{
	const uint8_t first = fuzz_take_u8(input);

	if (first < 0xf0)
		return first;
	switch (first & 3) {
	case 0:
		return fuzz_take_u16(input);
	case 1:
		return UINT64_MAX - fuzz_take_u8(input);
	case 2:
		return (UINT64_C(1) << (fuzz_take_u8(input) & 63)) - 1;
	default:
		return fuzz_take_u64(input);
	}
}

static void *allocate(void *context, size_t size)
{
	(void)context;
	return malloc(size);
}

static void give_back(void *context, void *memory)
{
	(void)context;
	free(memory);
}

uint8_t *fuzz_copy(const void *bytes, size_t size)
{
	uint8_t *const copy = malloc(size);

	if (copy == NULL && size != 0)
		abort();
	if (size != 0)
		memcpy(copy, bytes, size);
	return copy;
}

void fuzz_arena_init(struct arena *arena)
{
	arena_init(arena, (struct arena_source){allocate, give_back, NULL}, FUZZ_ARENA_MAX);
}
