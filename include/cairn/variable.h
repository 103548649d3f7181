/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A variable: memory of the program whose value is saved to a checkpoint and restored from one.
 *
 *     float weights[3][2];
 *     const uint64_t dims[2] = {3, 2};
 *     const struct cairn_variable variable = {
 *         .dtype = CAIRN_F32, .rank = 2, .dims = dims, .data = weights};
 *
 * The value is either the program's memory (`data`), or it comes and goes through callbacks:
 * `produce` when it is saved, `assign` when it is restored. A callback goes before `data` where
 * both are given. Who wants a restored value in place, lazily and without a copy, takes it in
 * `assign` as a view of the tensor (cairn_tensor_view), now or later.
 *
 * Whoever is given a variable copies the struct, `dims`, `starts` and `lengths`; `data` and what
 * the callbacks refer to are borrowed as long as the saver or object lives.
 */
#ifndef CAIRN_VARIABLE_H
#define CAIRN_VARIABLE_H

#include <cairn/base.h>
#include <cairn/dtype.h>
#include <cairn/error.h>
#include <cairn/reader.h>
#include <cairn/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Takes a restored value. `tensor` is the tensor in the checkpoint, already compared with the
 * variable's dtype and shape; of a part (`starts`) the whole tensor, of which the variable's slice
 * is meant. Nothing of it was read yet: read it into place with cairn_tensor_read_slice, or keep
 * the struct, with a reference to its reader (cairn_reader_retain) for as long, and view it when it
 * is needed. Must not throw. Anything but CAIRN_OK ends the restoring with that status.
 */
typedef enum cairn_status (*cairn_assign)(void *context, const struct cairn_tensor *tensor,
					  struct cairn_error *error);

struct cairn_variable {
	enum cairn_dtype dtype;
	uint32_t rank;
	const uint64_t *dims; /* rank entries, slowest first; of a part: of the whole tensor */
	/* Of a part of a partitioned variable: which slice of the whole it is; NULL: all. */
	const uint64_t *starts;
	const uint64_t *lengths;
	/* Row-major, in the machine's byte order. Of CAIRN_STRING an array of struct cairn_string,
	 * which is only read: restoring strings needs `assign`. */
	void *data;
	cairn_produce produce; /* or NULL; not for CAIRN_STRING */
	cairn_assign assign;   /* or NULL */
	void *context;         /* of both callbacks */
	uint64_t reserved[4];  /* zero */
};

#ifdef __cplusplus
}
#endif

#endif
