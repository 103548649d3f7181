/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of tensors that begin with what was typed: names are sorted, so that those that share a
 * beginning lie side by side, and both ends of the run are found by bisection.
 */
#include "tools/complete_names.h"

#include <stdbool.h>
#include <string.h>

struct names {
	const struct cairn_reader *reader;
	bool damaged;
};

static struct cairn_string name_at(struct names *names, uint64_t index)
{
	struct cairn_tensor tensor;

	if (cairn_reader_tensor_at(names->reader, index, &tensor, NULL) == CAIRN_OK)
		return tensor.name;
	names->damaged = true;
	return (struct cairn_string){"", 0};
}

/* How the name compares with all that begin with `prefix`: before, among, behind. */
static int compare_beginning(struct cairn_string name, struct cairn_string prefix)
{
	const size_t size = name.size < prefix.size ? name.size : prefix.size;
	const int order = size ? memcmp(name.data, prefix.data, size) : 0;

	return order ? order : name.size < prefix.size ? -1 : 0;
}

/* The first index in [low, high) whose name compares as `order` (0 or 1) or more; else high. */
static uint64_t bisect(struct names *names, struct cairn_string prefix, int order, uint64_t low,
		       uint64_t high)
{
	while (low < high && !names->damaged) {
		const uint64_t middle = low + (high - low) / 2;
		const int found = compare_beginning(name_at(names, middle), prefix);
		if ((found > 0) - (found < 0) < order)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The beginning of the name up to the first separator behind what was typed. */
static struct cairn_string beginning(struct cairn_string name, size_t typed)
{
	for (size_t i = typed; i < name.size; i++) {
		if (name.data[i] == '.' || name.data[i] == '/')
			return (struct cairn_string){name.data, i + 1};
	}
	return name;
}

static void give_beginnings(struct names *names, size_t typed, uint64_t low, uint64_t high,
			    complete_candidate candidate, void *context)
{
	const struct cairn_string last = beginning(name_at(names, high - 1), typed);

	for (unsigned given = 1; low < high && !names->damaged; given++) {
		const struct cairn_string next = beginning(name_at(names, low), typed);
		if (given >= COMPLETE_NAMES_MAX)
			break;
		candidate(context, next);
		low = next.size == name_at(names, low).size ? low + 1
							    : bisect(names, next, 1, low, high);
	}
	if (low < high && !names->damaged)
		candidate(context, last);
}

void complete_names(const struct cairn_reader *reader, struct cairn_string prefix,
		    complete_candidate candidate, void *context)
{
	struct names names = {.reader = reader};
	const uint64_t count = cairn_reader_tensor_count(reader);
	const uint64_t low = bisect(&names, prefix, 0, 0, count);
	const uint64_t high = bisect(&names, prefix, 1, low, count);

	if (high - low > COMPLETE_NAMES_MAX) {
		give_beginnings(&names, prefix.size, low, high, candidate, context);
		return;
	}
	for (uint64_t i = low; i < high && !names.damaged; i++) {
		const struct cairn_string name = name_at(&names, i);
		if (!names.damaged)
			candidate(context, name);
	}
}
