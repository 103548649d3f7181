/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/managed.h"

#include <stdio.h>
#include <string.h>

#include "engine/read/reader.h"

static const uint64_t copies[] = {MANAGED_COPIES};

void managed_set(struct managed *managed, int64_t value)
{
	for (size_t i = 0; i < MANAGED_COPIES; i++)
		managed->values[i] = value;
}

static enum cairn_status count(void *context, int64_t *number, struct cairn_error *error)
{
	struct managed *const managed = context;

	(void)error;
	*number = ++managed->counter;
	return CAIRN_OK;
}

static void make_folder(struct managed *managed, const char *prefix)
{
	char folder[CAIRN_PATH_SIZE];
	const char *const slash = strrchr(prefix, '/');

	if (slash == NULL || managed->is_plain)
		return;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - prefix), prefix);
	system_make_directory(managed->system, SYSTEM_CWD, folder, 0755);
}

static enum cairn_status begin(void *context, const char *prefix, struct cairn_writer **writer,
			       struct cairn_error *error)
{
	struct managed *const managed = context;
	const struct cairn_writer_options options = {
		.flags = CAIRN_WRITER_REPLACE | CAIRN_WRITER_BUFFERED,
		.thread_count = 1,
		.target = managed->is_tensorflow ? CAIRN_TARGET_TENSORFLOW : CAIRN_TARGET_CAIRN};
	char path[CAIRN_PATH_SIZE + 8];
	enum cairn_status status;

	make_folder(managed, prefix);
	snprintf(path, sizeof(path), "%s%s", prefix, managed->is_tensorflow ? "" : ".cairn");
	status = writer_create(managed->system, path, &options, writer, error);
	if (status != CAIRN_OK)
		return status;
	status = cairn_writer_add_copy(*writer, "counter", CAIRN_I64, 0, NULL, &managed->counter,
				       error);
	if (status == CAIRN_OK)
		status = cairn_writer_add(*writer, "values", CAIRN_I64, 1, copies, managed->values,
					  error);
	if (status != CAIRN_OK)
		cairn_writer_destroy(*writer);
	return status;
}

static enum cairn_status read_values(const struct cairn_reader *reader, const char *name,
				     int64_t *values, size_t size, struct cairn_error *error)
{
	struct cairn_tensor tensor;
	struct cairn_view view = {.data = NULL};
	enum cairn_status status;

	status = cairn_reader_find(reader, name, &tensor, error);
	if (status == CAIRN_OK)
		status = cairn_tensor_view(&tensor, &view, error);
	if (status != CAIRN_OK)
		return status;
	if (view.size == size)
		memcpy(values, view.data, size);
	else
		status = CAIRN_MISMATCH;
	cairn_view_release(&view);
	return status;
}

static enum cairn_status restore(void *context, const char *path, struct cairn_error *error)
{
	struct managed *const managed = context;
	struct cairn_reader *reader = NULL;
	enum cairn_status status = reader_open_path(managed->system, path, NULL, &reader, error);

	if (status != CAIRN_OK)
		return status;
	status = read_values(reader, "counter", &managed->counter, sizeof(managed->counter), error);
	if (status == CAIRN_OK)
		status = read_values(reader, "values", managed->values, sizeof(managed->values),
				     error);
	cairn_reader_close(reader);
	return status;
}

struct manager_subject managed_subject(struct managed *managed)
{
	return (struct manager_subject){
		.context = managed, .count = count, .begin = begin, .restore = restore};
}

int64_t managed_value(struct system *system, const char *prefix)
{
	struct managed found = {.system = system};
	enum cairn_status status = restore(&found, prefix, NULL);

	if (status != CAIRN_OK)
		return status == CAIRN_NOT_FOUND ? -1 : -2;
	for (size_t i = 1; i < MANAGED_COPIES; i++) {
		if (found.values[i] != found.values[0])
			return -2;
	}
	return found.values[0];
}
