/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Temporary names: a prefix and 32 hex digits. Files and folders that are being made have the one,
 * what was put aside the other. Recovery goes by them, so they are exactly these.
 */
#ifndef CAIRN_FORMAT_TEMPORARY_NAME_H
#define CAIRN_FORMAT_TEMPORARY_NAME_H

#include <stdbool.h>
#include <stdint.h>

#define DRAFT_PREFIX        ".cairn-tmp-"
#define TRASH_PREFIX        ".cairn-trash-"
#define TEMPORARY_NAME_SIZE (sizeof(TRASH_PREFIX) + 32)

/* The name is of exactly that grammar. */
bool is_draft_name(const char *name);
bool is_trash_name(const char *name);
bool is_temporary_name(const char *name); /* either */

void temporary_name(const char *prefix, const uint8_t id[16], char name[TEMPORARY_NAME_SIZE]);

#endif
