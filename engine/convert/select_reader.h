/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of some of the tensors of another one, under names of one's choice: whatever is done
 * with a reader can be done with a selection.
 */
#ifndef CAIRN_ENGINE_SELECT_READER_H
#define CAIRN_ENGINE_SELECT_READER_H

#include <cairn/convert.h>

/*
 * Its index is built in memory; the files are those of `reader`, of which it keeps a reference.
 * *selected is to be closed. INVALID_ARGUMENT (patterns), NOT_FOUND (a pattern matches nothing),
 * EXISTS (names that meet: a list), LIMIT (a name that becomes too long), what describe_index
 * returns.
 */
enum cairn_status select_reader(const struct cairn_reader *reader,
				const struct cairn_selection *selection,
				struct cairn_reader **selected, struct cairn_error *error);

#endif
