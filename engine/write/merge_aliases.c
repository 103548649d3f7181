/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aliases of a merge: whose bytes they are an alias of, in numbers of the merged index.
 *
 * What an alias names may have become an alias itself: another source, which had it first, says so.
 * Then both are aliases of the same. Most merges have no aliases, and nothing is done here.
 */
#include "engine/write/merge.h"
#include "format/error.h"

/* The merged number of each record of a source, and which of them comes next. */
struct alias_source {
	uint32_t *outputs;
	uint64_t next;
};

static struct alias_source *make_outputs(struct merge *merge)
{
	struct alias_source *const sources = arena_allocate_array(
		&merge->arena, merge->source_count, sizeof(*sources));

	for (uint32_t i = 0; sources != NULL && i < merge->source_count; i++) {
		sources[i].outputs = arena_allocate_array(&merge->arena,
							  merge->sources[i].index.tensor_count,
							  sizeof(*sources[i].outputs));
		if (sources[i].outputs == NULL)
			return NULL;
	}
	return sources;
}

/* Who holds the bytes of the next record of a source, which is an alias. */
static enum cairn_status find_holder(const struct merge *merge, uint32_t number,
				     const struct alias_source *from, uint32_t *holder,
				     struct cairn_error *error)
{
	const struct index *const index = &merge->sources[number].index;
	struct tensor_record record;
	struct cairn_string name;
	enum cairn_status status;

	status = index_tensor(index, from->next, &record, error);
	if (status == CAIRN_OK && record.alias_of < from->next) {
		*holder = merge->holders[from->outputs[record.alias_of]];
		return CAIRN_OK;
	}
	if (status == CAIRN_OK)
		status = index_name(index, record.name_offset, record.name_size, &name, error);
	return status != CAIRN_OK
		       ? status
		       : error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				   "tensor %s is an alias of a tensor that does not come before it",
				   quote(name).text);
}

/* Follows the merged order through a part; *count is of merged records so far. */
static enum cairn_status find_holders_of(struct merge *merge, const struct merge_part *part,
					 struct alias_source *sources, uint32_t *count,
					 struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint64_t at = 0; at < part->order_count && status == CAIRN_OK; at++) {
		const uint32_t place = part->order[at];
		const uint32_t number = place & MERGE_SOURCE_MASK;
		struct alias_source *const source = &sources[number];

		if ((place & MERGE_SAME_NAME) == 0) {
			merge->holders[*count] = *count;
			if ((place & MERGE_IS_ALIAS) != 0)
				status = find_holder(merge, number, source, &merge->holders[*count],
						     error);
			(*count)++;
		}
		source->outputs[source->next++] = *count - 1;
	}
	return status;
}

enum cairn_status merge_find_holders(struct merge *merge, struct cairn_error *error)
{
	struct alias_source *sources;
	bool has_aliases = false;
	uint32_t count = 0;
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < merge->part_count; i++)
		has_aliases |= merge->parts[i].has_aliases;
	if (!has_aliases)
		return CAIRN_OK;
	merge->holders = arena_allocate_array(&merge->arena, merge->amounts.tensors,
					      sizeof(*merge->holders));
	sources = make_outputs(merge);
	if (merge->holders == NULL || sources == NULL)
		return error_set_memory(error, "the aliases of the merge");
	for (uint32_t i = 0; i < merge->part_count && status == CAIRN_OK; i++)
		status = find_holders_of(merge, &merge->parts[i], sources, &count, error);
	return status;
}
