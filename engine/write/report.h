/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a writer finds out about what it writes, for cairn_writer_report.
 *
 * A report is begun when items are grouped and planned (report.c), looks at each part in the
 * staging buffer that is written (report_look.c), and is completed when all bytes are written. A
 * writer of which nothing is asked has none.
 */
#ifndef CAIRN_ENGINE_REPORT_H
#define CAIRN_ENGINE_REPORT_H

#include <cairn/report.h>

#include "engine/read/gather.h"
#include "engine/system/sync.h"
#include "engine/write/writer.h"
#include "format/summary.h"

/* How a piece of data is compared. */
enum report_method {
	REPORT_NOT, /* it is settled already, or nothing is compared */
	REPORT_DIGESTS,
	REPORT_BYTES,
	REPORT_AS_HOLDER /* of an alias, which was one of the same tensor before */
};

/* What is written of a tensor in one piece: an item; of an alias, that of the tensor that has the
 * bytes. */
struct report_slice {
	const struct item *item;
	uint64_t chunk_index; /* with DIGESTS: of its first chunk in the previous checkpoint */
	uint8_t method;       /* enum report_method */
};

/*
 * A tensor of the writer's input, under the same number. Which of several names holds the bytes can
 * change when the index is built: here it stays as it was.
 */
struct report_tensor {
	struct report_slice *slices;
	uint32_t slice_count;
	uint32_t holder;    /* number of the tensor that holds the bytes: its own, or another's */
	uint8_t comparison; /* enum cairn_saved_comparison */
};

/* Numbers of the tensor that holds them, in no order. */
struct report_numbers {
	uint64_t count;
	uint64_t nans;
	uint64_t infinities;
	uint64_t zeros;
	double min;
	double max;
};

/* Bytes compared at a time: those of a chunk, which is verified whole. */
#define REPORT_PIECE_SIZE ((uint64_t)256 << 10)

/* What a thread needs to look at a part. */
struct report_look {
	struct summary summary;
	uint8_t bytes[REPORT_PIECE_SIZE]; /* of the previous checkpoint */
	struct report_look *next;         /* that nobody uses */
};

/* The widest unit that a cut can go through: a number, or a block of packed ones. */
#define REPORT_UNIT_MAX 16u

/* A unit of which one side of the cut has been seen. */
struct report_border {
	const void *piece; /* NULL: a free place */
	uint64_t offset;   /* of the unit in its piece */
	uint8_t bytes[REPORT_UNIT_MAX];
};

struct report {
	struct cairn_writer *writer;
	const struct cairn_reader *previous; /* or NULL */
	struct report_tensor *tensors;
	struct report_slice **slices_of_items; /* by item: that of the holder */
	uint32_t *tensors_of_items;            /* by item: the holder */
	struct report_numbers *numbers;        /* by tensor; NULL: not asked for */
	struct cairn_writer_report totals;
	uint64_t found; /* names that the previous checkpoint has */

	struct mutex mutex;
	/* guarded by the mutex, as are comparisons and numbers while parts are looked at */
	struct report_look *looks; /* owned: as many as there are threads */
	struct report_border *borders;
	uint32_t border_count;
};

/* Part of a piece: an item, or a box that was cut off it. */
struct report_part {
	const struct item *item;
	const uint64_t *box; /* `rank` starts, then `rank` lengths, in the item; NULL: all of it */
	const void *piece;   /* tells pieces from each other */
	uint64_t offset;     /* in the piece */
	uint64_t size;
};

/* Makes writer->report where anything is asked for. NO_MEMORY. */
enum cairn_status report_begin(struct cairn_writer *writer, struct cairn_error *error);

/* Looks at bytes that will be written. Parts of at least a segment each, or whole pieces; by as
 * many threads as the options say. Nothing that goes wrong here ends a save. NULL: a no-op. */
void report_look(struct report *report, const struct report_part *part, const uint8_t *bytes);

/* Strings that are written in another form: compares what their item holds. */
void report_look_at_strings(struct report *report, const struct item *item);

/* Everything is written and all digests are known. */
void report_complete(struct cairn_writer *writer);

/* Frees what is not in the writer's arena. NULL: a no-op. */
void report_end(struct report *report);

/* report_look.c, for report.c: notes how a tensor compares. What changed stays changed; what is
 * unknown is not the same. */
void report_judge(struct report *report, uint32_t tensor, enum cairn_saved_comparison comparison);

/* report_look.c: memory for as many threads as the writer has. */
bool report_make_looks(struct report *report);

#endif
