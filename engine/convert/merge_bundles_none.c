/* SPDX-License-Identifier: Apache-2.0 */
/* Where Cairn is built without TensorFlow. */
#include "engine/convert/merge_bundles.h"

#include "format/error.h"

enum cairn_status merge_bundles(struct system *system, const char *const *sources, uint32_t count,
				const char *path, const struct cairn_merge_options *options,
				struct cairn_merge_report *report, struct cairn_error *error)
{
	(void)system;
	(void)sources;
	(void)count;
	(void)path;
	(void)options;
	(void)report;
	return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
			 "this Cairn was built without TensorFlow");
}
