/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of <cairn/async.h>: a save in a thread, and what follows it there.
 */
#ifndef CAIRN_ENGINE_ASYNC_H
#define CAIRN_ENGINE_ASYNC_H

#include <cairn/async.h>

#include "engine/write/staging.h"

/* What is done after a save, in the thread that did it, whatever became of it: returns what is
 * reported. `error` holds why `status` is not CAIRN_OK. */
typedef enum cairn_status (*async_follow)(void *context, enum cairn_status status,
					  struct cairn_error *error);

/* cairn_async_create on another system. */
enum cairn_status async_create(struct system *system, const struct cairn_async_options *options,
			       struct cairn_async **async, struct cairn_error *error);

/* cairn_async_finish, with something to do afterwards: `follow`, if it is not NULL, is called once,
 * by the caller's thread where nothing was begun. */
enum cairn_status async_start(struct cairn_async *async, struct cairn_writer *writer,
			      async_follow follow, void *context, struct cairn_error *error);

/* Something was begun whose end nobody has looked at: cairn_async_wait does. */
bool async_is_open(const struct cairn_async *async);

#endif
