/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handing out memory: mapped where the bytes can be used in place, materialised where not.
 *
 * A view holds a reference to its reader, so that nothing is unmapped under it. Materialised memory
 * is counted against the reader's limit before it is allocated: a few bytes of index can describe
 * terabytes.
 */
#include <inttypes.h>

#include "engine/read/gather.h"
#include "engine/read/gather_values.h"
#include "engine/read/reader.h"
#include "engine/read/stored.h"
#include "format/bytes.h"
#include "format/dtype.h"
#include "format/error.h"

#define VIEW_ALIGNMENT ((size_t)64)

/* What a view of size 0 points to. */
static const uint64_t no_bytes[8];

/* The owner of a view: readers are const to their users, but their count of references is not. */
static struct cairn_reader *owner_of(const struct cairn_tensor *tensor)
{
	return (struct cairn_reader *)(uintptr_t)tensor->reader;
}

/* -------------------------------------------------------------------------------- materialising */

enum cairn_status reader_reserve(struct cairn_reader *reader, uint64_t size,
				 struct cairn_error *error)
{
	uint64_t held = atomic_load_explicit(&reader->materialised, memory_order_relaxed);

	do {
		if (!range_within(held, size, reader->materialised_max))
			return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
					 "%" PRIu64 " bytes to materialise and %" PRIu64
					 " held exceed the limit of %" PRIu64,
					 size, held, reader->materialised_max);
	} while (!atomic_compare_exchange_weak(&reader->materialised, &held, held + size));
	return CAIRN_OK;
}

void reader_unreserve(struct cairn_reader *reader, uint64_t size)
{
	atomic_fetch_sub(&reader->materialised, size);
}

static enum cairn_status materialise(const struct cairn_tensor *tensor,
				     const struct tensor_record *holder,
				     const struct region *region, struct cairn_view *view,
				     struct cairn_error *error)
{
	struct cairn_reader *const reader = owner_of(tensor);
	uint8_t *memory;
	enum cairn_status status;

	status = reader_reserve(reader, region->size, error);
	if (status != CAIRN_OK)
		return error_prefix_tensor(error, status, tensor->name);
	memory = system_allocate_aligned(reader->system, VIEW_ALIGNMENT,
					 region->size == 0 ? 1 : region->size);
	if (memory == NULL)
		status = error_set_memory(error, "a materialised tensor");
	else
		status = gather(tensor, holder, region, 0, region->size, memory, error);
	if (status != CAIRN_OK) {
		system_free(reader->system, memory);
		reader_unreserve(reader, region->size);
		return status;
	}
	*view = (struct cairn_view){
		.data = memory,
		.size = region->size,
		.flags = CAIRN_VIEW_MATERIALISED,
		.owner = cairn_reader_retain(reader),
	};
	return CAIRN_OK;
}

/* --------------------------------------------------------------------------------- mapped views */

static uint32_t alignment_of(const struct cairn_tensor *tensor)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(tensor->dtype);

	return info == NULL ? 1 : info->alignment;
}

/* A contiguous range of a mapped slice; `*usable` is false when its alignment does not allow it. */
static enum cairn_status map_range(const struct cairn_tensor *tensor, const struct stored *stored,
				   uint64_t offset, uint64_t size, struct cairn_view *view,
				   bool *usable, struct cairn_error *error)
{
	const void *const address = size == 0 ? (const void *)no_bytes
					      : stored_address(stored, offset);
	const bool aligned = (uintptr_t)address % alignment_of(tensor) == 0;
	enum cairn_status status;

	*usable = aligned || (tensor->reader->open_flags & CAIRN_OPEN_UNALIGNED_VIEWS) != 0;
	if (!*usable)
		return CAIRN_OK;
	status = stored_verify(stored, offset, size, error);
	if (status != CAIRN_OK)
		return status;
	*view = (struct cairn_view){
		.data = address,
		.size = size,
		.flags = (uint32_t)CAIRN_VIEW_MAPPED |
			 (aligned ? 0 : (uint32_t)CAIRN_VIEW_UNALIGNED),
		.owner = cairn_reader_retain(owner_of(tensor)),
	};
	return CAIRN_OK;
}

/* The slices have foreign checks: an opener gives them to all slices of a tensor, or to none. */
static bool has_foreign_check(const struct cairn_tensor *tensor, const struct tensor_record *holder)
{
	const struct index *const index = &tensor->reader->index;
	struct slice_record slice;

	return index->foreign && holder->slice_count != 0 &&
	       index_slice(index, holder->slice_index, &slice, NULL) == CAIRN_OK &&
	       slice.check_kind > CHECK_CHUNKS;
}

