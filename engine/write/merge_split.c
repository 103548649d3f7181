/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting the merged order of names into parts of about the same size.
 *
 * A sample of all sources' names, evenly spaced, is sorted; names at even distances in it are where
 * parts begin. A search in each source finds its records of each part. Where parts begin changes
 * nothing in what is merged.
 */
#include "engine/system/sync.h"
#include "engine/write/merge.h"
#include "format/error.h"
#include "format/sort.h"

enum {
	PART_COUNT_MAX = 4,
	PART_TENSORS_MIN = 1 << 14, /* less is not worth a thread */
	PART_SAMPLES = 256,         /* names for each part */
	PART_SOURCES_ALL = 1 << 15, /* of all parts: what is read ahead is for each of them */
	AHEAD_MAX = 32,             /* tensors that are read ahead of a source */
	AHEAD_ALL = 4096,           /* of all sources together */
	AHEAD_SIZE = 384            /* what most of them take */
};

/* ---------------------------------------------------------------------------------------- names */

struct sample {
	struct cairn_string *names; /* in the merge's arena */
	void **order;               /* the same, sorted; room for twice as many */
	uint64_t count;
};

static int compare_names(const void *a, const void *b)
{
	return index_name_compare(*(const struct cairn_string *)a, *(const struct cairn_string *)b);
}

static bool read_name(const struct merge_source *source, uint64_t number, struct cairn_string *name)
{
	uint8_t name_space;

	return index_probe(&source->index, number, &name_space, name, NULL) == CAIRN_OK;
}

/* Every stride-th name of each source. Where the first one lies goes through all places evenly from
 * source to source (by the golden ratio), or sources of one length would be sampled at the same few
 * places. */
static bool take_sample(const struct merge *merge, uint64_t stride, struct sample *sample)
{
	for (uint32_t i = 0; i < merge->source_count; i++) {
		const struct merge_source *const source = &merge->sources[i];
		const uint32_t fraction = i * UINT32_C(2654435769); /* of 2^32 */

		for (uint64_t at = (stride * (fraction >> 16)) >> 16;
		     at < source->index.tensor_count; at += stride) {
			if (!read_name(source, at, &sample->names[sample->count]))
				return false;
			sample->order[sample->count] = &sample->names[sample->count];
			sample->count++;
		}
	}
	sort_pointers(sample->order, sample->order + sample->count, sample->count, compare_names);
	return true;
}

