/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In place of what writes TensorFlow checkpoints, in a build without them.
 */
#include "engine/convert/export_tensorflow.h"
#include "engine/convert/merge_bundles.h"
#include "format/error.h"

static enum cairn_status not_built(struct cairn_error *error)
{
	return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
			 "this Cairn was built without TensorFlow");
}

enum cairn_status export_tensorflow(const struct cairn_reader *reader, const char *path,
				    const struct cairn_convert_options *options,
				    struct cairn_error *error)
{
	(void)reader, (void)path, (void)options;
	return not_built(error);
}

enum cairn_status merge_bundles(struct system *system, const char *const *sources, uint32_t count,
				const char *path, const struct cairn_merge_options *options,
				struct cairn_merge_report *report, struct cairn_error *error)
{
	(void)system, (void)sources, (void)count, (void)path, (void)options, (void)report;
	return not_built(error);
}
