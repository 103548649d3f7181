/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging TensorFlow checkpoints into one of the same format, without touching their data.
 */
#ifndef CAIRN_ENGINE_MERGE_BUNDLES_H
#define CAIRN_ENGINE_MERGE_BUNDLES_H

#include <cairn/save.h>

#include "engine/system/system.h"

/* As cairn_merge with CAIRN_TARGET_TENSORFLOW; the options are checked already, and not NULL.
 * UNSUPPORTED where Cairn was built without TensorFlow. */
enum cairn_status merge_bundles(struct system *system, const char *const *sources, uint32_t count,
				const char *path, const struct cairn_merge_options *options,
				struct cairn_merge_report *report, struct cairn_error *error);

#endif
