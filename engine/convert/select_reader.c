/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A selection as a reader: another index over the files of an open checkpoint.
 */
#include "engine/convert/select_reader.h"

#include "engine/convert/describe_index.h"
#include "engine/convert/rename_tensors.h"
#include "engine/read/reader.h"
#include "format/error.h"

/* What is needed to describe an index of any size. */
#define SELECT_ARENA_MAX ((size_t)1 << 40)

/* Everything but the index. */
static void share(const struct cairn_reader *parent, struct cairn_reader *reader)
{
	reader->parent = cairn_reader_retain((struct cairn_reader *)(uintptr_t)parent);
	reader->verification = parent->verification;
	reader->transport = parent->transport;
	reader->open_flags = parent->open_flags;
	reader->name = parent->name;
	reader->folder = parent->folder;
	reader->format = parent->format;
	reader->format_version = parent->format_version;
	reader->note = parent->note;
	reader->header = parent->header;
	reader->shard_states = parent->shard_states;
	reader->files = parent->files;
	reader->file_count = parent->file_count;
	reader->first_file = parent->first_file;
	reader->index_file = parent->index_file;
	reader->index_file_size = parent->index_file_size;
	reader->data_is_embedded = parent->data_is_embedded;
	reader->has_foreign_checks = parent->has_foreign_checks;
	reader->materialised_max = parent->materialised_max;
}

static enum cairn_status build(struct cairn_reader *reader, struct build_input *input,
			       struct cairn_error *error)
{
	const struct container_footer *const footer = &reader->parent->footer;
	struct built_index built;
	const enum cairn_status status = index_build(&reader->arena, input, true, &built, error);

	if (status != CAIRN_OK)
		return status;
	reader->footer = built.footer;
	reader->footer.alignment = footer->alignment;
	reader->footer.parent_id = footer->parent_id;
	reader->footer.generation = footer->generation;
	return reader_use_index(reader, built.image, 0, true, error);
}

static enum cairn_status select_into(struct cairn_reader *reader, struct arena *arena,
				     const struct cairn_selection *selection,
				     struct cairn_error *error)
{
	struct renaming renaming;
	struct build_input input;
	enum cairn_status status;

	if ((status = renaming_begin(&renaming, selection, arena, error)) != CAIRN_OK ||
	    (status = describe_index(&reader->parent->index, arena, 0, renaming_choose, &renaming,
				     &input, error)) != CAIRN_OK ||
	    (status = renaming_end(&renaming, &input, error)) != CAIRN_OK)
		return status;
	return build(reader, &input, error);
}

enum cairn_status select_reader(const struct cairn_reader *reader,
				const struct cairn_selection *selection,
				struct cairn_reader **selected, struct cairn_error *error)
{
	struct cairn_reader *const result = reader_create(reader->system, NULL);
	struct arena arena;
	enum cairn_status status;

	if (result == NULL)
		return error_set_memory(error, "a reader");
	arena_init(&arena, reader_arena_source(reader->system), SELECT_ARENA_MAX);
	share(reader, result);
	status = select_into(result, &arena, selection, error);
	arena_fini(&arena);
	if (status == CAIRN_OK) {
		*selected = result;
		return CAIRN_OK;
	}
	cairn_reader_close(result);
	return reader_error(reader, status, error);
}
