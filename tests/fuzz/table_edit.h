/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow's tables for fuzzing: mutations of their entries, and checksums that fit.
 */
#ifndef CAIRN_TESTS_FUZZ_TABLE_EDIT_H
#define CAIRN_TESTS_FUZZ_TABLE_EDIT_H

#include <stddef.h>
#include <stdint.h>

/* Mutates a table in place: a sound one mostly by an entry, which is put back where its key belongs
 * in a table written anew; what LLVMFuzzerCustomMutator returns. */
size_t table_edit(uint8_t *data, size_t size, size_t size_max, unsigned int seed);

/* Makes the CRCs of the blocks fit that footer and index name, as far as they lie in the table.
 * Anything may be wrong with it. */
void table_reseal(uint8_t *bytes, size_t size);

#endif
