/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns over the names of tensors.
 *
 * A pattern that matches nothing is taken for a mistake: who renames wants something renamed. Names
 * that meet are all listed before anything is written.
 */
#include "engine/convert/rename_tensors.h"

#include <stdio.h>
#include <string.h>

#include "format/error.h"
#include "format/glob.h"
#include "format/index.h"
#include "format/sort_array.h"
#include "format/utf8.h"

static enum cairn_status wrong(const char *pattern, const char *problem, struct cairn_error *error)
{
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
			 "the pattern %s has %s", quote(cairn_string_from(pattern)).text, problem);
}

static enum cairn_status check_patterns(const struct cairn_selection *selection,
					struct cairn_error *error)
{
	for (uint32_t i = 0; i < selection->match_count; i++) {
		const char *const problem = glob_problem(cairn_string_from(selection->matches[i]));

		if (problem != NULL)
			return wrong(selection->matches[i], problem, error);
	}
	for (uint32_t i = 0; i < selection->rename_count; i++) {
		const struct cairn_rename *const rename = &selection->renames[i];
		const struct cairn_string from = cairn_string_from(rename->from);
		const char *problem = glob_problem(from);

		if (problem != NULL)
			return wrong(rename->from, problem, error);
		problem = glob_replacement_problem(cairn_string_from(rename->to), glob_stars(from));
		if (problem != NULL)
			return wrong(rename->to, problem, error);
	}
	return CAIRN_OK;
}

enum cairn_status renaming_begin(struct renaming *renaming, const struct cairn_selection *selection,
				 struct arena *arena, struct cairn_error *error)
{
	const uint64_t count = (uint64_t)selection->match_count + selection->rename_count;

	*renaming = (struct renaming){.selection = selection, .arena = arena};
	if (selection->size != 0 && selection->size < sizeof(*selection))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "a selection of %zu bytes, not %zu", selection->size,
				 sizeof(*selection));
	renaming->used = arena_allocate_array(arena, count, sizeof(*renaming->used));
	if (renaming->used == NULL)
		return error_set_memory(error, "patterns");
	return check_patterns(selection, error);
}

static bool is_matched(const struct renaming *renaming, struct cairn_string name)
{
	const struct cairn_selection *const selection = renaming->selection;
	bool found = selection->match_count == 0;

	for (uint32_t i = 0; i < selection->match_count; i++) {
		if (glob_match(cairn_string_from(selection->matches[i]), name, NULL)) {
			renaming->used[i] = true;
			found = true;
		}
	}
	return found;
}

static enum cairn_status replace(const struct renaming *renaming, const struct cairn_rename *rename,
				 const struct glob_parts *parts, struct cairn_string *name,
				 struct cairn_error *error)
{
	const struct cairn_string to = cairn_string_from(rename->to);
	const size_t size = glob_replace(to, parts, NULL, 0);
	char *bytes;

	if (size > CAIRN_NAME_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "tensor %s would get a name of %zu bytes, at most %u are allowed",
				 quote(*name).text, size, CAIRN_NAME_SIZE_MAX);
	bytes = arena_allocate(renaming->arena, size);
	if (bytes == NULL)
		return error_set_memory(error, "a name");
	glob_replace(to, parts, bytes, size);
	if (!utf8_valid(bytes, size))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "tensor %s would get a name that is not UTF-8", quote(*name).text);
	*name = (struct cairn_string){bytes, size};
	return CAIRN_OK;
}

static enum cairn_status keep_old_name(struct renaming *renaming, struct cairn_string name,
				       struct cairn_error *error)
{
	struct cairn_string *const names = arena_grow(renaming->arena, renaming->old_names,
						      &renaming->old_capacity,
						      renaming->old_count + 1, sizeof(*names));

	if (names == NULL)
		return error_set_memory(error, "names");
	renaming->old_names = names;
	names[renaming->old_count++] = name;
	return CAIRN_OK;
}

