/* SPDX-License-Identifier: Apache-2.0 */
/* Packing on any system. */
#ifndef CAIRN_ENGINE_PACK_TEXT_H
#define CAIRN_ENGINE_PACK_TEXT_H

#include <cairn/text.h>

#include "engine/system/system.h"

/* cairn_pack on another system. */
enum cairn_status pack_text(struct system *system, const char *text, const char *path,
			    const struct cairn_pack_options *options,
			    struct cairn_pack_report *report, struct cairn_error *error);

#endif
