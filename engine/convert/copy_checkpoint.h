/* SPDX-License-Identifier: Apache-2.0 */
/* Adding all of an open checkpoint to a writer. */
#ifndef CAIRN_ENGINE_COPY_CHECKPOINT_H
#define CAIRN_ENGINE_COPY_CHECKPOINT_H

#include <cairn/reader.h>
#include <cairn/writer.h>

/* All return what the reader's index, and the writer's add calls return. */
enum cairn_status copy_checkpoint(struct cairn_writer *writer, const struct cairn_reader *reader,
				  struct cairn_error *error);
enum cairn_status copy_tensors(struct cairn_writer *writer, const struct cairn_reader *reader,
			       struct cairn_error *error);
enum cairn_status copy_metadata(struct cairn_writer *writer, const struct cairn_reader *reader,
				struct cairn_error *error);

#endif
