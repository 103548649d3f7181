/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Savers of variables that tf.train.Checkpoint saved: by the names that they had then.
 */
#include <string.h>

#include "engine/read/reader.h"
#include "engine/train/name_map.h"
#include "engine/train/saver.h"

static enum cairn_status open_map(struct system *system, const char *path, struct name_map *map,
				  struct cairn_error *error)
{
	struct cairn_reader *reader = NULL;
	enum cairn_status status = reader_open_path(system, path, NULL, &reader, error);

	*map = (struct name_map){.count = 0};
	if (status != CAIRN_OK)
		return status;
	status = name_map_open(system, reader, map, error);
	cairn_reader_close(reader);
	if (status == CAIRN_NOT_FOUND)
		status = error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				   "not an object-based checkpoint");
	return status == CAIRN_OK ? CAIRN_OK : error_prefix(error, status, path);
}

static enum cairn_status compare(struct name_map *map, const struct cairn_saver_variable *variables,
				 uint64_t count, struct cairn_error *error)
{
	struct cairn_string *const names = arena_allocate_array(&map->arena, count, sizeof(*names));

	if (names == NULL)
		return error_set_memory(error, "the names of variables");
	for (uint64_t i = 0; i < count; i++)
		names[i] = variables[i].name;
	return name_map_compare(map, names, count, error);
}

/* The variables under the keys of their values. */
static enum cairn_status create(struct system *system, struct name_map *map,
				const struct cairn_saver_variable *variables, uint64_t count,
				const struct cairn_saver_options *options,
				struct cairn_saver **saver, struct cairn_error *error)
{
	struct cairn_saver_variable *const renamed = arena_allocate_array(&map->arena, count,
									  sizeof(*renamed));

	if (renamed == NULL)
		return error_set_memory(error, "the variables");
	for (uint64_t i = 0; i < count; i++) {
		renamed[i] = variables[i];
		renamed[i].name = name_map_find(map, variables[i].name)->key;
	}
	return saver_create(system, renamed, count, options, saver, error);
}

enum cairn_status saver_from_object_based_checkpoint(struct system *system, const char *path,
						     const struct cairn_saver_variable *variables,
						     uint64_t count,
						     const struct cairn_saver_options *options,
						     struct cairn_saver **saver,
						     struct cairn_error *error)
{
	struct name_map map;
	enum cairn_status status;

	if (path == NULL || (variables == NULL && count != 0))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no path, or no variables");
	status = open_map(system, path, &map, error);
	if (status == CAIRN_OK)
		status = compare(&map, variables, count, error);
	if (status == CAIRN_OK)
		status = create(system, &map, variables, count, options, saver, error);
	name_map_close(&map);
	return status;
}

enum cairn_status
cairn_saver_from_object_based_checkpoint(const char *path,
					 const struct cairn_saver_variable *variables,
					 uint64_t count, const struct cairn_saver_options *options,
					 struct cairn_saver **saver, struct cairn_error *error)
{
	return saver_from_object_based_checkpoint(system_posix(), path, variables, count, options,
						  saver, error);
}
