/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first pass of a merge: the order of all tensors, what becomes of each, the shards, the
 * metadata.
 *
 * The sources are sorted already; a heap of their current names gives the merged order, which is
 * remembered (four bytes a record), so that the second pass need not compare names again.
 */
#include "engine/write/merge.h"

#include <inttypes.h>

#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"
#include "format/sort.h"

#define ARENA_SIZE_MAX ((size_t)1 << 40)

const struct cairn_reader_options merge_reader_options = {.flags = CAIRN_OPEN_MAPPED_INDEX};

/* -------------------------------------------------------------------------------------- sources */

enum cairn_status merge_advance(struct merge_source *source, bool *done, struct cairn_error *error)
{
	const struct index *const index = &source->reader->index;
	struct cairn_string name;
	enum cairn_status status;

	*done = source->next == index->tensor_count;
	if (*done)
		return CAIRN_OK;
	status = index_tensor(index, source->next, &source->record, error);
	if (status == CAIRN_OK)
		status = index_name(index, source->record.name_offset, source->record.name_size,
				    &name, error);
	if (status == CAIRN_OK && source->next != 0 && index_name_compare(source->name, name) >= 0)
		status = error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				   "tensor record %" PRIu64
				   " named %s is not in its place in the order of names",
				   source->next, quote(name).text);
	if (status != CAIRN_OK)
		return error_prefix(error, status, source->reader->name);
	source->previous = source->name;
	source->name = name;
	source->next++;
	index_prefetch(index, source->next);
	return CAIRN_OK;
}

void merge_rewind(struct merge *merge)
{
	for (uint32_t i = 0; i < merge->source_count; i++) {
		merge->sources[i].next = 0;
		merge->sources[i].name = (struct cairn_string){NULL, 0};
	}
}

/* --------------------------------------------------------------------------------------- shards */

static bool add_shard(struct merge *merge, struct merge_source *source, uint32_t file,
		      uint64_t size, const struct cairn_digest *content_id)
{
	for (uint32_t i = 0; i < merge->shard_count; i++) {
		if (merge->shards[i].size == size &&
		    digest_equal(&merge->shards[i].content_id, content_id)) {
			source->shard_map[file] = (uint16_t)(i +
							     1); /* a file that two sources share */
			return true;
		}
	}
	if (merge->shard_count + 1 >= SHARD_COUNT_MAX)
		return false;
	merge->shards[merge->shard_count++] = (struct merge_shard){
		.reader = source->reader, .file = file, .size = size, .content_id = *content_id};
	source->shard_map[file] = (uint16_t)merge->shard_count;
	return true;
}

/* The shards of a source: the file itself, or the siblings that its index names. */
static enum cairn_status add_shards_of(struct merge *merge, struct merge_source *source,
				       struct cairn_error *error)
{
	const struct cairn_reader *const reader = source->reader;
	bool added = true;

	source->shard_map = arena_allocate_array(&merge->arena, reader->file_count,
						 sizeof(*source->shard_map));
	source->outputs = arena_allocate_array(&merge->arena, reader->index.tensor_count,
					       sizeof(*source->outputs));
	if (source->shard_map == NULL || source->outputs == NULL)
		return error_set_memory(error, "the merge");
	if (reader->file_count == 1)
		added = add_shard(merge, source, 0, reader->files[0].size,
				  &reader->footer.content_id);
	for (uint32_t i = 1; i < reader->file_count && added; i++) {
		struct shard_record record;
		enum cairn_status status = index_shard(&reader->index, i, &record, error);

		if (status ==
		    CAIRN_OK) /* it is what the index means, before anybody relies on it */
			status = reader_use_shard(reader, i, error);
		if (status != CAIRN_OK)
			return error_prefix(error, status, reader->name);
		added = add_shard(merge, source, i, record.size, &record.content_id);
	}
	return added ? CAIRN_OK
		     : error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET, "more than %u shards",
				 SHARD_COUNT_MAX - 1);
}

