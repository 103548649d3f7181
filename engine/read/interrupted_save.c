/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding an undo record by the names that it has and holds. Nothing is believed of it but that it
 * is there: it is settled by who writes, after a closer look.
 */
#include "engine/read/interrupted_save.h"

#include <stdio.h>
#include <string.h>

#include "format/temporary_name.h"
#include "format/tensorflow_names.h"

struct search {
	struct system *system;
	int directory;
	char index[SYSTEM_NAME_SIZE];     /* that the record holds */
	char record[TEMPORARY_NAME_SIZE]; /* "" until one is found */
};

static int look_at(void *context, const char *name)
{
	struct search *const search = context;
	struct system_status status;
	int inside;

	if (search->record[0] != '\0' || !is_trash_name(name))
		return 0;
	inside = system_open(search->system, search->directory, name,
			     SYSTEM_WANT_DIRECTORY | SYSTEM_NO_FOLLOW);
	if (inside < 0)
		return 0;
	if (system_status_at(search->system, inside, search->index, false, &status) == 0)
		memcpy(search->record, name, strlen(name) + 1);
	system_close(search->system, inside);
	return 0;
}

struct interrupted_save interrupted_save_hint(struct system *system, int directory,
					      const char *name)
{
	struct search search = {.system = system, .directory = directory};
	struct interrupted_save hint = {""};
	const int size = snprintf(search.index, sizeof(search.index), "%s" BUNDLE_INDEX_SUFFIX,
				  name);

	if (size < 0 || (size_t)size >= sizeof(search.index))
		return hint;
	system_list(system, directory, look_at, &search);
	if (search.record[0] != '\0')
		snprintf(hint.text, sizeof(hint.text),
			 "; a save over it is not finished, and its old files are in %s: if it was "
			 "interrupted, cairn gc of the folder puts them back",
			 search.record);
	return hint;
}
