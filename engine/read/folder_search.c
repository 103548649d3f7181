/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing the model of a folder: an index of Cairn's, a SavedModel, an index of safetensors, a
 * state file, or else the only file there that looks like a model.
 */
#include "engine/read/folder_search.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/read/identify.h"
#include "format/container.h"
#include "format/error.h"
#include "format/safetensors.h"
#include "format/tensorflow_names.h"

enum {
	/* names of files that are listed in a refusal */
	LISTED_NAMES_MAX = 5,
	/* of a step */
	NUMBER_DIGITS_MAX = 18
};

/* A suffix alone is the name of a hidden file. */
static bool has_suffix(const char *name, const char *suffix)
{
	return strcmp(name, suffix) != 0 && path_ends_with(name, suffix);
}

static void list_name(struct folder_search *search, const char *name)
{
	const size_t used = strlen(search->listed);

	search->entries++;
	if (search->listed_count == LISTED_NAMES_MAX ||
	    used + QUOTE_SIZE + 2 > sizeof(search->listed))
		return;
	snprintf(search->listed + used, sizeof(search->listed) - used, "%s%s",
		 search->listed_count == 0 ? "" : ", ", quote(cairn_string_from(name)).text);
	search->listed_count++;
}

/* The number that the first `size` bytes of a name end with; `*digits` is 0 when there is none. */
static uint64_t last_number(const char *name, size_t size, size_t *digits)
{
	uint64_t number = 0;
	uint64_t power = 1;

	for (*digits = 0; *digits < size && *digits < NUMBER_DIGITS_MAX; ++*digits) {
		const char digit = name[size - 1 - *digits];

		if (digit < '0' || digit > '9')
			break;
		number += (uint64_t)(digit - '0') * power;
		power *= 10;
	}
	return number;
}

static void note(struct folder_candidates *candidates, const char *name, uint64_t number)
{
	if (candidates->count++ != 0 && number < candidates->number)
		return;
	candidates->number = number;
	memcpy(candidates->name, name, strlen(name) + 1);
}

/* A table of TensorFlow's: the number is that of its step. */
static void note_bundle(struct folder_search *search, const char *name)
{
	const size_t size = strlen(name) - strlen(BUNDLE_INDEX_SUFFIX);
	size_t digits;
	const uint64_t number = last_number(name, size, &digits);

	note(&search->bundles, name, number);
}

/* What trainers call the folders of their steps: a word, perhaps - or _, and a number. */
static void note_step(struct folder_search *search, const char *name)
{
	static const char *const words[] = {"checkpoint", "ckpt",        "step", "iter",
					    "epoch",      "global_step", "save"};
	const size_t size = strlen(name);
	size_t digits;
	const uint64_t number = last_number(name, size, &digits);
	size_t word = size - digits;

	if (digits != 0 && word > 1 && (name[word - 1] == '-' || name[word - 1] == '_'))
		word--;
	for (size_t i = 0; digits != 0 && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i]) == word && memcmp(name, words[i], word) == 0)
			note(&search->steps, name, number);
	}
}

static int look_at_entry(void *context, const char *name)
{
	struct folder_search *const search = context;

	if (strlen(name) >= SYSTEM_NAME_SIZE)
		return 0;
	list_name(search, name);
	if (strcmp(name, INDEX_NAME) == 0)
		search->is_cairn = true;
	else if (strcmp(name, SAVED_MODEL_NAME) == 0)
		search->is_saved_model = true;
	else if (strcmp(name, STATE_NAME) == 0)
		search->has_state = true;
	else if (has_suffix(name, SAFETENSORS_INDEX_SUFFIX))
		note(&search->safetensors_indexes, name, 0);
	else if (has_suffix(name, BUNDLE_INDEX_SUFFIX))
		note_bundle(search, name);
	else if (has_suffix(name, ".safetensors") || has_suffix(name, ".cairn"))
		note(&search->models, name, 0);
	else
		note_step(search, name);
	return 0;
}

static enum cairn_status refuse_bundles(const struct folder_search *search,
					struct cairn_error *error)
{
	const struct cairn_string prefix = {
		search->bundles.name, strlen(search->bundles.name) - strlen(BUNDLE_INDEX_SUFFIX)};

	return error_set(error, CAIRN_NOT_A_CHECKPOINT, CAIRN_ERROR_NO_OFFSET,
			 "a directory with more than one model, and no state file: pass the prefix "
			 "of one of the %" PRIu32 " TensorFlow checkpoints in it, such as %s",
			 search->bundles.count, quote(prefix).text);
}

static enum cairn_status refuse(const struct folder_search *search, struct cairn_error *error)
{
	const uint32_t found = search->models.count + search->safetensors_indexes.count +
			       search->bundles.count;

	if (search->entries == 0)
		return error_set(error, CAIRN_NOT_A_CHECKPOINT, CAIRN_ERROR_NO_OFFSET,
				 "an empty directory");
	if (found == 0 && search->steps.count != 0)
		return error_set(error, CAIRN_NOT_A_CHECKPOINT, CAIRN_ERROR_NO_OFFSET,
				 "a directory of steps: pass one of the %" PRIu32 ", such as %s",
				 search->steps.count,
				 quote(cairn_string_from(search->steps.name)).text);
	if (found == search->bundles.count && found > 1)
		return refuse_bundles(search, error);
	return error_set(error, CAIRN_NOT_A_CHECKPOINT, CAIRN_ERROR_NO_OFFSET,
			 "a directory with %s: pass the path of a model in it; it holds %s%s",
			 found == 0 ? "no model that this version reads" : "more than one model",
			 search->listed, search->entries > search->listed_count ? ", ..." : "");
}

static enum cairn_status choose(const struct folder_search *search, enum folder_content *content,
				const char **name, struct cairn_error *error)
{
	const uint32_t models = search->models.count + search->bundles.count;

	*content = FOLDER_FILE;
	if (search->is_cairn) {
		*name = INDEX_NAME;
	} else if (search->is_saved_model) {
		*content = FOLDER_SAVED_MODEL;
		*name = SAVED_MODEL_NAME;
	} else if (search->safetensors_indexes.count == 1) {
		*name = search->safetensors_indexes.name;
	} else if (search->has_state) {
		*content = FOLDER_STATE;
		*name = STATE_NAME;
	} else if (search->safetensors_indexes.count == 0 && models == 1) {
		*content = search->bundles.count == 1 ? FOLDER_BUNDLE : FOLDER_FILE;
		*name = search->bundles.count == 1 ? search->bundles.name : search->models.name;
	} else {
		return refuse(search, error);
	}
	return CAIRN_OK;
}

enum cairn_status folder_search(struct folder_search *search, struct system *system, int directory,
				enum folder_content *content, const char **name,
				struct cairn_error *error)
{
	int result;

	*search = (struct folder_search){0};
	result = system_list(system, directory, look_at_entry, search);
	if (result < 0)
		return error_set_system(error, result, "cannot list the directory");
	return choose(search, content, name, error);
}
