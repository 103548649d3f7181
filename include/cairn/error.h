/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How functions fail.
 *
 * Every function that can fail returns an enum cairn_status, CAIRN_OK being 0, and takes a pointer
 * to a caller-owned struct cairn_error as its last argument, which may be NULL. The status is for
 * the program, the message is for a person. A function that returns CAIRN_OK leaves the record as
 * it was; a function that fails leaves its other output arguments as they were.
 */
#ifndef CAIRN_ERROR_H
#define CAIRN_ERROR_H

#include <cairn/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Numbered for ever. New codes are appended; treat an unknown one like CAIRN_IO. */
enum cairn_status {
	CAIRN_OK = 0,
	CAIRN_INVALID_ARGUMENT = 1, /* the call is wrong; nothing was done */
	CAIRN_NOT_FOUND = 2,        /* no such file, tensor or key */
	CAIRN_EXISTS = 3,           /* the name is taken, and replacing was not asked for */
	CAIRN_NOT_A_CHECKPOINT = 4, /* something else; the message says what, and what to pass */
	CAIRN_UNSUPPORTED = 5,      /* valid, but this build cannot read or express it */
	CAIRN_CORRUPT = 6,          /* the structure contradicts itself or its specification */
	CAIRN_CHECKSUM = 7,         /* bytes differ from their digest */
	CAIRN_TRUNCATED = 8,        /* the file is shorter than it says it is */
	CAIRN_LIMIT = 9,            /* over a documented limit, or over one that the caller set */
	CAIRN_MISMATCH = 10,        /* dtype, shape, size or slice differ from what was asked */
	CAIRN_UNMATCHED = 11,       /* a restore left something out that had to match */
	CAIRN_PRECONDITION = 12,    /* the object is in a state in which this cannot be done */
	CAIRN_IO = 13,              /* the operating system said no; system_errno says why */
	CAIRN_NO_MEMORY = 14,       /* an allocation failed */
	CAIRN_BUSY = 15,            /* someone else is at work there; trying again may help */
	CAIRN_CANCELLED = 16,       /* a callback asked to stop */
	/* the last fsync failed: old or new is visible, both whole, nothing was deleted */
	CAIRN_IN_DOUBT = 17
};

/* Room for a message with its terminating NUL, in bytes. */
#define CAIRN_MESSAGE_SIZE 512

/* No `offset` is known. */
#define CAIRN_ERROR_NO_OFFSET UINT64_MAX

struct cairn_error {
	enum cairn_status code;
	int system_errno;                 /* errno of the failing call, else 0 */
	uint64_t offset;                  /* where in the file, else CAIRN_ERROR_NO_OFFSET */
	char message[CAIRN_MESSAGE_SIZE]; /* one line, lower case, no full stop, names quoted and
					     escaped */
};

/* "CORRUPT" for CAIRN_CORRUPT; "UNKNOWN" for a number that is none. Static. */
CAIRN_API const char *cairn_status_name(enum cairn_status status);

#ifdef __cplusplus
}
#endif

#endif
