/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of files that another file gives: of shards in an index. They are opened in the folder of
 * that index and must not lead out of it.
 */
#ifndef CAIRN_FORMAT_FILE_NAME_H
#define CAIRN_FORMAT_FILE_NAME_H

#include <cairn/base.h>

/* NULL when the name is a plain base name: not empty, no '/', no NUL, no "..", not "."; else what
 * is wrong with it ("it holds a '/'"). Static. */
const char *file_name_problem(struct cairn_string name);

#endif
