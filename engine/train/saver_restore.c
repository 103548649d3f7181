/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restoring a saver's variables by their names.
 *
 * All that a checkpoint's index can tell is compared before the first value is written: that every
 * variable is there, in its dtype and shape, and that its elements are stored. What is left to fail
 * then is reading: damage, and callbacks.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/train/checkpoint_files.h"
#include "engine/train/complaints.h"
#include "engine/train/name_map.h"
#include "engine/train/saver.h"
#include "format/dtype.h"
#include "format/error.h"

struct restoring {
	struct cairn_saver *saver;
	const char *path;
	struct cairn_reader *reader;  /* owned */
	struct cairn_tensor *tensors; /* owned; of the variables */
};

static enum cairn_status complaint_status(const struct restoring *restoring,
					  const struct complaints *complaints,
					  enum cairn_status status, const char *what,
					  struct cairn_error *error)
{
	if (complaints->count == 0)
		return CAIRN_OK;
	error_set(error, status, CAIRN_ERROR_NO_OFFSET, "%s: %s%s", what, complaints->text,
		  complaints_rest(complaints).text);
	return error_prefix(error, status, restoring->path);
}

/* ---------------------------------------------------------------------------------------- names */

/* By the variables' own names; or, with a map, by the keys that it has for them. */
static enum cairn_status find_all(const struct restoring *restoring, const struct name_map *map,
				  struct complaints *missing, struct cairn_error *error)
{
	const struct cairn_saver *const saver = restoring->saver;

	for (uint64_t i = 0; i < saver->variable_count; i++) {
		const struct cairn_string name = saver->variables[i]->name;
		const struct cairn_string key = map == NULL ? name : name_map_find(map, name)->key;
		const enum cairn_status status = cairn_reader_find_string(
			restoring->reader, key, &restoring->tensors[i], error);

		if (status == CAIRN_NOT_FOUND)
			complain(missing, "%s", quote(key).text);
		else if (status != CAIRN_OK)
			return status;
	}
	return CAIRN_OK;
}

static enum cairn_status compare_names(const struct restoring *restoring, struct name_map *map,
				       struct cairn_error *error)
{
	const struct cairn_saver *const saver = restoring->saver;
	struct cairn_string *const names = system_allocate(
		saver->system, (size_t)saver->variable_count * sizeof(*names));
	enum cairn_status status;

	if (names == NULL)
		return error_set_memory(error, "the names of variables");
	for (uint64_t i = 0; i < saver->variable_count; i++)
		names[i] = saver->variables[i]->name;
	status = name_map_compare(map, names, saver->variable_count, error);
	system_free(saver->system, names);
	return status == CAIRN_OK ? CAIRN_OK : error_prefix(error, status, restoring->path);
}

/* The checkpoint lacks names of variables. One that is object-based may have them all the same. */
static enum cairn_status find_by_map(struct restoring *restoring, struct complaints *missing,
				     struct cairn_error *error)
{
	struct complaints lost = {.count = 0};
	struct name_map map;
	enum cairn_status status = name_map_open(restoring->saver->system, restoring->reader, &map,
						 error);

	if (status == CAIRN_NOT_FOUND) { /* it is not object-based */
		name_map_close(&map);
		return CAIRN_OK;
	}
	if (status == CAIRN_OK)
		status = compare_names(restoring, &map, error);
	if (status == CAIRN_OK)
		status = find_all(restoring, &map, &lost, error);
	name_map_close(&map);
	*missing = lost;
	if (status == CAIRN_OK)
		snprintf(restoring->saver->note, sizeof(restoring->saver->note),
			 "an object-based checkpoint was restored by the names of variables");
	return status;
}

static enum cairn_status find_variables(struct restoring *restoring, struct cairn_error *error)
{
	struct complaints missing = {.count = 0};
	enum cairn_status status = find_all(restoring, NULL, &missing, error);

	if (status == CAIRN_OK && missing.count != 0)
		status = find_by_map(restoring, &missing, error);
	if (status != CAIRN_OK)
		return status;
	return complaint_status(restoring, &missing, CAIRN_NOT_FOUND,
				"variables that are not in the checkpoint", error);
}

/* -------------------------------------------------------------------------------- types, shapes */

static const char *dtype_name(enum cairn_dtype dtype)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(dtype);

	return info == NULL ? "an unknown type" : info->name;
}

static void compare_dtypes(const struct restoring *restoring, struct complaints *complaints)
{
	const struct cairn_saver *const saver = restoring->saver;

	for (uint64_t i = 0; i < saver->variable_count; i++) {
		const struct saver_variable *const own = saver->variables[i];
		const enum cairn_dtype stored = restoring->tensors[i].dtype;

		if (stored != own->variable.dtype)
			complain(complaints, "%s: expected %s, but %s is stored",
				 saver_variable_name(own).text, dtype_name(own->variable.dtype),
				 dtype_name(stored));
	}
}

struct shape_text {
	char text[100];
};

