/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file is, from its first and last bytes.
 */
#ifndef CAIRN_ENGINE_IDENTIFY_H
#define CAIRN_ENGINE_IDENTIFY_H

#include "engine/read/file.h"

/* A path of nothing but the suffix does. */
bool path_ends_with(const char *path, const char *suffix);

enum file_kind {
	FILE_CONTAINER,
	FILE_SAFETENSORS,
	FILE_SAFETENSORS_INDEX,
	FILE_TENSORFLOW_V1,
	FILE_OTHER
};

/*
 * `page` holds the first bytes: CONTAINER_PAGE_SIZE, or all of a shorter file. For FILE_OTHER the
 * status says what the file is and what to pass instead: NOT_A_CHECKPOINT or UNSUPPORTED; CORRUPT
 * for a foreign beginning in front of a Cairn footer; IO.
 */
enum cairn_status identify(const struct file *file, const char *path, const uint8_t *page,
			   enum file_kind *kind, struct cairn_error *error);

#endif