enum cairn_status renaming_choose(void *context, const struct tensor_record *record,
				  struct cairn_string *name, bool *keep, struct cairn_error *error)
{
	struct renaming *const renaming = context;
	const struct cairn_selection *const selection = renaming->selection;
	struct glob_parts parts;
	enum cairn_status status;

	*keep = record->name_space != NAME_SPACE_TENSOR || is_matched(renaming, *name);
	if (!*keep)
		return CAIRN_OK;
	status = keep_old_name(renaming, *name, error);
	if (status != CAIRN_OK || record->name_space != NAME_SPACE_TENSOR)
		return status;
	for (uint32_t i = 0; i < selection->rename_count; i++) {
		if (!glob_match(cairn_string_from(selection->renames[i].from), *name, &parts))
			continue;
		renaming->used[selection->match_count + i] = true;
		return replace(renaming, &selection->renames[i], &parts, name, error);
	}
	return CAIRN_OK;
}

/* ------------------------------------------------------------------------------------- checking */

static enum cairn_status check_used(const struct renaming *renaming, struct cairn_error *error)
{
	const struct cairn_selection *const selection = renaming->selection;

	for (uint32_t i = 0; i < selection->match_count + selection->rename_count; i++) {
		const char *const pattern = i < selection->match_count
						    ? selection->matches[i]
						    : selection->renames[i - selection->match_count]
							      .from;

		if (!renaming->used[i])
			return error_set(
				error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
				"no tensor matches %s%s", quote(cairn_string_from(pattern)).text,
				i < selection->match_count ||
						selection->match_count + selection->rename_count ==
							1
					? ""
					: ", or an earlier pattern takes all that do");
	}
	return CAIRN_OK;
}

/* A list that ends where the message does. */
struct collisions {
	char text[CAIRN_MESSAGE_SIZE - 80];
	size_t used;
	uint64_t count;
	bool is_full;
};

static void list_collision(struct collisions *collisions, const struct cairn_string *a,
			   const struct cairn_string *b, struct cairn_string name)
{
	char entry[3 * QUOTE_SIZE + 32];
	const int size = snprintf(entry, sizeof(entry), "%s%s and %s become %s",
				  collisions->count == 0 ? "" : ", ", quote(*a).text,
				  quote(*b).text, quote(name).text);

	collisions->count++;
	if (collisions->is_full || collisions->used + (size_t)size >= sizeof(collisions->text)) {
		collisions->is_full = true;
		return;
	}
	memcpy(collisions->text + collisions->used, entry, (size_t)size + 1);
	collisions->used += (size_t)size;
}

static uint64_t count_tensors(const struct build_input *input)
{
	uint64_t count = 0;

	while (count < input->tensor_count && input->tensors[count].name_space == NAME_SPACE_TENSOR)
		count++;
	return count;
}

static enum cairn_status check_collisions(const struct renaming *renaming,
					  const struct build_input *input,
					  struct cairn_error *error)
{
	const uint64_t count = count_tensors(input);
	const struct build_tensor *const tensors = input->tensors;
	struct collisions collisions = {.count = 0};
	const uint32_t *const order = sort_order_by_name(renaming->arena, &tensors->name,
							 sizeof(*tensors), count);

	if (order == NULL)
		return error_set_memory(error, "sorting names");
	for (uint64_t i = 1; i < count; i++) {
		const uint32_t a = order[i - 1];
		const uint32_t b = order[i];

		if (index_name_compare(tensors[a].name, tensors[b].name) == 0)
			list_collision(&collisions, &renaming->old_names[a],
				       &renaming->old_names[b], tensors[a].name);
	}
	if (collisions.count == 0)
		return CAIRN_OK;
	return error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET,
			 "tensors would get the same name: %s%s", collisions.text,
			 collisions.is_full ? " ..." : "");
}

enum cairn_status renaming_end(const struct renaming *renaming, const struct build_input *input,
			       struct cairn_error *error)
{
	const enum cairn_status status = check_used(renaming, error);

	return status == CAIRN_OK ? check_collisions(renaming, input, error) : status;
}
