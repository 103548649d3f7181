/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Differences as JSON: lists that grow in memory while the library compares, and the object that
 * holds them.
 */
#include "tools/diff_output.h"

#include <stdlib.h>

#include "tools/cli.h"

static const char *const list_names[DIFF_LISTS] = {"added", "removed", "changed", "unknown"};

/* --------------------------------------------------------------------------------- descriptions */

const char *diff_what(uint32_t what, char buffer[DIFF_WHAT_SIZE])
{
	static const struct {
		uint32_t bit;
		const char *word;
	} words[] = {
		{CAIRN_DIFFERENT_DTYPE, "dtype"},
		{CAIRN_DIFFERENT_SHAPE, "shape"},
		{CAIRN_DIFFERENT_DATA, "data"},
		{CAIRN_DIFFERENT_PRESENCE, "presence"},
	};
	size_t used = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (what & words[i].bit)
			used += (size_t)snprintf(buffer + used, DIFF_WHAT_SIZE - used, "%s%s",
						 used ? ", " : "", words[i].word);
	}
	return buffer;
}

void diff_coordinates(const struct cairn_tensor *tensor, uint64_t element, diff_coordinate take,
		      void *context)
{
	for (uint32_t d = 0; d < tensor->rank; d++) {
		uint64_t below = 1; /* elements of what one step in this dimension passes */
		for (uint32_t inner = d + 1; inner < tensor->rank; inner++)
			below *= tensor->dims[inner];
		take(context, d, below ? element / below : 0);
		element = below ? element % below : 0;
	}
}

/* ----------------------------------------------------------------------------------------- JSON */

static void json_coordinate(void *context, uint32_t dimension, uint64_t value)
{
	(void)dimension;
	emit_unsigned(context, value);
}

static void json_dtypes(struct json_output *json, const struct cairn_difference *difference)
{
	char name[CLI_DTYPE_SIZE];

	emit_key(json, "dtype");
	emit_begin_array(json);
	emit_text(json, cli_dtype_name(difference->a->dtype, name));
	emit_text(json, cli_dtype_name(difference->b->dtype, name));
	emit_end_array(json);
}

static void json_shape(struct json_output *json, const struct cairn_tensor *tensor)
{
	emit_begin_array(json);
	for (uint32_t d = 0; d < tensor->rank; d++)
		emit_unsigned(json, tensor->dims[d]);
	emit_end_array(json);
}

static void json_shapes(struct json_output *json, const struct cairn_difference *difference)
{
	emit_key(json, "shape");
	emit_begin_array(json);
	json_shape(json, difference->a);
	json_shape(json, difference->b);
	emit_end_array(json);
}

static void json_pair(struct json_output *json, const char *key, const uint64_t values[2])
{
	emit_key(json, key);
	emit_begin_array(json);
	emit_unsigned(json, values[0]);
	emit_unsigned(json, values[1]);
	emit_end_array(json);
}

static void json_statistics(struct json_output *json, const struct cairn_difference *difference)
{
	const struct cairn_difference_statistics *statistics = difference->statistics;

	emit_key(json, "data");
	emit_begin_object(json);
	emit_key(json, "compared");
	emit_unsigned(json, statistics->compared);
	emit_key(json, "different");
	emit_unsigned(json, statistics->different);
	emit_key(json, "first");
	emit_begin_array(json);
	diff_coordinates(difference->a, statistics->first, json_coordinate, json);
	emit_end_array(json);
	if (statistics->has_numbers) {
		emit_key(json, "max_absolute");
		emit_double(json, statistics->absolute_max);
		emit_key(json, "max_relative");
		emit_double(json, statistics->relative_max);
		json_pair(json, "nan", statistics->nan_count);
	}
	emit_end_object(json);
}

static void json_change(struct json_output *json, const struct cairn_difference *difference)
{
	char words[DIFF_WHAT_SIZE];

	emit_begin_object(json);
	emit_key(json, "name");
	emit_string(json, difference->name);
	if (difference->kind == CAIRN_DIFFERENCE_UNKNOWN) {
		emit_key(json, "message");
		emit_text(json, difference->message);
	} else {
		emit_key(json, "what");
		emit_text(json, diff_what(difference->what, words));
	}
	if (difference->what & CAIRN_DIFFERENT_DTYPE)
		json_dtypes(json, difference);
	if (difference->what & CAIRN_DIFFERENT_SHAPE)
		json_shapes(json, difference);
	if (difference->what & CAIRN_DIFFERENT_PRESENCE)
		json_pair(json, "stored_only", difference->stored_only);
	if (difference->statistics)
		json_statistics(json, difference);
	emit_end_object(json);
}

void diff_lists_add(struct diff_list lists[2][DIFF_LISTS],
		    const struct cairn_difference *difference)
{
	struct diff_list *list = &lists[difference->is_metadata][difference->kind - 1];

	if (difference->kind == CAIRN_DIFFERENCE_ADDED ||
	    difference->kind == CAIRN_DIFFERENCE_REMOVED)
		emit_string(&list->json, difference->name);
	else
		json_change(&list->json, difference);
}

static bool open_list(struct diff_list *list)
{
	list->json.file = open_memstream(&list->text, &list->size);
	if (!list->json.file)
		return false;
	/* inside of an object: its elements are not on lines of their own */
	list->json.depth = 1;
	list->json.filled[0] = false;
	list->json.after_key = true;
	emit_begin_array(&list->json);
	return true;
}

static bool close_list(struct diff_list *list)
{
	if (!list->json.file)
		return false;
	emit_end_array(&list->json);
	return fclose(list->json.file) == 0 && !list->json.failed;
}

static bool for_each_list(struct diff_list lists[2][DIFF_LISTS],
			  bool (*act)(struct diff_list *list))
{
	bool all = true;

	for (size_t i = 0; i < (size_t)2 * DIFF_LISTS; i++)
		all = act(&lists[i / DIFF_LISTS][i % DIFF_LISTS]) && all;
	return all;
}

bool diff_lists_open(struct diff_list lists[2][DIFF_LISTS])
{
	return for_each_list(lists, open_list);
}

bool diff_lists_close(struct diff_list lists[2][DIFF_LISTS])
{
	return for_each_list(lists, close_list);
}

void diff_lists_free(struct diff_list lists[2][DIFF_LISTS])
{
	for (size_t i = 0; i < (size_t)2 * DIFF_LISTS; i++)
		free(lists[i / DIFF_LISTS][i % DIFF_LISTS].text);
}

static void print_lists(struct json_output *json, const struct diff_list lists[DIFF_LISTS])
{
	for (size_t i = 0; i < DIFF_LISTS; i++) {
		emit_key(json, list_names[i]);
		json->after_key = false;
		fwrite(lists[i].text, 1, lists[i].size, json->file);
	}
}

void diff_json_print(struct diff_list lists[2][DIFF_LISTS], const struct cairn_diff_report *report)
{
	struct json_output json = {.file = stdout};

	emit_begin_object(&json);
	emit_key(&json, "equal");
	emit_bool(&json, report->equal);
	print_lists(&json, lists[0]);
	emit_key(&json, "same");
	emit_unsigned(&json, report->tensors.same);
	emit_key(&json, "metadata");
	emit_begin_object(&json);
	print_lists(&json, lists[1]);
	emit_key(&json, "same");
	emit_unsigned(&json, report->metadata.same);
	emit_end_object(&json);
	emit_key(&json, "compared_by_digest");
	emit_unsigned(&json, report->compared_by_digest);
	emit_key(&json, "bytes_read");
	emit_unsigned(&json, report->bytes_read);
	emit_end_object(&json);
	emit_finish(&json);
}
