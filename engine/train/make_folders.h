/* SPDX-License-Identifier: Apache-2.0 */
/* Folders on the way to a file. */
#ifndef CAIRN_ENGINE_MAKE_FOLDERS_H
#define CAIRN_ENGINE_MAKE_FOLDERS_H

#include <cairn/error.h>

#include "engine/system/system.h"

/*
 * Creates the folders that `path`, a file, lies in, as far as they are not there, durably. `path`
 * is terminated and changed while this works. PRECONDITION: something else is in the way; IO,
 * IN_DOUBT (fsync of the folder above failed).
 */
enum cairn_status make_folders_of(struct system *system, char *path, struct cairn_error *error);

#endif