/* All digests of the tensor are there and are looked at. */
static bool is_verified(const struct cairn_tensor *tensor, const struct tensor_record *holder)
{
	return tensor->reader->verification == CAIRN_VERIFY_ON_FIRST_USE &&
	       (holder->digest_kind == DIGEST_XXH3_128 || has_foreign_check(tensor, holder));
}

static void finish_view(const struct cairn_tensor *tensor, const struct tensor_record *holder,
			struct cairn_view *view)
{
	if (is_verified(tensor, holder))
		view->flags |= CAIRN_VIEW_VERIFIED;
}

static enum cairn_status view_region(const struct cairn_tensor *tensor,
				     const struct tensor_record *holder,
				     const struct region *region, struct cairn_view *view,
				     struct cairn_error *error)
{
	struct cairn_view made = {0};
	struct stored stored;
	uint64_t offset;
	bool usable = false;
	enum cairn_status status = CAIRN_OK;

	/* whatever its slices say, and before the limit: what is not there is no matter of memory
	 */
	if ((holder->flags & TENSOR_INCOMPLETE) != 0 && region->size == tensor->size)
		return error_set(error, CAIRN_PRECONDITION, CAIRN_ERROR_NO_OFFSET,
				 "tensor %s is incomplete: only slices of it can be read",
				 quote(tensor->name).text);
	if (region_is_contiguous(tensor, holder, region, &stored, &offset) &&
	    stored_is_mapped(&stored))
		status = map_range(tensor, &stored, offset, region->size, &made, &usable, error);
	if (status == CAIRN_OK && !usable)
		status = materialise(tensor, holder, region, &made, error);
	if (status != CAIRN_OK)
		return status;
	finish_view(tensor, holder, &made);
	*view = made;
	return CAIRN_OK;
}

/* Some of a tensor's strings, as a tensor of their own. */
static enum cairn_status view_values(const struct cairn_tensor *tensor,
				     const struct tensor_record *holder, const uint64_t *starts,
				     const uint64_t *lengths, struct cairn_view *view,
				     struct cairn_error *error)
{
	struct gathered_values gathered = {0};
	const enum cairn_status status = gather_values(tensor, holder, starts, lengths, &gathered,
						       error);

	if (status != CAIRN_OK)
		return status;
	*view = (struct cairn_view){
		.data = gathered.bytes,
		.size = gathered.size,
		.flags = CAIRN_VIEW_MATERIALISED,
		.owner = cairn_reader_retain(owner_of(tensor)),
		.element_count = gathered.count,
	};
	finish_view(tensor, holder, view);
	return CAIRN_OK;
}

/* --------------------------------------------------------------------------------------- public */

/* A part of elements of variable size: its bytes are not a part of the tensor's. */
static bool is_part_of_values(const struct cairn_tensor *tensor, const uint64_t *starts)
{
	return starts != NULL && dtype_is_variable(tensor->dtype);
}

static uint64_t elements_in(const struct cairn_tensor *tensor, const struct region *region)
{
	return dtype_is_variable(tensor->dtype) ? tensor->element_count
	       : region->unit_size == 0         ? 0
					: region->size / region->unit_size * tensor->block_elements;
}

static enum cairn_status view_units(const struct cairn_tensor *tensor,
				    const struct tensor_record *holder, const uint64_t *starts,
				    const uint64_t *lengths, struct cairn_view *view,
				    struct cairn_error *error)
{
	struct region region;
	enum cairn_status status = region_resolve(tensor, holder, starts, lengths, &region, error);

	if (status == CAIRN_OK)
		status = view_region(tensor, holder, &region, view, error);
	if (status == CAIRN_OK)
		view->element_count = elements_in(tensor, &region);
	return status;
}

enum cairn_status cairn_tensor_view_slice(const struct cairn_tensor *tensor, const uint64_t *starts,
					  const uint64_t *lengths, struct cairn_view *view,
					  struct cairn_error *error)
{
	struct tensor_record holder;
	enum cairn_status status = tensor_holder(tensor, &holder, error);

	if (status == CAIRN_OK && (starts == NULL) != (lengths == NULL))
		status = error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				   "starts and lengths of a slice go together");
	if (status == CAIRN_OK)
		status = is_part_of_values(tensor, starts)
				 ? view_values(tensor, &holder, starts, lengths, view, error)
				 : view_units(tensor, &holder, starts, lengths, view, error);
	return reader_error(tensor->reader, status, error);
}

enum cairn_status cairn_tensor_view(const struct cairn_tensor *tensor, struct cairn_view *view,
				    struct cairn_error *error)
{
	return cairn_tensor_view_slice(tensor, NULL, NULL, view, error);
}

/* What of a tensor is copied, and where to: of the part's bytes those from `offset` on. */
struct copy {
	const uint64_t *starts;
	const uint64_t *lengths;
	uint64_t offset;
	uint64_t size;
	bool is_all; /* the buffer is for all of the part */
	void *buffer;
};

