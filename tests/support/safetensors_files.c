/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files for the safetensors suites. Everything goes through the world's system, so that a test
 * holds on the real system and on the one in memory alike.
 */
#include "tests/support/safetensors_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "engine/read/reader.h"
#include "format/bytes.h"

uint8_t data_byte(uint64_t offset)
{
	return (uint8_t)(offset * 37 % 251);
}

struct bytes st_bytes(const char *json, size_t data_size)
{
	const size_t header = 8 + strlen(json);
	struct bytes bytes = {.data = malloc(header + data_size), .size = header + data_size};

	ck_assert_ptr_nonnull(bytes.data);
	store_u64(bytes.data, strlen(json));
	memcpy(bytes.data + 8, json, strlen(json));
	for (size_t i = 0; i < data_size; i++)
		bytes.data[header + i] = data_byte(i);
	return bytes;
}

/* --------------------------------------------------------------------------------------- worlds */

void world_write(const struct world *world, const char *name, const void *data, size_t size)
{
	int fd;

	system_unlink(world->system, world->directory, name);
	fd = system_create(world->system, world->directory, name, 0644, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(system_write_all(world->system, fd, data, size, 0), 0);
	ck_assert_int_eq(system_close(world->system, fd), 0);
}

void world_write_text(const struct world *world, const char *name, const char *text)
{
	world_write(world, name, text, strlen(text));
}

void world_write_st(const struct world *world, const char *name, const char *json, size_t data_size)
{
	const struct bytes bytes = st_bytes(json, data_size);

	world_write(world, name, bytes.data, bytes.size);
	free(bytes.data);
}

struct bytes world_read(const struct world *world, const char *name)
{
	const int fd = system_open(world->system, world->directory, name, 0);
	struct system_status status;
	struct bytes bytes;

	ck_assert_msg(fd >= 0, "%s is not there", name);
	ck_assert_int_eq(system_status(world->system, fd, &status), 0);
	bytes = (struct bytes){.data = malloc(status.size + 1), .size = status.size};
	ck_assert_ptr_nonnull(bytes.data);
	ck_assert_int_eq(system_read_all(world->system, fd, bytes.data, bytes.size, 0),
			 (int64_t)bytes.size);
	bytes.data[bytes.size] = '\0';
	system_close(world->system, fd);
	return bytes;
}

bool world_has(const struct world *world, const char *name)
{
	struct system_status status;

	return system_status_at(world->system, world->directory, name, false, &status) == 0;
}

static int count_entry(void *context, const char *name)
{
	(void)name;
	++*(uint32_t *)context;
	return 0;
}

uint32_t world_entries(const struct world *world)
{
	uint32_t count = 0;

	ck_assert_int_eq(system_list(world->system, world->directory, count_entry, &count), 0);
	return count;
}

void world_make_folder(const struct world *world, const char *name)
{
	ck_assert_int_eq(system_make_directory(world->system, world->directory, name, 0777), 0);
}

void world_remove(const struct world *world, const char *name)
{
	if (system_unlink(world->system, world->directory, name) != 0)
		ck_assert_int_eq(system_remove_directory(world->system, world->directory, name), 0);
}

/* --------------------------------------------------------------------------------------- golden */

struct bytes golden_bytes(const char *name)
{
	const char *const folder = getenv("CAIRN_TEST_DATA");
	struct bytes bytes = {.data = malloc(8192)};
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/golden/%s", folder == NULL ? "tests/data" : folder, name);
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL && bytes.data != NULL, "cannot open %s", path);
	bytes.size = fread(bytes.data, 1, 8192, file);
	ck_assert_uint_lt(bytes.size, 8192);
	fclose(file);
	return bytes;
}

void world_write_golden(const struct world *world, const char *name)
{
	const struct bytes bytes = golden_bytes(name);

	world_write(world, name, bytes.data, bytes.size);
	free(bytes.data);
}

uint8_t golden_byte(unsigned k, uint64_t i)
{
	return (uint8_t)(31 * k + 7 * i);
}

/* -------------------------------------------------------------------------------------- readers */

enum cairn_status world_open_reader(const struct world *world, const char *name,
				    const struct cairn_reader_options *options,
				    struct cairn_reader **reader, struct cairn_error *error)
{
	return reader_open_path(world->system, world_path(world, name), options, reader, error);
}

struct cairn_reader *world_reader(const struct world *world, const char *name)
{
	struct cairn_reader *reader = NULL;
	struct cairn_error error;
	const struct cairn_reader_options options = {.flags = CAIRN_OPEN_CHECK_INDEX};
	const enum cairn_status status = world_open_reader(world, name, &options, &reader, &error);

	ck_assert_msg(status == CAIRN_OK, "%s: %s", name, error.message);
	return reader;
}

static void assert_same_string(struct cairn_string a, struct cairn_string b)
{
	ck_assert_uint_eq(a.size, b.size);
	ck_assert(a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static void assert_same_tensor(const struct cairn_tensor *a, const struct cairn_tensor *b)
{
	struct cairn_view left = {0};
	struct cairn_view right = {0};

	assert_same_string(a->name, b->name);
	ck_assert_uint_eq(a->dtype, b->dtype);
	ck_assert_uint_eq(a->rank, b->rank);
	ck_assert(a->rank == 0 || memcmp(a->dims, b->dims, a->rank * sizeof(*a->dims)) == 0);
	ck_assert_uint_eq(cairn_tensor_view(a, &left, NULL), CAIRN_OK);
	ck_assert_uint_eq(cairn_tensor_view(b, &right, NULL), CAIRN_OK);
	ck_assert_uint_eq(left.size, right.size);
	ck_assert_int_eq(memcmp(left.data, right.data, left.size), 0);
	cairn_view_release(&left);
	cairn_view_release(&right);
}

void assert_same_checkpoint(const struct cairn_reader *a, const struct cairn_reader *b)
{
	const uint64_t tensors = cairn_reader_tensor_count(a);
	const uint64_t entries = cairn_reader_metadata_count(a);
	struct cairn_tensor left;
	struct cairn_tensor right;

	ck_assert_uint_eq(tensors, cairn_reader_tensor_count(b));
	ck_assert_uint_eq(entries, cairn_reader_metadata_count(b));
	for (uint64_t i = 0; i < tensors; i++) {
		ck_assert_uint_eq(cairn_reader_tensor_at(a, i, &left, NULL), CAIRN_OK);
		ck_assert_uint_eq(cairn_reader_tensor_at(b, i, &right, NULL), CAIRN_OK);
		assert_same_tensor(&left, &right);
	}
	for (uint64_t i = 0; i < entries; i++) {
		ck_assert_uint_eq(cairn_reader_metadata_at(a, i, &left, NULL), CAIRN_OK);
		ck_assert_uint_eq(cairn_reader_metadata_at(b, i, &right, NULL), CAIRN_OK);
		assert_same_tensor(&left, &right);
	}
}

const char *metadata_text(const struct cairn_reader *reader, const char *key)
{
	static char text[256];
	struct cairn_tensor value;
	struct cairn_view view;
	struct cairn_string string;

	if (cairn_reader_metadata_find(reader, cairn_string_from(key), &value, NULL) != CAIRN_OK)
		return NULL;
	ck_assert_uint_eq(value.dtype, CAIRN_STRING);
	ck_assert_uint_eq(cairn_tensor_view(&value, &view, NULL), CAIRN_OK);
	ck_assert_uint_eq(cairn_view_string(&value, &view, 0, &string, NULL), CAIRN_OK);
	snprintf(text, sizeof(text), "%.*s", (int)string.size, string.data);
	cairn_view_release(&view);
	return text;
}