static enum cairn_status add_all_shards(struct merge *merge, struct cairn_error *error)
{
	uint64_t most = 0;
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < merge->source_count; i++)
		most += merge->sources[i].reader->file_count;
	merge->shards = arena_allocate_array(&merge->arena, most, sizeof(*merge->shards));
	if (merge->shards == NULL)
		return error_set_memory(error, "the table of shards");
	for (uint32_t i = 0; i < merge->source_count && status == CAIRN_OK; i++)
		status = add_shards_of(merge, &merge->sources[i], error);
	return status;
}

/* ----------------------------------------------------------------------------------------- init */

enum cairn_status merge_init(struct merge *merge, struct system *system,
			     const struct cairn_reader *const *readers, uint32_t count,
			     bool allow_incomplete, struct cairn_error *error)
{
	*merge = (struct merge){
		.system = system, .source_count = count, .allow_incomplete = allow_incomplete};
	arena_init(&merge->arena, reader_arena_source(system), ARENA_SIZE_MAX);
	arena_init(&merge->group.scratch, reader_arena_source(system), ARENA_SIZE_MAX);
	merge->sources = arena_allocate_array(&merge->arena, count, sizeof(*merge->sources));
	merge->group.members = arena_allocate_array(&merge->arena, count,
						    sizeof(*merge->group.members));
	if (merge->sources == NULL || merge->group.members == NULL)
		return error_set_memory(error, "the merge");
	for (uint32_t i = 0; i < count; i++)
		merge->sources[i].reader = readers[i];
	return CAIRN_OK;
}

void merge_fini(struct merge *merge)
{
	arena_fini(&merge->group.scratch);
	arena_fini(&merge->arena);
}

/* ------------------------------------------------------------------------------------- the heap */

/*
 * Sources by their current names, equal names by their order: a binary heap of source numbers.
 *
 * Names are far apart in memory, so that comparisons are what a merge costs. The place at the top
 * that a source was taken from is left open: mostly the same source goes back there with its next
 * name, and takes half the comparisons of a pop and a push.
 */
struct heap {
	const struct merge *merge;
	uint32_t *sources;
	uint32_t count; /* with the open place */
	bool is_open;   /* sources[0] is */
};

static bool comes_before(const struct heap *heap, uint32_t a, uint32_t b)
{
	const int order = index_name_compare(heap->merge->sources[a].name,
					     heap->merge->sources[b].name);

	return order != 0 ? order < 0 : a < b;
}

