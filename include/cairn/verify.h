/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking a whole checkpoint: every digest and every structural rule.
 */
#ifndef CAIRN_VERIFY_H
#define CAIRN_VERIFY_H

#include <cairn/base.h>
#include <cairn/error.h>
#include <cairn/reader.h>
#include <cairn/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* No chunk is meant. */
#define CAIRN_NO_CHUNK UINT64_MAX

/* One thing that is wrong. Pointers are borrowed for the duration of the callback. */
struct cairn_problem {
	enum cairn_status code;
	const char *file;           /* relative to the checkpoint's folder */
	struct cairn_string tensor; /* {NULL, 0} when no tensor is meant */
	uint64_t chunk;             /* number in its tensor's stored slice, or CAIRN_NO_CHUNK */
	uint64_t offset;            /* absolute in the file, or CAIRN_NO_OFFSET */
	int has_digests;            /* expected and found are there */
	struct cairn_digest expected;
	struct cairn_digest found;
	uint32_t crc_kind; /* enum cairn_crc_kind: which CRC these two are */
	uint32_t expected_crc;
	uint32_t found_crc;
	const char *message;
};

/* Called for each problem, from the calling thread. Not 0: stop, with CANCELLED. */
typedef int (*cairn_problem_callback)(void *context, const struct cairn_problem *problem);

struct cairn_verify_options {
	size_t size; /* sizeof(struct cairn_verify_options); 0 means version 1 of this struct */
	cairn_problem_callback on_problem; /* or NULL */
	void *problem_context;
	cairn_progress progress; /* or NULL */
	void *progress_context;
	uint64_t reserved[8]; /* zero */
};

struct cairn_verify_report {
	uint64_t problem_count;
	uint64_t tensor_count;
	uint64_t bytes;     /* data bytes that were compared with a digest or CRC */
	int structure_only; /* bytes without a digest, or a format without any: not verified */
	uint64_t reserved[8];
};

/*
 * Reads everything: header, footer and its copy, each index block and record, each chunk of each
 * tensor (also those that were verified before), the zeros between them. Damage does not end it: it
 * is reported and counted, and the result is OK; the report says how it went. Returns IO, NO_MEMORY
 * or CANCELLED when the answer could not be found out.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_reader_verify(const struct cairn_reader *reader, const struct cairn_verify_options *options,
		    struct cairn_verify_report *report, struct cairn_error *error);

#ifdef __cplusplus
}
#endif

#endif