static struct shape_text shape_text(uint32_t rank, const uint64_t *dims)
{
	struct shape_text shape = {"["};
	size_t used = 1;

	for (uint32_t d = 0; d < rank && used < sizeof(shape.text) - 30; d++)
		used += (size_t)snprintf(shape.text + used, sizeof(shape.text) - used, "%s%" PRIu64,
					 d == 0 ? "" : ",", dims[d]);
	snprintf(shape.text + used, sizeof(shape.text) - used, "]");
	return shape;
}

static bool same_shape(const struct cairn_variable *variable, const struct cairn_tensor *tensor)
{
	return variable->rank == tensor->rank &&
	       (variable->rank == 0 ||
		memcmp(variable->dims, tensor->dims, variable->rank * sizeof(uint64_t)) == 0);
}

/* Of a part the shape of the whole counts, as it says where the part lies. */
static bool fits(const struct cairn_saver *saver, const struct saver_variable *own,
		 const struct cairn_tensor *tensor)
{
	if (same_shape(&own->variable, tensor))
		return true;
	return saver->options.reshape != 0 && own->variable.starts == NULL &&
	       own->element_count == tensor->element_count;
}

static void compare_shapes(const struct restoring *restoring, struct complaints *complaints)
{
	const struct cairn_saver *const saver = restoring->saver;

	for (uint64_t i = 0; i < saver->variable_count; i++) {
		const struct saver_variable *const own = saver->variables[i];
		const struct cairn_tensor *const tensor = &restoring->tensors[i];

		if (!fits(saver, own, tensor))
			complain(complaints, "%s: expected %s, but %s is stored",
				 saver_variable_name(own).text,
				 shape_text(own->variable.rank, own->variable.dims).text,
				 shape_text(tensor->rank, tensor->dims).text);
	}
}

/* ----------------------------------------------------------------------------------- incomplete */

/* Elements that a stored slice and a part have in common. */
static uint64_t common_elements(const struct cairn_tensor *tensor, const uint64_t *extents,
				const struct cairn_variable *part)
{
	uint64_t count = 1;

	for (uint32_t d = 0; d < tensor->rank; d++) {
		const bool is_full = extents[2 * (size_t)d + 1] == CAIRN_FULL;
		const uint64_t start = extents[2 * (size_t)d];
		const uint64_t end = is_full ? tensor->dims[d] : start + extents[2 * (size_t)d + 1];
		const bool all = part->lengths[d] == CAIRN_FULL;
		const uint64_t part_end = all ? tensor->dims[d]
					      : part->starts[d] + part->lengths[d];
		const uint64_t low = start > part->starts[d] ? start : part->starts[d];
		const uint64_t high = end < part_end ? end : part_end;

		count *= high > low ? high - low : 0;
	}
	return count;
}

/* Stored slices do not overlap: what they have in common with a part adds up. */
static enum cairn_status is_stored(const struct saver_variable *own,
				   const struct cairn_tensor *tensor, bool *stored,
				   struct cairn_error *error)
{
	uint64_t count = 0;

	*stored = false;
	if (own->variable.starts == NULL)
		return CAIRN_OK;
	for (uint32_t i = 0; i < tensor->slice_count; i++) {
		struct cairn_stored_slice slice;
		const enum cairn_status status = cairn_tensor_stored_slice(tensor, i, &slice,
									   error);

		if (status != CAIRN_OK)
			return status;
		if (slice.extents != NULL)
			count += common_elements(tensor, slice.extents, &own->variable);
	}
	*stored = count == own->element_count;
	return CAIRN_OK;
}

static enum cairn_status check_stored(const struct restoring *restoring,
				      struct complaints *complaints, struct cairn_error *error)
{
	const struct cairn_saver *const saver = restoring->saver;

	for (uint64_t i = 0; i < saver->variable_count; i++) {
		const struct saver_variable *const own = saver->variables[i];
		const struct cairn_tensor *const tensor = &restoring->tensors[i];
		enum cairn_status status;
		bool stored = true;

		if ((tensor->flags & CAIRN_TENSOR_INCOMPLETE) == 0)
			continue;
		status = is_stored(own, tensor, &stored, error);
		if (status != CAIRN_OK)
			return status;
		if (!stored)
			complain(complaints, "%s", saver_variable_name(own).text);
	}
	return CAIRN_OK;
}

/* --------------------------------------------------------------------------------------- values */

static enum cairn_status check_targets(const struct restoring *restoring, struct cairn_error *error)
{
	const struct cairn_saver *const saver = restoring->saver;

	for (uint64_t i = 0; i < saver->variable_count; i++) {
		const struct saver_variable *const own = saver->variables[i];
		const struct cairn_variable *const variable = &own->variable;

		if (variable->assign != NULL ||
		    (variable->data != NULL && !dtype_is_variable(variable->dtype)) ||
		    (own->element_count == 0))
			continue;
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "variable %s cannot be restored: %s",
				 saver_variable_name(own).text,
				 dtype_is_variable(variable->dtype)
					 ? "strings are taken by a callback, and it has none"
					 : "it has neither memory nor a callback");
	}
	return CAIRN_OK;
}

