/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vocabulary shared by every header: attributes, byte strings, version.
 */
#ifndef CAIRN_BASE_H
#define CAIRN_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
# define CAIRN_API      __attribute__((visibility("default")))
# define CAIRN_MUST_USE __attribute__((warn_unused_result))
# define CAIRN_PRINTF(format_argument, first_argument)                                             \
  __attribute__((format(printf, format_argument, first_argument)))
#else
# define CAIRN_API
# define CAIRN_MUST_USE
# define CAIRN_PRINTF(format_argument, first_argument)
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define CAIRN_VERSION_MAJOR 0
#define CAIRN_VERSION_MINOR 1
#define CAIRN_VERSION_PATCH 0

/* The largest rank of a tensor. */
#define CAIRN_RANK_MAX 254

/* The largest size of a tensor's name, in bytes. */
#define CAIRN_NAME_SIZE_MAX (1u << 20)

/* A slice length that means "all of this dimension"; its start must be 0. */
#define CAIRN_FULL UINT64_MAX

/* An offset that does not exist: the bytes are not stored in one piece as they are. */
#define CAIRN_NO_OFFSET UINT64_MAX

/*
 * Bytes with a length. Names are UTF-8 and may hold NUL, so that they are never handled as C
 * strings; `data` is not terminated. Whoever hands one out says how long it lives.
 */
struct cairn_string {
	const char *data;
	size_t size;
};

/* A 128-bit content digest (XXH3-128, canonical byte order). Not a proof of identity against an
 * attacker. */
struct cairn_digest {
	uint8_t bytes[16];
};

/* "0.1.0": the version of the library that is running, which may differ from the header's. Static.
 */
CAIRN_API const char *cairn_version(void);

/* The string around a terminated C string, borrowed from it. */
CAIRN_API struct cairn_string cairn_string_from(const char *text);

#ifdef __cplusplus
}
#endif

#endif