/* Puts a source where its place is on the way from `at` to the top. */
static void move_up(struct heap *heap, uint32_t at, uint32_t source)
{
	while (at > 0 && comes_before(heap, source, heap->sources[(at - 1) / 2])) {
		heap->sources[at] = heap->sources[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap->sources[at] = source;
}

/* Fills the open place. The lesser children move up to the very bottom, where most sources belong,
 * without being compared with the one that comes. */
static void fill_top(struct heap *heap, uint32_t source)
{
	uint32_t at = 0;

	for (uint32_t child = 1; child < heap->count; child = 2 * at + 1) {
		if (child + 1 < heap->count &&
		    comes_before(heap, heap->sources[child + 1], heap->sources[child]))
			child++;
		heap->sources[at] = heap->sources[child];
		at = child;
	}
	heap->is_open = false;
	move_up(heap, at, source);
}

static void heap_push(struct heap *heap, uint32_t source)
{
	if (heap->is_open)
		fill_top(heap, source);
	else
		move_up(heap, heap->count++, source);
}

static bool heap_is_empty(const struct heap *heap)
{
	return heap->count == (heap->is_open ? 1 : 0);
}

static uint32_t heap_pop(struct heap *heap)
{
	if (heap->is_open)
		fill_top(heap, heap->sources[--heap->count]);
	heap->is_open = true;
	return heap->sources[0];
}

/* After a pop: the next name is the same. It is that of a child of the open place. */
static bool heap_has_another(const struct heap *heap, struct cairn_string name)
{
	for (uint32_t child = 1; child <= 2 && child < heap->count; child++) {
		if (index_name_compare(heap->merge->sources[heap->sources[child]].name, name) == 0)
			return true;
	}
	return false;
}

/* -------------------------------------------------------------------------------------- tensors */

static bool remember(struct merge *merge, uint32_t source, bool same_name)
{
	uint32_t *const order = arena_grow(&merge->arena, merge->order, &merge->order_capacity,
					   merge->order_count + 1, sizeof(*order));

	if (order == NULL)
		return false;
	merge->order = order;
	merge->order[merge->order_count++] = source | (same_name ? MERGE_SAME_NAME : 0);
	return true;
}

/* Takes all sources off the heap whose current tensor has the least name. */
static enum cairn_status take_group(struct merge *merge, struct heap *heap,
				    struct cairn_error *error)
{
	struct merge_group *const group = &merge->group;

	group->count = 0;
	do {
		const uint32_t source = heap_pop(heap);

		if (!remember(merge, source, group->count != 0))
			return error_set_memory(error, "the order of the merge");
		group->members[group->count++] = source;
	} while (heap_has_another(heap, merge->sources[group->members[0]].name));
	return CAIRN_OK;
}

static enum cairn_status mark_shards(struct merge *merge, struct cairn_error *error)
{
	const struct merge_group *const group = &merge->group;

	for (uint32_t i = 0; i < group->slice_count; i++) {
		const struct merge_slice *const slice = &group->slices[i];
		const struct merge_source *const source = &merge->sources[slice->source];

		for (uint32_t k = 0; k < slice->record.extent_count; k++) {
			struct extent_record extent;
			const enum cairn_status status = index_extent(
				&source->reader->index, slice->record.extent_index + k, &extent,
				error);

			if (status != CAIRN_OK)
				return status;
			if (source->shard_map[extent.shard] != 0)
				merge->shards[source->shard_map[extent.shard] - 1].is_used = true;
		}
	}
	return CAIRN_OK;
}

/* Shards in which nothing lies that stayed (replicas of what lies elsewhere) are left out. */
static enum cairn_status drop_unused_shards(struct merge *merge, struct cairn_error *error)
{
	uint16_t *const moved = arena_allocate_array(
		&merge->arena, (uint64_t)merge->shard_count + 1, sizeof(*moved));
	uint32_t kept = 0;

	if (moved == NULL)
		return error_set_memory(error, "the table of shards");
	for (uint32_t i = 0; i < merge->shard_count; i++) {
		if (!merge->shards[i].is_used)
			continue;
		merge->shards[kept++] = merge->shards[i];
		moved[i + 1] = (uint16_t)kept;
	}
	for (uint32_t i = 0; i < merge->source_count; i++) {
		struct merge_source *const source = &merge->sources[i];

		for (uint32_t k = 0; k < source->reader->file_count; k++)
			source->shard_map[k] = moved[source->shard_map[k]];
	}
	merge->shard_count = kept;
	return CAIRN_OK;
}

/* A slice's part of the amounts. All of a source's together are what its sections hold, so that
 * nothing that follows from the amounts is larger than the sources. */
static enum cairn_status count_slice(struct merge *merge, const struct merge_slice *slice,
				     struct cairn_error *error)
{
	struct merge_source *const source = &merge->sources[slice->source];
	const struct index *const index = &source->reader->index;
	const uint64_t extents = slice->record.extent_count;
	const uint64_t chunks = slice->record.digest_kind == DIGEST_NONE
					? 0
					: divide_up(slice->record.size, slice->record.chunk_size);

	if (!range_within(source->extents, extents, index->extent_count) ||
	    !range_within(source->chunks, chunks, index->chunk_count))
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "%s: up to tensor %s there are more extents or digests than the "
				 "%" PRIu64 " and %" PRIu64 " of its index",
				 quote(cairn_string_from(source->reader->name)).text,
				 quote(source->name).text, index->extent_count, index->chunk_count);
	source->extents += extents;
	source->chunks += chunks;
	merge->amounts.extents += extents;
	merge->amounts.chunks += chunks;
	return CAIRN_OK;
}

static enum cairn_status count_group(struct merge *merge, struct cairn_error *error)
{
	const struct merge_group *const group = &merge->group;
	const struct merge_source *const first = &merge->sources[group->members[0]];
	struct merge_amounts *const amounts = &merge->amounts;
	enum cairn_status status = CAIRN_OK;

	amounts->tensors++;
	amounts->name_bytes += first->name.size;
	amounts->dims += first->record.rank;
	amounts->slices += group->slice_count;
	for (uint32_t i = 0; i < group->slice_count && status == CAIRN_OK; i++) {
		const struct merge_slice *const slice = &group->slices[i];

		amounts->dims += slice->ranges == NULL ? 0 : 2 * (uint64_t)first->record.rank;
		status = count_slice(merge, slice, error);
	}
	for (uint32_t i = 0; i < group->count; i++) {
		const struct merge_source *const source = &merge->sources[group->members[i]];

		source->outputs[source->next - 1] = (uint32_t)merge->tensor_count;
	}
	merge->tensor_count++;
	return status;
}

static enum cairn_status advance_onto_heap(struct merge *merge, struct heap *heap, uint32_t source,
					   struct cairn_error *error)
{
	bool done = false;
	const enum cairn_status status = merge_advance(&merge->sources[source], &done, error);

	if (status == CAIRN_OK && !done)
		heap_push(heap, source);
	return status;
}

static enum cairn_status plan_tensors(struct merge *merge, struct cairn_error *error)
{
	struct heap heap = {.merge = merge};
	enum cairn_status status = CAIRN_OK;

	heap.sources = arena_allocate_array(&merge->arena, merge->source_count,
					    sizeof(*heap.sources));
	if (heap.sources == NULL)
		return error_set_memory(error, "the merge");
	for (uint32_t i = 0; i < merge->source_count && status == CAIRN_OK; i++)
		status = advance_onto_heap(merge, &heap, i, error);
	while (status == CAIRN_OK && !heap_is_empty(&heap)) {
		status = take_group(merge, &heap, error);
		if (status == CAIRN_OK)
			status = merge_resolve_group(merge, error);
		if (status == CAIRN_OK)
			status = count_group(merge, error);
		if (status == CAIRN_OK)
			status = mark_shards(merge, error);
		for (uint32_t i = 0; i < merge->group.count && status == CAIRN_OK; i++)
			status = advance_onto_heap(merge, &heap, merge->group.members[i], error);
	}
	return status;
}

/* ------------------------------------------------------------------------------------- metadata */

static enum cairn_status read_value(struct merge *merge, uint32_t source, uint64_t index,
				    struct merge_value *value, struct cairn_error *error)
{
	struct cairn_view view = {0};
	enum cairn_status status;

	status = cairn_reader_metadata_at(merge->sources[source].reader, index, &value->value,
					  error);
	if (status == CAIRN_OK)
		status = cairn_tensor_view(&value->value, &view, error);
	if (status != CAIRN_OK)
		return status;
	value->source = source;
	value->size = view.size;
	value->bytes = arena_copy(&merge->arena, view.data, view.size);
	cairn_view_release(&view);
	return value->bytes == NULL ? error_set_memory(error, "metadata") : CAIRN_OK;
}

static int compare_values(const void *a, const void *b)
{
	return index_name_compare(((const struct merge_value *)a)->value.name,
				  ((const struct merge_value *)b)->value.name);
}

static bool same_value(const struct merge_value *a, const struct merge_value *b)
{
	return a->value.dtype == b->value.dtype && a->value.rank == b->value.rank &&
	       a->size == b->size && (a->value.rank == 0 || a->value.dims[0] == b->value.dims[0]) &&
	       memcmp(a->bytes, b->bytes, a->size) == 0;
}

static enum cairn_status differing_values(const struct merge *merge, const struct merge_value *a,
					  const struct merge_value *b, struct cairn_error *error)
{
	const struct quoted first = quote(
		cairn_string_from(merge->sources[a->source].reader->name));
	const struct quoted second = quote(
		cairn_string_from(merge->sources[b->source].reader->name));

	return error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET,
			 "metadata key %s has different values in %s and in %s",
			 quote(a->value.name).text, first.text, second.text);
}

