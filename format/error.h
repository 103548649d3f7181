/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing error records.
 *
 * A message is written once, where the error is detected; upper layers only put a file's or
 * tensor's name in front.
 */
#ifndef CAIRN_FORMAT_ERROR_H
#define CAIRN_FORMAT_ERROR_H

#include <cairn/error.h>

/* Room for a quoted name. */
#define QUOTE_SIZE 128

struct quoted {
	char text[QUOTE_SIZE];
};

/*
 * Fills the record (unless it is NULL) and returns `code`. `offset` is CAIRN_ERROR_NO_OFFSET where
 * none is known.
 */
enum cairn_status error_set(struct cairn_error *error, enum cairn_status code, uint64_t offset,
			    const char *format, ...) CAIRN_PRINTF(4, 5);

/* The same for a failed system call: `negative_errno` as the seam returns it; its text is put at
 * the end. ENOMEM becomes NO_MEMORY, ENOENT and ENOTDIR NOT_FOUND, EEXIST EXISTS, everything else
 * IO. */
enum cairn_status error_set_system(struct cairn_error *error, int64_t negative_errno,
				   const char *format, ...) CAIRN_PRINTF(3, 4);

/* The allocation of `what` failed: NO_MEMORY. */
enum cairn_status error_set_memory(struct cairn_error *error, const char *what);

/* Puts "'name': " in front of the message; for a file name or the like. `code` becomes the record's
 * code and is returned. NULL error is allowed. */
enum cairn_status error_prefix(struct cairn_error *error, enum cairn_status code, const char *name);

/* Puts "tensor 'name': " in front of the message. */
enum cairn_status error_prefix_tensor(struct cairn_error *error, enum cairn_status code,
				      struct cairn_string name);

/* The analyzer looks at one file at a time, and would take CAIRN_OK for an answer. */
#ifdef __clang_analyzer__
# define error_set(error, code, ...)     ((void)error_set(error, code, __VA_ARGS__), (code))
# define error_set_memory(error, what)   ((void)error_set_memory(error, what), CAIRN_NO_MEMORY)
# define error_prefix(error, code, name) ((void)error_prefix(error, code, name), (code))
# define error_prefix_tensor(error, code, name)                                                    \
  ((void)error_prefix_tensor(error, code, name), (code))
#endif

/*
 * A name in single quotes, safe for a terminal: control bytes, quotes and invalid UTF-8 as \xNN,
 * long names shortened in the middle. For "%s" of the functions above: quote(name).text
 */
struct quoted quote(struct cairn_string name);

#endif
