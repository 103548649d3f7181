/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saving while the program goes on.
 *
 *     struct cairn_async *async;
 *
 *     if (cairn_async_create(NULL, &async, &error) != CAIRN_OK) ...      once
 *
 *     if (cairn_writer_create(path, &options, &writer, &error) != CAIRN_OK) ...
 *     if (cairn_writer_add(writer, "w", CAIRN_F32, 2, dims, data, &error) != CAIRN_OK) ...
 *     if (cairn_async_finish(async, writer, &error) != CAIRN_OK) ...
 *     ...                                        `data` may change now; the disk is still at work
 *     if (cairn_async_wait(async, &error) != CAIRN_OK) ...               durable when this is OK
 *
 * What the program's memory holds is copied to staging memory, which is kept and used again by the
 * next save; writing, fsync and publishing then go on in a thread. No process is forked. Where the
 * staging memory is smaller than the values, those that do not fit are written first and straight
 * from the program's memory, and the call waits for that: it returns as soon as nothing is needed
 * of the program any more. A callback that produces a value is called before the call returns,
 * maybe from a thread. The bytes written are those that cairn_writer_finish would have written.
 *
 * Caveats
 *
 * - OK from cairn_async_finish says that the values were taken, not that they are durable:
 *   cairn_async_wait and on_end say that.
 * - What the writer's options point to (progress, a checkpoint to compare with) is borrowed until
 *   the save has ended; progress is told from the thread. There is no cairn_writer_report, since
 *   the writer is gone.
 * - One save at a time: the next one first waits for the one before.
 * - A child that is forked during a save holds its locks (see writer.h), and has no thread that
 *   would go on with it.
 *
 * Threads: a struct cairn_async belongs to one thread at a time.
 */
#ifndef CAIRN_ASYNC_H
#define CAIRN_ASYNC_H

#include <cairn/base.h>
#include <cairn/error.h>
#include <cairn/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Staging memory, and a save that is under way. Opaque. */
struct cairn_async;

/*
 * Told how a save ended, from the thread that wrote it. `error` is borrowed and only of a failure.
 * Must not throw, and must not call functions with this cairn_async.
 */
typedef void (*cairn_async_callback)(void *context, enum cairn_status status,
				     const struct cairn_error *error);

struct cairn_async_options {
	size_t size; /* sizeof(struct cairn_async_options); 0 means version 1 of this struct */
	uint64_t staging_size; /* bytes of staging memory at most; 0: as many as the values have */
	cairn_async_callback on_end; /* or NULL: a failure is returned by the next call */
	void *end_context;
	uint64_t reserved[8]; /* zero */
};

/* Options may be NULL. INVALID_ARGUMENT, NO_MEMORY. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_async_create(const struct cairn_async_options *options, struct cairn_async **async,
		   struct cairn_error *error);

/*
 * cairn_writer_finish and cairn_writer_destroy, in a thread: the writer is taken over, whatever
 * this returns. OK when all values were taken.
 *
 * When the save before failed and there is no on_end, its failure is returned here, and nothing of
 * this one is done. What a callback that produces a value returned; what cairn_writer_finish
 * returns, where that is known already; NO_MEMORY. Staging memory or a thread that cannot be had is
 * no failure: the call takes longer then.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_async_finish(struct cairn_async *async,
							      struct cairn_writer *writer,
							      struct cairn_error *error);

/*
 * Waits until nothing is under way. OK: what was last begun is durable, or its failure was told
 * before. Else what cairn_writer_finish returned.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_async_wait(struct cairn_async *async,
							    struct cairn_error *error);

/* Not 0: a save is under way at this moment. */
CAIRN_API int cairn_async_is_busy(struct cairn_async *async);

/* Waits, then frees. A failure that was not told is lost. NULL is allowed. */
CAIRN_API void cairn_async_destroy(struct cairn_async *async);

#ifdef __cplusplus
}
#endif

#endif
