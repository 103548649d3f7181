/* SPDX-License-Identifier: Apache-2.0 */
/* Editing on any system. */
#ifndef CAIRN_ENGINE_EDIT_H
#define CAIRN_ENGINE_EDIT_H

#include <cairn/edit.h>

#include "engine/system/system.h"

/* cairn_edit on another system. */
enum cairn_status edit_checkpoint(struct system *system, const char *path,
				  const struct cairn_edit_options *options,
				  struct cairn_edit_report *report, struct cairn_error *error);

#endif