/* The first record from `low` on that does not come before the name. */
static bool find_name(const struct merge_source *source, struct cairn_string name, uint64_t low,
		      uint64_t *found)
{
	uint64_t high = source->index.tensor_count;

	while (low < high) {
		const uint64_t middle = low + (high - low) / 2;
		struct cairn_string probed;

		if (!read_name(source, middle, &probed))
			return false;
		if (index_name_compare(probed, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low;
	return true;
}

static bool find_bounds(struct merge *merge, const struct sample *sample)
{
	for (uint32_t part = 1; part < merge->part_count; part++) {
		const uint64_t *const before = merge->bounds +
					       (uint64_t)(part - 1) * merge->source_count;
		uint64_t *const bounds = merge->bounds + (uint64_t)part * merge->source_count;
		const struct cairn_string
			*const name = sample->order[sample->count * part / merge->part_count];

		for (uint32_t i = 0; i < merge->source_count; i++) {
			if (!find_name(&merge->sources[i], *name, before[i], &bounds[i]))
				return false;
		}
	}
	return true;
}

/* ---------------------------------------------------------------------------------------- parts */

static uint64_t count_tensors(const struct merge *merge)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < merge->source_count; i++)
		count += merge->sources[i].reader->index.tensor_count;
	return count;
}

static uint32_t choose_part_count(const struct merge *merge, uint64_t tensors)
{
	uint64_t count = merge->part_count;

	if (count == 0) {
		count = system_processors(merge->system);
		if (count > tensors / PART_TENSORS_MIN)
			count = tensors / PART_TENSORS_MIN;
	}
	if (count > PART_COUNT_MAX)
		count = PART_COUNT_MAX;
	if (count > PART_SOURCES_ALL / merge->source_count)
		count = PART_SOURCES_ALL / merge->source_count;
	return count < 1 || tensors == 0 ? 1 : (uint32_t)count;
}

/* Parts begin at zero or where names tell, and end where the next one begins or the source ends. */
static enum cairn_status set_bounds(struct merge *merge, uint64_t tensors,
				    struct cairn_error *error)
{
	const uint64_t wanted = (uint64_t)merge->part_count * PART_SAMPLES;
	const uint64_t stride = tensors <= wanted ? 1 : tensors / wanted;
	struct sample sample = {0};

	merge->bounds = arena_allocate_array(
		&merge->arena, ((uint64_t)merge->part_count + 1) * merge->source_count,
		sizeof(*merge->bounds));
	if (merge->bounds == NULL)
		return error_set_memory(error, "the parts of the merge");
	if (merge->part_count > 1) {
		const uint64_t most = tensors / stride + merge->source_count;

		sample.names = arena_allocate_array(&merge->arena, most, sizeof(*sample.names));
		sample.order = arena_allocate_array(&merge->arena, 2 * most, sizeof(void *));
		if (sample.names == NULL || sample.order == NULL)
			return error_set_memory(error, "the parts of the merge");
		if (!take_sample(merge, stride, &sample) || sample.count == 0 ||
		    !find_bounds(merge, &sample))
			merge->part_count = 1;
	}
	for (uint32_t i = 0; i < merge->source_count; i++)
		merge->bounds[(uint64_t)merge->part_count * merge->source_count + i] =
			merge->sources[i].index.tensor_count;
	return CAIRN_OK;
}

static bool init_cursors(struct merge *merge, struct merge_part *part)
{
	const uint32_t count = merge->source_count;
	const uint32_t share = AHEAD_ALL / count;
	const uint32_t room = share < 1 ? 1 : share > AHEAD_MAX ? AHEAD_MAX : share;
	const uint32_t stage_size = MERGE_STAGE_MIN + (room - 1) * AHEAD_SIZE;
	struct merge_entry *const entries = arena_allocate_array(
		&merge->arena, (uint64_t)count * room, sizeof(*entries));
	uint8_t *const stages = arena_allocate(&merge->arena, (uint64_t)count * stage_size);

	part->cursors = arena_allocate_array(&merge->arena, count, sizeof(*part->cursors));
	if (entries == NULL || stages == NULL || part->cursors == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++)
		part->cursors[i] = (struct merge_cursor){
			.source = &merge->sources[i],
			.entries = entries + (uint64_t)i * room,
			.room = room,
			.stage = stages + (uint64_t)i * stage_size,
			.stage_size = stage_size,
		};
	return true;
}

static bool init_part(struct merge *merge, uint32_t number)
{
	struct merge_part *const part = &merge->parts[number];

	part->merge = merge;
	part->begins = merge->bounds + (uint64_t)number * merge->source_count;
	part->ends = part->begins + merge->source_count;
	arena_init(&part->group.scratch, reader_arena_source(merge->system), MERGE_ARENA_MAX);
	part->group.members = arena_allocate_array(&merge->arena, merge->source_count,
						   sizeof(*part->group.members));
	part->uses_shard = arena_allocate_array(&merge->arena, merge->shard_count,
						sizeof(*part->uses_shard));
	return part->group.members != NULL && part->uses_shard != NULL &&
	       init_cursors(merge, part) &&
	       merge_tree_init(&part->tree, &merge->arena, merge->source_count);
}

/* --------------------------------------------------------------------------------- verification */

struct verification {
	struct merge *merge;
	struct mutex mutex;
	enum cairn_status status; /* of the first source that has an error */
	uint32_t source;
	struct cairn_error error;
};

static void verify_task(void *context, uint32_t number)
{
	struct verification *const all = context;
	struct merge_source *const source = &all->merge->sources[number];
	struct cairn_error error = {0};
	const enum cairn_status status = reader_verify_index(source->reader, &source->index,
							     &error);

	if (status == CAIRN_OK)
		return;
	mutex_lock(&all->mutex);
	if (all->status == CAIRN_OK || number < all->source) {
		all->status = status;
		all->source = number;
		all->error = error;
	}
	mutex_unlock(&all->mutex);
}

static enum cairn_status verify_sources(struct merge *merge, struct cairn_error *error)
{
	struct verification all = {.merge = merge};

	mutex_init(&all.mutex);
	parallel_run(merge->system, merge->part_count, merge->source_count, verify_task, &all);
	mutex_fini(&all.mutex);
	if (all.status != CAIRN_OK && error != NULL)
		*error = all.error;
	return all.status;
}

enum cairn_status merge_split(struct merge *merge, struct cairn_error *error)
{
	const uint64_t tensors = count_tensors(merge);
	enum cairn_status status;

	merge->part_count = choose_part_count(merge, tensors);
	if ((status = verify_sources(merge, error)) != CAIRN_OK ||
	    (status = set_bounds(merge, tensors, error)) != CAIRN_OK)
		return status;
	merge->parts = arena_allocate_array(&merge->arena, merge->part_count,
					    sizeof(*merge->parts));
	for (uint32_t i = 0; merge->parts != NULL && i < merge->part_count; i++) {
		if (!init_part(merge, i))
			return error_set_memory(error, "the parts of the merge");
	}
	return merge->parts == NULL ? error_set_memory(error, "the parts of the merge") : CAIRN_OK;
}
