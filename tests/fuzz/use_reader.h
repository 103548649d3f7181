/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks an open checkpoint everything that it can be asked, whatever bytes it came from, and aborts
 * when two answers contradict each other.
 */
#ifndef CAIRN_TESTS_FUZZ_USE_READER_H
#define CAIRN_TESTS_FUZZ_USE_READER_H

#include <stdbool.h>

#include <cairn/reader.h>

/* Options with which no input can make a target ask for much memory. */
struct cairn_reader_options fuzz_reader_options(void);

/* Opens bytes in memory and checks what open promises. NULL when they are refused. */
struct cairn_reader *fuzz_open(const uint8_t *data, size_t size,
			       const struct cairn_reader_options *options);

/*
 * Lists, finds and reads all tensors and metadata, each in several ways, and verifies. What must
 * hold: one name, one record; the same bytes by every way; no failure without a message; outputs
 * left alone by a failure; nothing that verify found sound fails. Returns whether it did.
 */
bool fuzz_use_reader(const struct cairn_reader *reader);

#endif
