/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoding strings and variants. What comes from memory is used where it is; what comes from
 * another checkpoint is read, verified, into memory of its size.
 */
#include "engine/write/bundle_values.h"

#include "format/error.h"
#include "format/tensorflow_values.h"

/* All elements of an item in Cairn's form. */
struct loaded {
	struct system *system;
	uint8_t *owned; /* NULL: not ours */
	struct values_raw raw;
};

static void unload(struct loaded *loaded)
{
	system_free(loaded->system, loaded->owned);
}

static enum cairn_status read_all(const struct item *item, struct loaded *loaded,
				  struct cairn_error *error)
{
	struct stored_scratch scratch = {0};
	enum cairn_status status;

	loaded->owned = system_allocate(loaded->system, item->size);
	if (loaded->owned == NULL)
		return error_set_memory(error, "a tensor of strings");
	loaded->raw.bytes = loaded->owned;
	status = item_read(item, 0, item->size, loaded->owned, &scratch, error);
	stored_scratch_release(loaded->system, &scratch);
	return status;
}

/* The elements of an item, and how many bytes they are stored as. */
static enum cairn_status load(struct system *system, const struct item *item, uint64_t count,
			      struct loaded *loaded, uint64_t *size, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	*loaded = (struct loaded){.system = system,
				  .raw = {.size = item->size,
					  .count = count,
					  .is_variant = item->dtype == CAIRN_VARIANT}};
	if (item->source == SOURCE_MEMORY)
		loaded->raw.bytes = item->from.memory;
	else
		status = read_all(item, loaded, error);
	if (status == CAIRN_OK) {
		status = values_encoded_size(&loaded->raw, size, error);
		if (status != CAIRN_OK)
			error_prefix_tensor(error, status, item->name);
	}
	if (status != CAIRN_OK)
		unload(loaded);
	return status;
}

enum cairn_status values_stored_size(struct system *system, const struct item *item, uint64_t count,
				     uint64_t *size, struct cairn_error *error)
{
	struct loaded loaded;
	const enum cairn_status status = load(system, item, count, &loaded, size, error);

	if (status == CAIRN_OK)
		unload(&loaded);
	return status;
}

enum cairn_status values_store(struct system *system, const struct item *item, uint64_t count,
			       uint64_t size, uint8_t **bytes, uint32_t *crc,
			       struct cairn_error *error)
{
	struct loaded loaded;
	uint64_t found;
	enum cairn_status status = load(system, item, count, &loaded, &found, error);

	*bytes = NULL;
	if (status != CAIRN_OK)
		return status;
	if (found != size)
		status = error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				   "its strings have changed while they were written");
	else if ((*bytes = system_allocate(system, size)) == NULL)
		status = error_set_memory(error, "a tensor of strings");
	else
		*crc = values_encode(&loaded.raw, *bytes);
	unload(&loaded);
	return status == CAIRN_OK ? status : error_prefix_tensor(error, status, item->name);
}
