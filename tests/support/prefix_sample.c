/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/prefix_sample.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/write/prefix_files.h"
#include "engine/write/publish_prefix.h"
#include "engine/write/recover.h"

#define CONTENT_SIZE 40u
#define INDEX_ROLE   UINT8_MAX

/* Two bytes are all that tells: the rest makes a file that can be read in part. */
static void fill(const struct prefix_sample *sample, uint32_t number, uint8_t content[CONTENT_SIZE])
{
	const bool is_index = number == sample->shards;

	memset(content, sample->generation, CONTENT_SIZE);
	content[1] = (uint8_t)sample->shards;
	content[CONTENT_SIZE - 1] = is_index ? INDEX_ROLE : (uint8_t)number;
}

static void name_of(const char *prefix, const struct prefix_sample *sample, uint32_t number,
		    char name[SYSTEM_NAME_SIZE])
{
	const struct data_number data = {number, sample->shards};

	if (number == sample->shards)
		prefix_index_name(prefix, name);
	else
		prefix_data_name(prefix, data, name);
}

/* ------------------------------------------------------------------------------------- writing */

enum cairn_status prefix_drafts(struct folder *folder, const char *prefix,
				const struct prefix_sample *sample, struct draft *drafts,
				struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i <= sample->shards; i++)
		drafts[i] = (struct draft){.fd = -1};
	for (uint32_t i = 0; i <= sample->shards && status == CAIRN_OK; i++) {
		uint8_t content[CONTENT_SIZE];
		char name[SYSTEM_NAME_SIZE];

		name_of(prefix, sample, i, name);
		fill(sample, i, content);
		status = draft_create(folder, name, false, &drafts[i], error);
		if (status == CAIRN_OK &&
		    system_write_all(folder->system, drafts[i].fd, content, sizeof(content), 0) < 0)
			status = CAIRN_IO;
	}
	for (uint32_t i = 0; i <= sample->shards && status != CAIRN_OK; i++)
		draft_discard(&drafts[i]);
	if (status == CAIRN_IO && error != NULL && error->code != CAIRN_IO)
		*error = (struct cairn_error){.code = CAIRN_IO, .message = "cannot write"};
	return status;
}

enum cairn_status prefix_write(struct system *system, const char *path,
			       const struct prefix_sample *sample, bool replace,
			       struct cairn_error *error)
{
	struct draft drafts[PREFIX_SHARDS_MAX + 1];
	struct sweep_counts counts = {0};
	char prefix[SYSTEM_NAME_SIZE];
	struct folder folder = {.fd = -1};
	enum cairn_status status;

	status = folder_open(system, path, &folder, prefix, error);
	if (status == CAIRN_OK) {
		(void)folder_sweep(&folder, &counts, NULL);
		status = prefix_drafts(&folder, prefix, sample, drafts, error);
	}
	if (status == CAIRN_OK)
		status = publish_prefix(drafts, sample->shards + 1, replace, error);
	folder_close(&folder);
	return status;
}

static void must(bool is_right)
{
	if (!is_right)
		abort();
}

void prefix_put(struct system *system, const char *path, const struct prefix_sample *sample,
		bool with_index)
{
	char prefix[SYSTEM_NAME_SIZE];
	struct folder folder = {.fd = -1};

	must(folder_open(system, path, &folder, prefix, NULL) == CAIRN_OK);
	for (uint32_t i = 0; i < sample->shards + with_index; i++) {
		uint8_t content[CONTENT_SIZE];
		char name[SYSTEM_NAME_SIZE];
		int fd;

		name_of(prefix, sample, i, name);
		fill(sample, i, content);
		fd = system_create(system, folder.fd, name, 0644, 0);
		must(fd >= 0 && system_write_all(system, fd, content, sizeof(content), 0) == 0);
		system_close(system, fd);
	}
	must(system_sync(system, folder.fd) == 0);
	folder_close(&folder);
}

/* ------------------------------------------------------------------------------------- reading */

/* False when it is not there or not as long. */
static bool read_file(const struct folder *folder, const char *name, uint8_t content[CONTENT_SIZE])
{
	const int fd = system_open(folder->system, folder->fd, name, 0);
	int64_t size;

	if (fd < 0)
		return false;
	size = system_read_all(folder->system, fd, content, CONTENT_SIZE, 0);
	system_close(folder->system, fd);
	return size == CONTENT_SIZE;
}

static bool holds(const struct folder *folder, const char *prefix,
		  const struct prefix_sample *sample, uint32_t number)
{
	uint8_t expected[CONTENT_SIZE];
	uint8_t found[CONTENT_SIZE];
	char name[SYSTEM_NAME_SIZE];

	name_of(prefix, sample, number, name);
	fill(sample, number, expected);
	return read_file(folder, name, found) && memcmp(found, expected, sizeof(found)) == 0;
}

static int generation_in(const struct folder *folder, const char *prefix)
{
	uint8_t content[CONTENT_SIZE];
	char name[SYSTEM_NAME_SIZE];
	struct prefix_sample sample;

	prefix_index_name(prefix, name);
	if (!folder_has(folder, name))
		return PREFIX_ABSENT;
	if (!read_file(folder, name, content) || content[1] > PREFIX_SHARDS_MAX || content[0] == 0)
		return PREFIX_TORN;
	sample = (struct prefix_sample){content[1], content[0]};
	for (uint32_t i = 0; i <= sample.shards; i++) {
		if (!holds(folder, prefix, &sample, i))
			return PREFIX_TORN;
	}
	return sample.generation;
}

int prefix_generation(struct system *system, const char *path)
{
	char prefix[SYSTEM_NAME_SIZE];
	struct folder folder = {.fd = -1};
	int generation;

	must(folder_open(system, path, &folder, prefix, NULL) == CAIRN_OK);
	generation = generation_in(&folder, prefix);
	folder_close(&folder);
	return generation;
}

uint32_t prefix_data_count(struct system *system, const char *path)
{
	char prefix[SYSTEM_NAME_SIZE];
	struct folder folder = {.fd = -1};
	struct prefix_files files;
	uint32_t count;

	must(folder_open(system, path, &folder, prefix, NULL) == CAIRN_OK);
	must(prefix_files_list(&folder, prefix, &files, NULL) == CAIRN_OK);
	count = files.count;
	prefix_files_fini(&files);
	folder_close(&folder);
	return count;
}

void prefix_delete(struct system *system, const char *path)
{
	char prefix[SYSTEM_NAME_SIZE];
	char name[SYSTEM_NAME_SIZE];
	struct folder folder = {.fd = -1};
	struct prefix_files files;

	must(folder_open(system, path, &folder, prefix, NULL) == CAIRN_OK);
	must(prefix_files_list(&folder, prefix, &files, NULL) == CAIRN_OK);
	for (uint32_t i = 0; i < files.count; i++) {
		prefix_data_name(prefix, files.data[i], name);
		must(system_unlink(system, folder.fd, name) == 0);
	}
	prefix_index_name(prefix, name);
	must(system_unlink(system, folder.fd, name) == 0 || !files.has_index);
	must(system_sync(system, folder.fd) == 0);
	prefix_files_fini(&files);
	folder_close(&folder);
}