/* Sorts the values and keeps one of each key. */
static enum cairn_status join_values(struct merge *merge, struct merge_value *all, uint64_t count,
				     struct cairn_error *error)
{
	void **const order = arena_allocate_array(&merge->arena, 2 * count, sizeof(void *));

	merge->values = arena_allocate_array(&merge->arena, count, sizeof(*merge->values));
	if (order == NULL || merge->values == NULL)
		return error_set_memory(error, "metadata");
	for (uint64_t i = 0; i < count; i++)
		order[i] = &all[i];
	sort_pointers(order, order + count, count, compare_values);
	for (uint64_t i = 0; i < count; i++) {
		const struct merge_value *const value = order[i];
		const struct merge_value *const last =
			merge->value_count == 0 ? NULL : &merge->values[merge->value_count - 1];

		if (last == NULL || compare_values(last, value) != 0)
			merge->values[merge->value_count++] = *value;
		else if (!same_value(last, value))
			return differing_values(merge, last, value, error);
	}
	return CAIRN_OK;
}

static bool digest_value(struct merge *merge, struct merge_value *value)
{
	const uint64_t chunks = divide_up(value->size, CHUNK_SIZE_DEFAULT);
	uint8_t *const digests = arena_allocate_array(&merge->arena, chunks, DIGEST_SIZE);

	for (uint64_t i = 0; digests != NULL && i < chunks; i++) {
		const uint64_t start = i * CHUNK_SIZE_DEFAULT;
		const uint64_t left = value->size - start;
		const struct cairn_digest digest = digest_bytes(
			value->bytes + start,
			left < CHUNK_SIZE_DEFAULT ? left : CHUNK_SIZE_DEFAULT);

		memcpy(digests + i * DIGEST_SIZE, digest.bytes, DIGEST_SIZE);
	}
	value->digests = digests;
	return digests != NULL;
}

