/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joining paths, and making them relative. As in Python, ".." takes the component before it away,
 * whatever links there are.
 */
#include "engine/train/paths.h"

#include <string.h>

#include <cairn/state.h>

#include "format/error.h"

bool path_is_absolute(const char *path)
{
	return path[0] == '/';
}

char *path_join(struct arena *arena, const char *folder, const char *name)
{
	const size_t folder_size = path_is_absolute(name) ? 0 : strlen(folder);
	const bool needs_slash = folder_size != 0 && folder[folder_size - 1] != '/';
	const size_t name_size = strlen(name) + 1;
	char *const path = arena_allocate(arena, folder_size + needs_slash + name_size);

	if (path == NULL)
		return NULL;
	for (size_t i = 0; i < folder_size; i++)
		path[i] = folder[i];
	if (needs_slash)
		path[folder_size] = '/';
	memcpy(path + folder_size + needs_slash, name, name_size);
	return path;
}

/* The components of an absolute path, "." and ".." resolved. */
struct components {
	struct cairn_string *items; /* in the arena */
	uint64_t count;
	uint64_t capacity;
};

static bool add_component(struct arena *arena, struct components *components,
			  struct cairn_string item)
{
	struct cairn_string *items;

	if (item.size == 0 || (item.size == 1 && item.data[0] == '.'))
		return true;
	if (item.size == 2 && memcmp(item.data, "..", 2) == 0) {
		components->count -= components->count > 0;
		return true;
	}
	items = arena_grow(arena, components->items, &components->capacity, components->count + 1,
			   sizeof(*items));
	if (items == NULL)
		return false;
	components->items = items;
	items[components->count++] = item;
	return true;
}

static bool add_components(struct arena *arena, struct components *components, const char *path)
{
	bool added = true;

	while (added) {
		const size_t size = strcspn(path, "/");

		added = add_component(arena, components, (struct cairn_string){path, size});
		if (path[size] == '\0')
			break;
		path += size + 1;
	}
	return added;
}

/* os.path.abspath, in pieces that are borrowed from both. */
static bool split_absolute(struct arena *arena, const char *working_directory, const char *path,
			   struct components *components)
{
	*components = (struct components){.items = NULL};
	return (path_is_absolute(path) || add_components(arena, components, working_directory)) &&
	       add_components(arena, components, path);
}

static bool same(struct cairn_string a, struct cairn_string b)
{
	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* Up from `start` to what both have in common, then down to `path`. */
static char *write_relative(struct arena *arena, const struct components *path,
			    const struct components *start)
{
	uint64_t common = 0;
	size_t size = 2;
	char *result;
	char *end;

	while (common < path->count && common < start->count &&
	       same(path->items[common], start->items[common]))
		common++;
	size += 3 * (size_t)(start->count - common);
	for (uint64_t i = common; i < path->count; i++)
		size += path->items[i].size + 1;
	result = end = arena_allocate(arena, size);
	if (result == NULL)
		return NULL;
	for (uint64_t i = common; i < start->count; i++, end += 3)
		memcpy(end, "../", 3);
	for (uint64_t i = common; i < path->count; i++) {
		memcpy(end, path->items[i].data, path->items[i].size);
		end += path->items[i].size;
		*end++ = '/';
	}
	if (end == result) /* the folder itself */
		memcpy(result, ".", 2);
	else
		end[-1] = '\0';
	return result;
}

enum cairn_status path_relative(struct system *system, struct arena *arena, const char *path,
				const char *start, const char **result, struct cairn_error *error)
{
	char working_directory[CAIRN_PATH_SIZE] = "/";
	struct components path_parts;
	struct components start_parts;
	int found = 0;

	if (path[0] == '\0')
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no path specified");
	if (!path_is_absolute(path) || !path_is_absolute(start))
		found = system_working_directory(system, working_directory,
						 sizeof(working_directory));
	if (found < 0)
		return error_set_system(error, found, "cannot find the working directory");
	if (!split_absolute(arena, working_directory, path, &path_parts) ||
	    !split_absolute(arena, working_directory, start, &start_parts))
		return error_set_memory(error, "the components of a path");
	*result = write_relative(arena, &path_parts, &start_parts);
	return *result == NULL ? error_set_memory(error, "a relative path") : CAIRN_OK;
}
