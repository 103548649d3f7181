/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing two checkpoints, of any two formats.
 *
 *     struct cairn_diff_report report;
 *
 *     if (cairn_diff(a, b, NULL, &report, &error) != CAIRN_OK) ...
 *     puts(report.equal ? "equal" : "different");
 *
 * What counts is what a checkpoint holds: names, types, shapes, bytes of elements, and metadata.
 * How it is stored does not: format, files, order, slicing, chunks, alignment, sharing.
 *
 * Tensors whose digests can be compared (both have one of the same kind, over the same slices in
 * chunks of the same size) are judged by them, and nothing is read. Others are read side by side
 * through buffers of a fixed size, but for strings in slices, which are materialised; what has
 * digests is verified on the way.
 *
 * Equality is of bits: 0.0 and -0.0 differ, and a NaN equals itself.
 */
#ifndef CAIRN_DIFF_H
#define CAIRN_DIFF_H

#include <cairn/base.h>
#include <cairn/error.h>
#include <cairn/reader.h>
#include <cairn/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

enum cairn_difference_kind {
	CAIRN_DIFFERENCE_ADDED = 1,   /* only in the second checkpoint */
	CAIRN_DIFFERENCE_REMOVED = 2, /* only in the first */
	CAIRN_DIFFERENCE_CHANGED = 3, /* in both: `what` says how they differ */
	/* in both, of one type and shape, but this version cannot read the bytes of one of them, or
	 * stored slices lie so that comparing them would take too long; `message` says why */
	CAIRN_DIFFERENCE_UNKNOWN = 4
};

/* What is changed. Data of another type or shape are not compared. */
enum cairn_difference_what {
	CAIRN_DIFFERENT_DTYPE = 1u << 0,
	CAIRN_DIFFERENT_SHAPE = 1u << 1,
	CAIRN_DIFFERENT_DATA = 1u << 2,
	/* of tensors whose stored slices do not cover them: other elements are stored. Those that
	 * both hold are compared. */
	CAIRN_DIFFERENT_PRESENCE = 1u << 3
};

/*
 * How data differ. Elements are strings where a tensor holds strings; of quantised types all
 * elements of a block that differs count.
 */
struct cairn_difference_statistics {
	uint64_t compared;     /* elements that both sides store */
	uint64_t different;    /* of these */
	uint64_t first;        /* row-major number of the first element that differs */
	uint64_t nan_count[2]; /* of the different ones: NaN in the first, in the second checkpoint
				*/
	int has_numbers;       /* integers and floats: the maxima and nan_count mean something */
	/* over the different elements, those with a NaN left out: |a - b|, and that divided by the
	 * larger of |a| and |b|. Infinite where one of the two is. */
	double absolute_max;
	double relative_max;
	uint64_t reserved[4];
};

/* One difference. All pointers are borrowed for the duration of the callback; names live as long as
 * their reader. */
struct cairn_difference {
	enum cairn_difference_kind kind;
	uint32_t what;   /* enum cairn_difference_what */
	int is_metadata; /* a metadata entry, not a tensor */
	struct cairn_string name;
	const struct cairn_tensor *a; /* in the first checkpoint; NULL when added */
	const struct cairn_tensor *b; /* in the second; NULL when removed */
	uint64_t stored_only[2];      /* with PRESENCE: elements that only that side stores */
	/* NULL unless asked for; also of unknown types, and of strings in slices of which some are
	 * not stored */
	const struct cairn_difference_statistics *statistics;
	const char *message; /* of CAIRN_DIFFERENCE_UNKNOWN; else NULL */
	uint64_t reserved[4];
};

/* Called for each difference, from the calling thread: tensors in byte order of their names, then
 * metadata. Not 0: stop, with CANCELLED. */
typedef int (*cairn_difference_callback)(void *context, const struct cairn_difference *difference);

/* Says whether a name takes part; called once or twice for each. 0: left out. */
typedef int (*cairn_diff_select)(void *context, struct cairn_string name, int is_metadata);

enum cairn_diff_flags {
	/* read what differs, also where digests tell that it does, and say how */
	CAIRN_DIFF_STATISTICS = 1u << 0,
	CAIRN_DIFF_WITHOUT_METADATA = 1u << 1
};

/* Zero is the default everywhere; NULL stands for all defaults. */
struct cairn_diff_options {
	size_t size;    /* sizeof(struct cairn_diff_options); 0 means version 1 of this struct */
	uint32_t flags; /* enum cairn_diff_flags */
	uint32_t reserved_flags;
	cairn_difference_callback on_difference; /* or NULL */
	void *difference_context;
	cairn_diff_select select; /* or NULL: everything */
	void *select_context;
	cairn_progress progress; /* or NULL; bytes to read, of both sides together */
	void *progress_context;
	uint64_t reserved[8]; /* zero */
};

/* Of the tensors, or of the metadata entries, that took part. */
struct cairn_diff_counts {
	uint64_t added;
	uint64_t removed;
	uint64_t changed;
	uint64_t unknown;
	uint64_t same;
};

struct cairn_diff_report {
	int equal; /* nothing added, removed or changed, and nothing unknown */
	struct cairn_diff_counts tensors;
	struct cairn_diff_counts metadata;
	uint64_t compared_by_digest; /* tensors and entries that were judged without reading them */
	uint64_t bytes_read;         /* of both sides together */
	uint64_t reserved[8];
};

/*
 * Compares `a`, the old, with `b`, the new; they may be the same reader. Deterministic: what is
 * reported, and in which order, depends on the two checkpoints and the options alone.
 *
 * Damage is no difference: CHECKSUM, CORRUPT, TRUNCATED when bytes that were read are not what was
 * written (the message names the checkpoint); nothing can be said then. Damage in bytes that need
 * not be read is not noticed: cairn_reader_verify looks for it. Also IO, NO_MEMORY, CANCELLED (a
 * callback asked to stop), INVALID_ARGUMENT (options). *report is left as it was on failure.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_diff(const struct cairn_reader *a,
						      const struct cairn_reader *b,
						      const struct cairn_diff_options *options,
						      struct cairn_diff_report *report,
						      struct cairn_error *error);

#ifdef __cplusplus
}
#endif

#endif
