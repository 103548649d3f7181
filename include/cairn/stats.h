/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics over the values of a tensor: is it all zeros, is there a NaN in it?
 */
#ifndef CAIRN_STATS_H
#define CAIRN_STATS_H

#include <cairn/base.h>
#include <cairn/error.h>
#include <cairn/reader.h>
#include <cairn/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cairn_stats_options {
	size_t size; /* sizeof(struct cairn_stats_options); 0 means version 1 of this struct */
	cairn_progress progress; /* bytes of the tensor; or NULL */
	void *progress_context;
	uint64_t reserved[8]; /* zero */
};

/*
 * Real and imaginary parts of complex elements are two numbers. Booleans are 0 and 1.
 *
 * The mean is sum / finite numbers. The sum is taken in double precision, pairwise: in leaves of
 * 4,096 numbers, each by 16 interleaved running sums that are added up in pairs, then of leaves in
 * pairs, pairs of pairs, and so on. The same numbers give the same bits, whatever the format, the
 * way in which they are stored, and the processor.
 */
struct cairn_tensor_stats {
	uint64_t count; /* of all numbers */
	uint64_t nan_count;
	uint64_t infinite_count;
	uint64_t zero_count; /* of either sign */
	double min; /* of the finite numbers; NaN when there are none. Integers of 64 bits */
	double max; /* are rounded to the nearest double */
	double mean;
	double sum;
	uint64_t reserved[8];
};

/*
 * Reads the whole tensor through a small buffer, or where it is mapped; each chunk is verified as
 * for a view. Types are those for which cairn_dtype_numbers is not 0; UNSUPPORTED for others.
 * CANCELLED when the callback asked for it; else as cairn_tensor_view, but for LIMIT. On failure
 * *stats is as it was.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_tensor_stats(const struct cairn_tensor *tensor, const struct cairn_stats_options *options,
		   struct cairn_tensor_stats *stats, struct cairn_error *error);

#ifdef __cplusplus
}
#endif

#endif