static enum cairn_status assign_all(const struct restoring *restoring, struct cairn_error *error)
{
	const struct cairn_saver *const saver = restoring->saver;
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < saver->variable_count && status == CAIRN_OK; i++) {
		const struct saver_variable *const own = saver->variables[i];
		const struct cairn_variable *const variable = &own->variable;
		const struct cairn_tensor *const tensor = &restoring->tensors[i];

		if (variable->assign != NULL)
			status = variable->assign(variable->context, tensor, error);
		else if (own->element_count != 0)
			status = cairn_tensor_read_slice(tensor, variable->starts,
							 variable->lengths, variable->data,
							 own->size, error);
	}
	return status;
}

static enum cairn_status compare_all(struct restoring *restoring, struct cairn_error *error)
{
	struct complaints dtypes = {.count = 0};
	struct complaints shapes = {.count = 0};
	struct complaints parts = {.count = 0};
	enum cairn_status status = find_variables(restoring, error);

	if (status != CAIRN_OK)
		return status;
	compare_dtypes(restoring, &dtypes);
	compare_shapes(restoring, &shapes);
	status = complaint_status(restoring, &dtypes, CAIRN_MISMATCH, "dtypes differ", error);
	if (status == CAIRN_OK)
		status = complaint_status(restoring, &shapes, CAIRN_MISMATCH, "shapes differ",
					  error);
	if (status == CAIRN_OK)
		status = check_stored(restoring, &parts, error);
	if (status == CAIRN_OK)
		status = complaint_status(restoring, &parts, CAIRN_MISMATCH,
					  "not all slices are stored of", error);
	return status == CAIRN_OK ? check_targets(restoring, error) : status;
}

/* -------------------------------------------------------------------------------------- opening */

static enum cairn_status nothing_there(struct system *system, const char *path,
				       struct cairn_error *error)
{
	struct system_status found;

	if (path[0] != '\0' && system_status_at(system, SYSTEM_CWD, path, true, &found) == 0)
		return error_set(error, CAIRN_NOT_A_CHECKPOINT, CAIRN_ERROR_NO_OFFSET,
				 "%s is no checkpoint, but a folder or a device",
				 quote(cairn_string_from(path)).text);
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
			 "the passed save_path is not a valid checkpoint: %s",
			 quote(cairn_string_from(path)).text);
}

static enum cairn_status open_checkpoint(struct restoring *restoring,
					 const struct cairn_reader_options *options,
					 struct cairn_error *error)
{
	struct system *const system = restoring->saver->system;
	struct checkpoint checkpoint;
	enum checkpoint_kind kind;
	char path[CAIRN_PATH_SIZE + sizeof(".cairn")];
	enum cairn_status status = checkpoint_open(system, restoring->path, &checkpoint, error);

	if (status != CAIRN_OK)
		return status;
	kind = checkpoint.kind;
	checkpoint_close(&checkpoint);
	if (kind == CHECKPOINT_ABSENT)
		return nothing_there(system, restoring->path, error);
	if (kind == CHECKPOINT_TENSORFLOW_V2) /* "run" for run.index, beside a folder "run" */
		return reader_open_prefix(system, restoring->path, options, &restoring->reader,
					  error);
	snprintf(path, sizeof(path), "%s%s", restoring->path,
		 kind == CHECKPOINT_CAIRN ? ".cairn" : "");
	return reader_open_path(system, path, options, &restoring->reader, error);
}

static enum cairn_status restore(struct restoring *restoring,
				 const struct cairn_reader_options *options,
				 struct cairn_error *error)
{
	const struct cairn_saver *const saver = restoring->saver;
	enum cairn_status status = open_checkpoint(restoring, options, error);

	if (status != CAIRN_OK)
		return status;
	restoring->tensors = system_allocate_zeroed(
		saver->system, (size_t)saver->variable_count * sizeof(*restoring->tensors));
	if (restoring->tensors == NULL)
		return error_set_memory(error, "the table of tensors");
	status = compare_all(restoring, error);
	return status == CAIRN_OK ? assign_all(restoring, error) : status;
}

enum cairn_status cairn_saver_restore(struct cairn_saver *saver, const char *save_path,
				      const struct cairn_reader_options *options,
				      struct cairn_error *error)
{
	struct restoring restoring = {.saver = saver, .path = save_path};
	enum cairn_status status = saver_check_built(saver, error);

	if (status != CAIRN_OK || saver->variable_count == 0)
		return status;
	if (save_path == NULL || strlen(save_path) >= CAIRN_PATH_SIZE)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no save_path to restore from, or one over %d bytes",
				 CAIRN_PATH_SIZE - 1);
	saver->note[0] = '\0';
	status = restore(&restoring, options, error);
	system_free(saver->system, restoring.tensors);
	cairn_reader_close(restoring.reader);
	return status;
}
