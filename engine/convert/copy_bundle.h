/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TensorFlow checkpoint as it is: the same bytes in files of another prefix.
 */
#ifndef CAIRN_ENGINE_COPY_BUNDLE_H
#define CAIRN_ENGINE_COPY_BUNDLE_H

#include <stdbool.h>

#include <cairn/convert.h>

/*
 * Copies all data files of a reader of TensorFlow's second format, and its table. Stored bytes are
 * not decoded; their CRCs are computed over what is written and compared, unless the reader
 * verifies nothing. `possible` is false, and nothing is written, when the files are not laid out as
 * TensorFlow does (pieces that share bytes).
 */
enum cairn_status copy_bundle(const struct cairn_reader *reader, const char *path,
			      const struct cairn_convert_options *options, bool *possible,
			      struct cairn_error *error);

#endif
