/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tensor a command line means, and which part of it.
 *
 * What is wrong with the words themselves is said before any file is opened; what does not fit the
 * tensor, before any byte of it is read.
 */
#include "tools/selection.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli.h"
#include "tools/text.h"

/* Names that are compared when one is not found. */
#define SUGGESTION_NAMES_MAX 200000

/* --------------------------------------------------------------------------------------- slices */

/* "3,2" or "-" at *text; moves *text behind it. */
static bool take_extent(const char **text, uint64_t *start, uint64_t *length)
{
	char *end = NULL;

	*start = 0;
	*length = CAIRN_FULL;
	if (**text == '-') {
		++*text;
		return true;
	}
	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*start = strtoull(*text, &end, 10);
	if (*end != ',' || end[1] < '0' || end[1] > '9')
		return false;
	*length = strtoull(end + 1, &end, 10);
	*text = end;
	return errno == 0 && *length > 0 && *length < CAIRN_FULL;
}

/* The extents, without the shape before them. An empty text has rank 0. */
static bool parse_extents(const char *text, struct region *region)
{
	region->rank = 0;
	while (*text) {
		const uint32_t d = region->rank;
		if (d >= CAIRN_RANK_MAX || (d && *text++ != ':') ||
		    !take_extent(&text, &region->starts[d], &region->lengths[d]))
			return false;
		region->rank++;
	}
	return true;
}

/* Whether the text before the extents, if any, is well-formed: numbers, each followed by a blank.
 */
static const char *skip_shape(const char *text)
{
	const char *extents = strrchr(text, ' ');

	return extents ? extents + 1 : text;
}

int selection_check_slice(const char *command, const char *text)
{
	struct region region;

	if (parse_extents(skip_shape(text), &region) &&
	    strspn(text, "0123456789 ") >= (size_t)(skip_shape(text) - text))
		return CLI_GO_ON;
	return cli_usage_error(command,
			       "%s: --slice: '%s' is no slice: 'START,LENGTH' or '-' for each "
			       "dimension, joined by ':', such as '0,4:-'",
			       command, text);
}

/* The shape that a full specification begins with is the tensor's. */
static bool same_shape(const char *text, const struct cairn_tensor *tensor)
{
	const char *extents = skip_shape(text);
	uint32_t d = 0;

	while (text < extents) {
		char *end = NULL;
		const unsigned long long dim = strtoull(text, &end, 10);
		if (end == text || d >= tensor->rank || tensor->dims[d] != dim)
			return false;
		d++;
		text = end + strspn(end, " ");
	}
	return d == 0 || d == tensor->rank;
}

static int refuse_slice(const char *path, const char *slice, const struct cairn_tensor *tensor,
			const char *why, uint32_t dimension)
{
	char name[256];

	text_escape(tensor->name, name, sizeof(name));
	return cli_error(CLI_NO, "'%s': tensor '%s': slice '%s' %s %" PRIu32, path, name, slice,
			 why, dimension);
}

int selection_resolve(const char *path, const char *slice, const struct cairn_tensor *tensor,
		      struct region *region)
{
	parse_extents(skip_shape(slice), region);
	if (*slice && region->rank != tensor->rank)
		return refuse_slice(path, slice, tensor, "does not fit a tensor of rank",
				    tensor->rank);
	if (!same_shape(slice, tensor))
		return refuse_slice(path, slice, tensor,
				    "is of another shape than this tensor of rank", tensor->rank);
	region->rank = tensor->rank;
	for (uint32_t d = 0; d < tensor->rank; d++) {
		const uint64_t dim = tensor->dims[d];
		if (!*slice || region->lengths[d] == CAIRN_FULL) {
			region->starts[d] = 0;
			region->lengths[d] = dim;
		}
		if (region->lengths[d] > dim || region->starts[d] > dim - region->lengths[d])
			return refuse_slice(path, slice, tensor, "leaves the shape in dimension",
					    d);
	}
	return CLI_GO_ON;
}

void region_whole(const struct cairn_tensor *tensor, struct region *region)
{
	region->rank = tensor->rank;
	for (uint32_t d = 0; d < tensor->rank; d++) {
		region->starts[d] = 0;
		region->lengths[d] = tensor->dims[d];
	}
}

bool region_is_empty(const struct region *region)
{
	for (uint32_t d = 0; d < region->rank; d++) {
		if (region->lengths[d] == 0)
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------------------------------- names */

/* The name that was most probably meant; size 0 when none comes near. */
static struct cairn_string nearest_name(const struct cairn_reader *reader,
					struct cairn_string wanted)
{
	const uint64_t count = cairn_reader_tensor_count(reader);
	struct cairn_string nearest = {NULL, 0};
	struct cairn_tensor tensor;
	size_t best = SIZE_MAX;

	for (uint64_t i = 0; i < count && i < SUGGESTION_NAMES_MAX; i++) {
		if (cairn_reader_tensor_at(reader, i, &tensor, NULL) != CAIRN_OK)
			break;
		const size_t mismatch = text_mismatch(wanted, tensor.name);
		if (mismatch < best) {
			best = mismatch;
			nearest = tensor.name;
		}
	}
	return nearest;
}

static int unknown_tensor(const char *path, const struct cairn_reader *reader, const char *name)
{
	const struct cairn_string wanted = cairn_string_from(name);
	const struct cairn_string nearest = nearest_name(reader, wanted);
	char shown[256];
	char other[256];

	text_escape(wanted, shown, sizeof(shown));
	if (nearest.size)
		return cli_error(CLI_NO, "'%s': no tensor '%s', did you mean '%s'?", path, shown,
				 text_escape(nearest, other, sizeof(other)));
	return cli_error(CLI_NO, "'%s': no tensor '%s'; 'cairn ls' lists them", path, shown);
}

int selection_find(const char *path, const struct cairn_reader *reader, const char *name,
		   struct cairn_tensor *tensor)
{
	struct cairn_error error = {.code = CAIRN_OK};
	const enum cairn_status status = cairn_reader_find(reader, name, tensor, &error);

	if (status == CAIRN_NOT_FOUND)
		return unknown_tensor(path, reader, name);
	return status == CAIRN_OK ? CLI_GO_ON : cli_fail(status, &error);
}

int selection_find_nth(const char *path, const struct cairn_reader *reader, uint64_t nth,
		       struct cairn_tensor *tensor)
{
	const uint64_t count = cairn_reader_tensor_count(reader);
	struct cairn_error error = {.code = CAIRN_OK};

	if (nth >= count)
		return cli_error(CLI_NO,
				 "'%s': no tensor number %" PRIu64 ": there are %" PRIu64
				 ", counted from 0",
				 path, nth, count);
	const enum cairn_status status = cairn_reader_tensor_at(reader, nth, tensor, &error);
	return status == CAIRN_OK ? CLI_GO_ON : cli_fail(status, &error);
}

void selection_note_order(const char *path, const char *name)
{
	if (access(path, F_OK) && access(name, F_OK) == 0)
		cli_note("'%s' is there: the checkpoint comes first, then the names", name);
}