/* Values lie in the index container itself, one after the other. */
static enum cairn_status place_values(struct merge *merge, struct cairn_error *error)
{
	uint64_t end = CONTAINER_PAGE_SIZE;

	for (uint64_t i = 0; i < merge->value_count; i++) {
		struct merge_value *const value = &merge->values[i];

		value->offset = align_up(end, value->size >= CONTAINER_LARGE_SIZE
						      ? CONTAINER_PAGE_SIZE
						      : CONTAINER_SMALL_ALIGNMENT);
		if (value->size != 0)
			end = value->offset + value->size;
		if (!digest_value(merge, value))
			return error_set_memory(error, "metadata");
	}
	merge->data_end = end;
	return CAIRN_OK;
}

static enum cairn_status plan_values(struct merge *merge, struct cairn_error *error)
{
	struct merge_value *all;
	uint64_t count = 0;
	uint64_t used = 0;
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < merge->source_count; i++)
		count += merge->sources[i].reader->index.metadata_count;
	all = arena_allocate_array(&merge->arena, count, sizeof(*all));
	if (all == NULL)
		return error_set_memory(error, "metadata");
	for (uint32_t i = 0; i < merge->source_count; i++) {
		for (uint64_t k = 0;
		     k < merge->sources[i].reader->index.metadata_count && status == CAIRN_OK; k++)
			status = read_value(merge, i, k, &all[used++], error);
	}
	if (status == CAIRN_OK)
		status = join_values(merge, all, used, error);
	return status == CAIRN_OK ? place_values(merge, error) : status;
}

enum cairn_status merge_plan(struct merge *merge, struct cairn_error *error)
{
	enum cairn_status status;

	merge_rewind(merge);
	if ((status = add_all_shards(merge, error)) != CAIRN_OK ||
	    (status = plan_tensors(merge, error)) != CAIRN_OK ||
	    (status = drop_unused_shards(merge, error)) != CAIRN_OK)
		return status;
	return plan_values(merge, error);
}
