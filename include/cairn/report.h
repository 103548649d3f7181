/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a save has saved: how much, what of it is bit-identical to the checkpoint before, and where
 * there are NaNs, infinities or nothing but zeros, so that a training job that saves stale or
 * broken weights hears of it at the save.
 *
 *     options.previous = previous;                    an open reader
 *     options.flags |= CAIRN_WRITER_STATISTICS;
 *     ... create, add ...
 *     if (cairn_writer_finish(writer, &error) != CAIRN_OK) ...
 *     if (cairn_writer_report(writer, &report, &error) == CAIRN_OK && report.nan_tensors != 0) ...
 *
 * All of it is found out on the way, in the buffer that is written, while the bytes are in the
 * processor's cache; what was added is not read a second time. Without `previous` and statistics a
 * save does no work for its report.
 *
 * To stop a save: ask for the report from the progress callback. It is there as soon as
 * cairn_writer_report returns OK, which it does at the latest in the callback's last call. Nothing
 * is published then, and returning 1 cancels.
 *
 * Memory: a small record for each tensor, and some 400 KiB for each thread.
 */
#ifndef CAIRN_REPORT_H
#define CAIRN_REPORT_H

#include <cairn/base.h>
#include <cairn/dtype.h>
#include <cairn/error.h>
#include <cairn/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A tensor beside the one of its name in the previous checkpoint. Where that has digests over the
 * same chunks, none of its bytes are read; else they are read, verified as the reader verifies, up
 * to the first that differs. Checksums of TensorFlow's are too short to say that nothing changed.
 */
enum cairn_saved_comparison {
	CAIRN_SAVED_NOT_COMPARED = 0, /* no previous checkpoint was given */
	CAIRN_SAVED_SAME = 1,         /* type, shape, and every bit that this writer wrote */
	CAIRN_SAVED_CHANGED = 2,
	CAIRN_SAVED_NEW = 3,    /* the previous checkpoint has none of that name */
	CAIRN_SAVED_UNKNOWN = 4 /* it is damaged there, or does not store these parts of it */
};

struct cairn_saved_tensor {
	struct cairn_string name; /* borrowed from the writer */
	enum cairn_dtype dtype;
	uint32_t comparison;  /* enum cairn_saved_comparison */
	uint64_t size;        /* bytes of it that this writer wrote */
	uint32_t has_numbers; /* what follows is there: with CAIRN_WRITER_STATISTICS, of types with
				 numbers */
	uint32_t reserved_count;
	uint64_t count; /* of all numbers that this writer wrote, as in stats.h */
	uint64_t nan_count;
	uint64_t infinite_count;
	uint64_t zero_count; /* of either sign */
	double min;          /* of the finite numbers; NaN when there are none. Integers of 64 */
	double max;          /* bits are rounded to the nearest double */
	uint64_t reserved[8];
};

struct cairn_writer_report {
	uint64_t tensor_count; /* aliases among them */
	uint64_t bytes;        /* of all tensors; those that several names share once */
	/* with options.previous: how many tensors compare in which way */
	uint64_t same;
	uint64_t changed;
	uint64_t added;
	uint64_t unknown;
	/* of the previous checkpoint: tensors of names that this writer did not write. A rank of a
	 * sharded save writes a part of the names only. */
	uint64_t absent;
	/* with CAIRN_WRITER_STATISTICS: how many tensors */
	uint64_t nan_tensors;      /* hold NaNs */
	uint64_t infinite_tensors; /* hold infinities */
	uint64_t zero_tensors;     /* hold nothing but zeros */
	uint64_t constant_tensors; /* hold one value several times, which is finite and not zero */
	uint64_t reserved[8];
};

/*
 * The whole of it. PRECONDITION when not all has been written: before cairn_writer_finish (and
 * within it before the last call of the progress callback), and after it failed.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_writer_report(const struct cairn_writer *writer,
							       struct cairn_writer_report *report,
							       struct cairn_error *error);

/* The index-th tensor in byte order of names. INVALID_ARGUMENT when there is none; PRECONDITION as
 * above. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_writer_report_tensor(const struct cairn_writer *writer, uint64_t index,
			   struct cairn_saved_tensor *tensor, struct cairn_error *error);

#ifdef __cplusplus
}
#endif

#endif
