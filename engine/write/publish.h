/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one function that makes files durable and gives them their names. Every writer in the project
 * ends here.
 */
#ifndef CAIRN_ENGINE_PUBLISH_H
#define CAIRN_ENGINE_PUBLISH_H

#include "engine/write/draft.h"

/*
 * Publishes complete drafts of one folder: the last of them names the others (an index), or is the
 * only one.
 *
 *   1. fsync each file, once, on the descriptor that wrote it
 *   2. lock the folder
 *   3. rename all but the last to new names (EXISTS if one is taken), fsync the folder
 *   4. rename the last: to a new name, or with `replace` over the old one
 *   5. fsync the folder: the commit point
 *
 * Until 4 nothing that existed has changed. When anything up to 4 fails, what was renamed in 3 is
 * removed again, all drafts are discarded, and the error is returned. When 5 fails the result is
 * IN_DOUBT: the old or the new is visible, both whole, and nothing is removed. In each case the
 * drafts are closed.
 */
enum cairn_status publish(struct draft *drafts, uint32_t count, bool replace,
			  struct cairn_error *error);

#endif
