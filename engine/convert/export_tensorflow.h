/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing TensorFlow checkpoints from other checkpoints.
 */
#ifndef CAIRN_ENGINE_EXPORT_TENSORFLOW_H
#define CAIRN_ENGINE_EXPORT_TENSORFLOW_H

#include <cairn/convert.h>

/* As cairn_convert; `options` are checked. */
enum cairn_status export_tensorflow(const struct cairn_reader *reader, const char *path,
				    const struct cairn_convert_options *options,
				    struct cairn_error *error);

#endif
