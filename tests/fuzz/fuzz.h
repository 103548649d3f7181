/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every fuzz target needs. A target is one file fuzz_<name>.c, which hands the fuzzer's bytes
 * to one entry point and aborts when an answer contradicts what is promised; the sanitizers see the
 * rest. It is linked either with libFuzzer, or with replay.c, which feeds it the files of a corpus.
 */
#ifndef CAIRN_TESTS_FUZZ_H
#define CAIRN_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cairn/error.h>

#include "format/arena.h"

/* The target. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of targets whose input has a structure: changes it in place and returns the new size. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed);

/* The fuzzer's own mutation of bytes, for custom mutators. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);

/* Aborts, and says what was not so. */
#define FUZZ_MUST(condition) fuzz_must((condition), #condition, __FILE__, __LINE__)
void fuzz_must(bool holds, const char *condition, const char *file, int line);

/* A failure's record is complete: it has this status, and a line of text for a terminal. */
void fuzz_check_error(enum cairn_status status, const struct cairn_error *error);

/* Takes the input apart from its front. Past its end everything is zero. */
struct fuzz_input {
	const uint8_t *next;
	size_t left;
};
uint8_t fuzz_take_u8(struct fuzz_input *input);
uint16_t fuzz_take_u16(struct fuzz_input *input);
uint64_t fuzz_take_u64(struct fuzz_input *input);

/* A number of which small ones and the largest ones are as likely as the rest. */
uint64_t fuzz_take_number(struct fuzz_input *input);

/* At most `size` bytes; the pointer is into the input. */
const uint8_t *fuzz_take_bytes(struct fuzz_input *input, size_t size, size_t *taken);

/* Exactly these bytes and nothing behind them, so that a sanitizer sees who reads on. To be freed;
 * never NULL. */
uint8_t *fuzz_copy(const void *bytes, size_t size);

/* An arena on malloc, with at most FUZZ_ARENA_MAX bytes. */
#define FUZZ_ARENA_MAX ((size_t)128 << 20)
void fuzz_arena_init(struct arena *arena);

#endif
