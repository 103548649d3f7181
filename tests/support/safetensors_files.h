/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safetensors files made in memory, whole files in a world, and the golden ones.
 */
#ifndef CAIRN_TESTS_SAFETENSORS_FILES_H
#define CAIRN_TESTS_SAFETENSORS_FILES_H

#include <stddef.h>
#include <stdint.h>

#include <cairn/reader.h>

#include "tests/support/system_world.h"

/* Bytes from malloc: the caller frees `data`. */
struct bytes {
	uint8_t *data;
	size_t size;
};

/* Length, header as it stands, and `data_size` bytes of data_byte(). */
struct bytes st_bytes(const char *json, size_t data_size);

/* Byte `offset` of the data of every file made here. */
uint8_t data_byte(uint64_t offset);

/* Whole files in a world. Names may lead through folders. All of these assert that it works. */
void world_write(const struct world *world, const char *name, const void *data, size_t size);
void world_write_text(const struct world *world, const char *name, const char *text);
void world_write_st(const struct world *world, const char *name, const char *json,
		    size_t data_size);
struct bytes world_read(const struct world *world, const char *name);
bool world_has(const struct world *world, const char *name);
uint32_t world_entries(const struct world *world);
void world_make_folder(const struct world *world, const char *name);
void world_remove(const struct world *world, const char *name);

/* A file of tests/data/golden. The suite runs under CTest, which says where that is. */
struct bytes golden_bytes(const char *name);
void world_write_golden(const struct world *world, const char *name);

/* Byte `i` of the k-th tensor of a golden file, as tests/data/make_golden.py has it. */
uint8_t golden_byte(unsigned k, uint64_t i);

/* cairn_reader_open of a name in a world. */
enum cairn_status world_open_reader(const struct world *world, const char *name,
				    const struct cairn_reader_options *options,
				    struct cairn_reader **reader, struct cairn_error *error);

/* The same, asserting that it works. */
struct cairn_reader *world_reader(const struct world *world, const char *name);

/* Asserts that both hold the same tensors and metadata, to the last bit. */
void assert_same_checkpoint(const struct cairn_reader *a, const struct cairn_reader *b);

/* The text of a metadata entry, or NULL when there is none; valid until the next call. */
const char *metadata_text(const struct cairn_reader *reader, const char *key);

#endif
