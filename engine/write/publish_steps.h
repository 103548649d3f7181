/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps that all kinds of publishing are made of; for publish.c, where they are, and
 * publish_prefix.c only.
 */
#ifndef CAIRN_ENGINE_PUBLISH_STEPS_H
#define CAIRN_ENGINE_PUBLISH_STEPS_H

#include "engine/write/draft.h"

/* An error of fsync is final: what the descriptor wrote may be gone, and a second fsync would not
 * say so. */
enum cairn_status sync_files(struct draft *drafts, uint32_t count, struct cairn_error *error);

/* fsync of a folder, and a look whether it is still there. */
enum cairn_status sync_folder(const struct folder *folder, struct cairn_error *error);

/* A draft gets its name: EXISTS when one is taken, unless `replace`. */
enum cairn_status give_name(struct folder *folder, struct draft *draft, bool replace,
			    struct cairn_error *error);

/* Drafts get their names, all new, and the folder is made durable. `named` counts them. */
enum cairn_status name_parts(struct folder *folder, struct draft *drafts, uint32_t count,
			     uint32_t *named, struct cairn_error *error);

enum cairn_status cannot_rename(int result, const char *target, struct cairn_error *error);

/* Makes IN_DOUBT of what the error says. */
enum cairn_status in_doubt(struct cairn_error *error);

#endif
