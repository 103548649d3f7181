/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a checkpoint as safetensors: one file, or a sharded set with its JSON index.
 */
#ifndef CAIRN_ENGINE_EXPORT_SAFETENSORS_H
#define CAIRN_ENGINE_EXPORT_SAFETENSORS_H

#include <cairn/convert.h>

/* cairn_convert to safetensors; the options were checked. Returns what cairn_convert returns. */
enum cairn_status export_safetensors(const struct cairn_reader *reader, const char *path,
				     const struct cairn_convert_options *options,
				     struct cairn_error *error);

#endif
