/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers of conversions, which write or only measure.
 */
#ifndef CAIRN_ENGINE_CONVERT_WRITER_H
#define CAIRN_ENGINE_CONVERT_WRITER_H

#include <cairn/convert.h>

/* cairn_writer_create for the target. */
enum cairn_status convert_writer(const struct cairn_reader *reader, const char *path,
				 const struct cairn_writer_options *settings,
				 const struct cairn_convert_options *options,
				 struct cairn_writer **writer, struct cairn_error *error);

/* cairn_writer_finish, or only a measurement, as the options say; files and bytes go to the report.
 */
enum cairn_status convert_finish(struct cairn_writer *writer,
				 const struct cairn_convert_options *options,
				 struct cairn_error *error);

#endif