static enum cairn_status check_copy(const struct cairn_tensor *tensor, const struct copy *copy,
				    uint64_t part_size, struct cairn_error *error)
{
	if (copy->is_all ? copy->size == part_size
			 : range_within(copy->offset, copy->size, part_size))
		return CAIRN_OK;
	if (copy->is_all)
		error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET,
			  "a buffer of %" PRIu64 " bytes for a slice of %" PRIu64, copy->size,
			  part_size);
	else
		error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET,
			  "bytes %" PRIu64 " + %" PRIu64 " of %" PRIu64 " were asked for",
			  copy->offset, copy->size, part_size);
	return error_prefix_tensor(error, CAIRN_MISMATCH, tensor->name);
}

static enum cairn_status copy_units(const struct cairn_tensor *tensor,
				    const struct tensor_record *holder, const struct copy *copy,
				    struct cairn_error *error)
{
	struct region region;
	enum cairn_status status = region_resolve(tensor, holder, copy->starts, copy->lengths,
						  &region, error);

	if (status == CAIRN_OK)
		status = check_copy(tensor, copy, region.size, error);
	return status == CAIRN_OK ? gather(tensor, holder, &region, copy->offset, copy->size,
					   copy->buffer, error)
				  : status;
}

static enum cairn_status copy_values(const struct cairn_tensor *tensor,
				     const struct tensor_record *holder, const struct copy *copy,
				     struct cairn_error *error)
{
	struct cairn_view view = {0};
	enum cairn_status status = view_values(tensor, holder, copy->starts, copy->lengths, &view,
					       error);

	if (status == CAIRN_OK)
		status = check_copy(tensor, copy, view.size, error);
	if (status == CAIRN_OK)
		memcpy(copy->buffer, (const uint8_t *)view.data + copy->offset, copy->size);
	cairn_view_release(&view);
	return status;
}

static enum cairn_status copy_part(const struct cairn_tensor *tensor, const struct copy *copy,
				   struct cairn_error *error)
{
	struct tensor_record holder;
	enum cairn_status status = tensor_holder(tensor, &holder, error);

	if (status == CAIRN_OK && (copy->starts == NULL) != (copy->lengths == NULL))
		status = error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				   "starts and lengths of a slice go together");
	if (status == CAIRN_OK)
		status = is_part_of_values(tensor, copy->starts)
				 ? copy_values(tensor, &holder, copy, error)
				 : copy_units(tensor, &holder, copy, error);
	return reader_error(tensor->reader, status, error);
}

enum cairn_status cairn_tensor_read_slice(const struct cairn_tensor *tensor, const uint64_t *starts,
					  const uint64_t *lengths, void *buffer, uint64_t size,
					  struct cairn_error *error)
{
	const struct copy copy = {starts, lengths, 0, size, true, buffer};

	return copy_part(tensor, &copy, error);
}

enum cairn_status cairn_tensor_read(const struct cairn_tensor *tensor, uint64_t offset,
				    void *buffer, uint64_t size, struct cairn_error *error)
{
	const struct copy copy = {NULL, NULL, offset, size, false, buffer};

	return copy_part(tensor, &copy, error);
}

void cairn_view_release(struct cairn_view *view)
{
	struct cairn_reader *const reader = view->owner;

	if (reader == NULL)
		return;
	if ((view->flags & CAIRN_VIEW_MATERIALISED) != 0) {
		system_free(reader->system, (void *)(uintptr_t)view->data);
		reader_unreserve(reader, view->size);
	}
	*view = (struct cairn_view){0};
	cairn_reader_close(reader);
}

enum cairn_status cairn_view_string(const struct cairn_tensor *tensor,
				    const struct cairn_view *view, uint64_t index,
				    struct cairn_string *string, struct cairn_error *error)
{
	const uint8_t *const bytes = view->data;
	const uint64_t table = view->element_count * sizeof(uint64_t);
	uint64_t begin;
	uint64_t end;

	if (!dtype_is_variable(tensor->dtype) || index >= view->element_count || view->size < table)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "element %" PRIu64 " of %" PRIu64 " is no string of this view",
				 index, view->element_count);
	begin = index == 0 ? 0 : load_u64(bytes + (index - 1) * sizeof(uint64_t));
	end = load_u64(bytes + index * sizeof(uint64_t));
	if (begin > end || end > view->size - table) {
		error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			  "string %" PRIu64 " runs from %" PRIu64 " to %" PRIu64 " of %" PRIu64
			  " bytes",
			  index, begin, end, view->size - table);
		return error_prefix_tensor(error, CAIRN_CORRUPT, tensor->name);
	}
	*string = (struct cairn_string){(const char *)bytes + table + begin, end - begin};
	return CAIRN_OK;
}
