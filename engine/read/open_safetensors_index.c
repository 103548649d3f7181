/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a sharded safetensors model: the JSON index, and the files that it names.
 *
 * The index comes from anywhere. Its file names are plain names (the parser sees to it) and are
 * opened in the folder of the path as it was given; links are followed, since the Hugging Face
 * cache keeps every shard as a link into its store, and must lead to regular files. A tensor is
 * taken from where the index puts it and from nowhere else. Headers of shards are checked as those
 * of single files are.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/read/safetensors_opening.h"
#include "format/error.h"
#include "format/sort_array.h"

/* A sharded model. Shard i of the index is shard i of the opening. */
struct model {
	struct safetensors_opening opening;
	struct safetensors_index index;
	bool *is_found; /* by entry of the index */
	uint64_t left_out_count;
	struct cairn_string left_out;      /* the first of them */
	struct cairn_string left_out_from; /* and its shard */
	struct safetensors_pair *pairs;    /* metadata of all files, in their order */
	uint64_t pair_count;
	uint64_t pair_capacity;
};

/* ------------------------------------------------------------------------ the files of an index */

/* Opens one shard by its base name. What is not there is counted and is no error yet. */
static enum cairn_status open_shard(struct model *model, int directory, uint32_t shard,
				    struct missing_files *missing, struct cairn_error *error)
{
	struct cairn_reader *const reader = model->opening.base.reader;
	const struct cairn_string name = model->index.shards[shard];
	char *const copy = arena_allocate(&reader->arena, name.size + 1);
	const struct file_place place = {.directory = directory, .path = copy, .name = copy};
	enum cairn_status status;

	if (copy == NULL)
		return error_set_memory(error, "the name of a shard");
	memcpy(copy, name.data, name.size);
	copy[name.size] = '\0';
	status = name.size >= SYSTEM_NAME_SIZE
			 ? CAIRN_NOT_FOUND /* no folder can hold it */
			 : file_open(reader->system, &place, &reader->files[shard + 1], error);
	if (status == CAIRN_NOT_FOUND) {
		missing_files_add(missing, name);
		return CAIRN_OK;
	}
	if (status == CAIRN_OK)
		status = reader_map_file(reader, shard + 1, error);
	return status == CAIRN_OK ? status : error_prefix(error, status, copy);
}

static enum cairn_status open_shards(struct model *model, int directory, struct cairn_error *error)
{
	struct missing_files missing = {0};
	enum cairn_status status = opening_reserve(&model->opening.base, model->index.shard_count,
						   error);

	for (uint32_t i = 0; i < model->opening.base.shard_count && status == CAIRN_OK; i++)
		status = open_shard(model, directory, i, &missing, error);
	if (status == CAIRN_OK)
		status = missing_files_refuse(&missing, model->opening.base.shard_count, error);
	return status;
}

/* ------------------------------------------------------------------------ tensors of the shards */

/* The index puts this tensor into this shard; remembers that it was found, or that it is left out.
 */
static bool belongs_here(struct model *model, const struct build_tensor *tensor, uint32_t shard)
{
	const struct safetensors_index_entry *const entry = safetensors_index_find(&model->index,
										   tensor->name);

	if (entry != NULL && entry->shard == shard) {
		model->is_found[entry - model->index.entries] = true;
		return true;
	}
	if (model->left_out_count++ == 0) {
		model->left_out = tensor->name;
		model->left_out_from = model->index.shards[shard];
	}
	return false;
}

/* Removes the tensors from `first` on that the index does not put into the shard they lie in. */
static void leave_out_others(struct model *model, uint64_t first, uint32_t shard)
{
	struct build_list *const list = &model->opening.base.list;
	uint64_t kept = first;

	for (uint64_t i = first; i < list->count; i++) {
		if (belongs_here(model, &list->tensors[i], shard))
			list->tensors[kept++] = list->tensors[i];
	}
	list->count = kept;
}

static enum cairn_status add_pair(struct model *model, struct cairn_string key,
				  struct cairn_string value, struct cairn_error *error)
{
	struct safetensors_pair *const pairs = arena_grow(&model->opening.base.scratch,
							  model->pairs, &model->pair_capacity,
							  model->pair_count + 1, sizeof(*pairs));

	if (pairs == NULL)
		return error_set_memory(error, "the metadata of the shards");
	model->pairs = pairs;
	pairs[model->pair_count++] = (struct safetensors_pair){key, value};
	return CAIRN_OK;
}

static enum cairn_status add_shard(struct model *model, uint32_t shard, struct cairn_error *error)
{
	const uint64_t first = model->opening.base.list.count;
	struct safetensors_header header;
	enum cairn_status status = safetensors_opening_read(&model->opening, shard, &header, error);

	if (status != CAIRN_OK)
		return status;
	for (uint64_t i = 0; i < header.metadata_count && status == CAIRN_OK; i++)
		status = add_pair(model, header.metadata[i].key, header.metadata[i].value, error);
	header.metadata_count = 0; /* those of all shards become one set later */
	if (status == CAIRN_OK)
		status = safetensors_opening_describe(&model->opening, &header, shard, error);
	if (status == CAIRN_OK)
		leave_out_others(model, first, shard);
	return status;
}

static enum cairn_status check_all_found(const struct model *model, struct cairn_error *error)
{
	const struct safetensors_index *const index = &model->index;
	const struct safetensors_index_entry *first = NULL;
	uint64_t count = 0;
	char others[64] = "";

