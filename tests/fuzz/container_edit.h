/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutations that know what a container is made of: fields of pages and records take values that are
 * worth a try, records are doubled, exchanged and dropped, and the sections move along.
 */
#ifndef CAIRN_TESTS_FUZZ_CONTAINER_EDIT_H
#define CAIRN_TESTS_FUZZ_CONTAINER_EDIT_H

#include <stddef.h>
#include <stdint.h>

#include "tests/support/random.h"

/* Mutates a squeezed container in place; what LLVMFuzzerCustomMutator returns. Digests are left to
 * the target. */
size_t container_edit(uint8_t *data, size_t size, size_t size_max, unsigned int seed);

/* One change to an array of records of a section; its size stays. */
void section_edit(uint32_t section_type, uint8_t *bytes, size_t size, struct random *random);

/* Bytes of a record of a section. */
size_t section_record_size(uint32_t section_type);

/* A value that `old` may be replaced with: near a power of two, near `old`, near another number
 * that occurs (`hint`), or anything. */
uint64_t value_worth_a_try(uint64_t old, uint64_t hint, struct random *random);

#endif
