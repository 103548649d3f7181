/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indexes that TensorFlow wrote: the project's own (tests/data/golden/tensorflow), and those of the
 * shared corpus (../shared/tests) where it is there.
 */
#ifndef CAIRN_TESTS_TENSORFLOW_FILES_H
#define CAIRN_TESTS_TENSORFLOW_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file_bytes {
	uint8_t *bytes; /* to be freed */
	size_t size;
};

/* Any file. */
struct file_bytes disk_file(const char *path);

/* A file of the project's own, by its path below tests/data/golden/tensorflow. */
struct file_bytes golden_file(const char *name);

/* Calls `visit` for each index of the corpus: all golden ones, and (`old`) those of fixtures of old
 * releases; returns how many there were, 0 without a corpus. */
size_t visit_corpus(bool old, void (*visit)(const char *path, const uint8_t *bytes, size_t size));

#endif