	for (uint64_t i = 0; i < index->entry_count; i++) {
		if (model->is_found[i])
			continue;
		if (count++ == 0)
			first = &index->entries[i];
	}
	if (first == NULL)
		return CAIRN_OK;
	if (count > 1)
		snprintf(others, sizeof(others),
			 ", and %" PRIu64 " others are not where it puts them", count - 1);
	error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
		  "not in shard %s, where the index puts it%s",
		  quote(index->shards[first->shard]).text, others);
	return error_prefix_tensor(error, CAIRN_CORRUPT, first->name);
}

static enum cairn_status add_shards(struct model *model, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	model->is_found = arena_allocate_array(&model->opening.base.scratch,
					       model->index.entry_count, sizeof(bool));
	if (model->is_found == NULL)
		return error_set_memory(error, "the tensors of the index");
	for (uint32_t i = 0; i < model->opening.base.shard_count; i++) {
		status = add_shard(model, i, error);
		if (status != CAIRN_OK)
			return error_prefix(error, status,
					    model->opening.base.reader->files[i + 1].name);
	}
	if (model->left_out_count != 0)
		opening_note(&model->opening.base,
			     "%" PRIu64
			     " tensor%s left out, which the index does not put where %s: %s in %s",
			     model->left_out_count, model->left_out_count == 1 ? " is" : "s are",
			     model->left_out_count == 1 ? "it lies" : "they lie, the first",
			     quote(model->left_out).text, quote(model->left_out_from).text);
	return check_all_found(model, error);
}

/* ----------------------------------------------------------------------- metadata of the shards */

static bool same_text(struct cairn_string a, struct cairn_string b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* What the index says itself comes last. Its size of all tensors is not kept: it follows from them.
 */
static enum cairn_status add_index_metadata(struct model *model, struct cairn_error *error)
{
	const struct safetensors_index *const index = &model->index;
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < index->metadata_count && status == CAIRN_OK; i++) {
		if (!same_text(index->metadata[i].key, cairn_string_from("total_size")))
			status = add_pair(model, index->metadata[i].key, index->metadata[i].value,
					  error);
	}
	return status;
}

/* Every key once; where files differ the first one's value. `order` is by key, and by file where
 * keys are the same. */
static uint64_t unite(struct model *model, const uint32_t *order, struct safetensors_pair *united)
{
	const struct safetensors_pair *differing = NULL;
	uint64_t count = 0;

	for (uint64_t i = 0; i < model->pair_count; i++) {
		const struct safetensors_pair *const pair = &model->pairs[order[i]];

		if (count == 0 || !same_text(united[count - 1].key, pair->key))
			united[count++] = (struct safetensors_pair){pair->key, pair->value};
		else if (!same_text(united[count - 1].value, pair->value) && differing == NULL)
			differing = pair;
	}
	if (differing != NULL)
		opening_note(
			&model->opening.base,
			"metadata differ from file to file, %s for one: the first file's value is "
			"used",
			quote(differing->key).text);
	return count;
}

static enum cairn_status add_metadata(struct model *model, struct cairn_error *error)
{
	struct safetensors_header header = {0};
	uint32_t *order;
	enum cairn_status status = add_index_metadata(model, error);

	if (status != CAIRN_OK || model->pair_count == 0)
		return status;
	order = sort_order_by_name(&model->opening.base.scratch, &model->pairs->key,
				   sizeof(*model->pairs), model->pair_count);
	header.metadata = arena_allocate_array(&model->opening.base.scratch, model->pair_count,
					       sizeof(*header.metadata));
	if (order == NULL || header.metadata == NULL)
		return error_set_memory(error, "the metadata of the shards");
	header.metadata_count = unite(model, order, header.metadata);
	return safetensors_opening_describe(&model->opening, &header, 0, error);
}

/* ------------------------------------------------------------------------------------ the index */

static enum cairn_status read_index(struct model *model, const struct file *file,
				    struct cairn_error *error)
{
	uint8_t *bytes = NULL;
	enum cairn_status status;

	if (file->size > SAFETENSORS_HEADER_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "the index has %" PRIu64 " bytes, %u are allowed", file->size,
				 SAFETENSORS_HEADER_SIZE_MAX);
	status = opening_read(&model->opening.base, file, file->size, &bytes, error);
	if (status == CAIRN_OK)
		status = safetensors_index_parse(&model->opening.base.scratch, (const char *)bytes,
						 file->size, &model->index, error);
	return status;
}

static enum cairn_status open_model(struct model *model, int directory, struct cairn_error *error)
{
	enum cairn_status status = open_shards(model, directory, error);

	if (status == CAIRN_OK)
		status = add_shards(model, error);
	if (status == CAIRN_OK)
		status = add_metadata(model, error);
	return status == CAIRN_OK ? opening_complete(&model->opening.base, error) : status;
}

enum cairn_status open_safetensors_index(struct cairn_reader *reader, int directory,
					 struct file *file, struct cairn_error *error)
{
	struct model model = {0};
	enum cairn_status status;

	reader->format = "safetensors-sharded";
	reader->index_file = file->name;
	reader->index_file_size = file->size;
	opening_init(&model.opening.base, reader);
	status = read_index(&model, file, error);
	file_close(file);
	if (status == CAIRN_OK)
		status = open_model(&model, directory, error);
	opening_fini(&model.opening.base);
	return status;
}
