/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of an item, wherever they come from.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "engine/write/staging.h"
#include "format/error.h"

static enum cairn_status produce(const struct item *item, uint64_t offset, uint64_t size,
				 uint8_t *bytes, struct cairn_error *error)
{
	enum cairn_status status;

	status = item->from.callback.produce(item->from.callback.context, offset, bytes, size);
	if (status == CAIRN_OK)
		return CAIRN_OK;
	error_set(error, status, CAIRN_ERROR_NO_OFFSET,
		  "the callback that produces bytes from %" PRIu64 " on failed", offset);
	return error_prefix_tensor(error, status, item->name);
}

enum cairn_status item_read(const struct item *item, uint64_t offset, uint64_t size, uint8_t *bytes,
			    struct stored_scratch *scratch, struct cairn_error *error)
{
	switch ((enum source_kind)item->source) {
	case SOURCE_MEMORY:
		memcpy(bytes, item->from.memory + offset, size);
		return CAIRN_OK;
	case SOURCE_CALLBACK:
		return produce(item, offset, size, bytes, error);
	case SOURCE_STORED:
		return stored_copy(item->from.stored, offset, size, bytes, scratch, error);
	case SOURCE_STAGED:
		staged_copy(item->from.staged, offset, size, bytes);
		return CAIRN_OK;
	case SOURCE_NONE:
	default:
		assert(size == 0); /* an alias has no bytes */
		return CAIRN_OK;
	}
}
