/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of tensors whose elements have sizes of their own: which elements, and how many bytes that
 * makes, is only known when the stored slices were read.
 */
#ifndef CAIRN_ENGINE_GATHER_VALUES_H
#define CAIRN_ENGINE_GATHER_VALUES_H

#include "engine/read/gather.h"

/* Elements in the form that Cairn hands out. */
struct gathered_values {
	uint8_t *bytes; /* from system_allocate, counted as materialised */
	uint64_t size;
	uint64_t count;
};

/*
 * The elements of a rectangular part of a tensor of strings (NULL, NULL: all of it), from one or
 * several stored slices. MISMATCH when it leaves the shape; PRECONDITION when the slices do not
 * cover it; CORRUPT; LIMIT; what stored_copy returns.
 */
enum cairn_status gather_values(const struct cairn_tensor *tensor,
				const struct tensor_record *holder, const uint64_t *starts,
				const uint64_t *lengths, struct gathered_values *gathered,
				struct cairn_error *error);

#endif
