/* SPDX-License-Identifier: Apache-2.0 */
/* Checking a whole checkpoint, for the parts of it. */
#ifndef CAIRN_ENGINE_VERIFY_H
#define CAIRN_ENGINE_VERIFY_H

#include <cairn/verify.h>

#include "engine/read/reader.h"
#include "engine/read/verify_chunks.h"

struct verification {
	const struct cairn_reader *reader;
	struct cairn_verify_options options;
	struct cairn_verify_report report;
	uint8_t *buffer; /* owned */
	uint64_t buffer_size;
	struct chunk_checker checker;
	uint64_t bytes_total; /* of all files */
	uint64_t bytes_done;
	uint64_t bytes_claimed; /* stored bytes of the chunks so far */
	bool index_is_sound;
};

/* Tells the caller about a problem. CANCELLED: he has had enough. */
enum cairn_status verify_report(struct verification *verification,
				const struct cairn_problem *problem, struct cairn_error *error);

/* A failed check of something that is no chunk: told when it says something about the checkpoint;
 * else it is returned. */
enum cairn_status verify_report_failure(struct verification *verification, enum cairn_status status,
					const struct cairn_error *found, struct cairn_string tensor,
					struct cairn_error *error);

/* verification->buffer has so many bytes. False: no memory. */
bool verify_make_room(struct verification *verification, uint64_t size);

/* All that is not data: places of data, opaque regions, and zeros between. */
enum cairn_status verify_rest_of_container(struct verification *verification,
					   struct cairn_error *error);

#endif
