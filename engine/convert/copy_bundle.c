/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying bundles.
 *
 * The table is read again from the file that the reader keeps open, parsed, and copied as it is:
 * all that it says about files holds for their copies. A data file is cut into the pieces that the
 * table names and what lies between them, which is copied as well. The CRC of strings is not one
 * over their bytes: such pieces are looked at before their file is copied.
 */
#include "engine/convert/copy_bundle.h"

#include <inttypes.h>
#include <string.h>

#include "engine/read/file_window.h"
#include "engine/read/reader.h"
#include "engine/write/bundle_files.h"
#include "engine/write/prefix_files.h"
#include "engine/write/recover.h"
#include "format/bytes.h"
#include "format/crc32c.h"
#include "format/error.h"
#include "format/sort_array.h"
#include "format/tensorflow_bundle.h"
#include "format/tensorflow_values.h"

#define ARENA_SIZE_MAX ((size_t)64 << 30)

/* What a stretch of a data file is. */
struct source_piece {
	const struct bundle_tensor *tensor; /* NULL: what nothing refers to */
	const struct bundle_piece *piece;
	uint64_t offset;
	uint64_t size;
	uint32_t shard;
};

struct bundle_copy {
	const struct cairn_reader *reader;
	struct arena arena;
	uint8_t *table;
	struct bundle bundle; /* what it says */
	struct source_piece
		*sources; /* by shard and offset, those of each file one after another */
	uint64_t source_count;
	uint64_t *first_sources; /* of each file */
	struct bundle_file *files;
};

static const struct file *file_of(const struct bundle_copy *copy, uint32_t shard)
{
	return &copy->reader->files[shard + 1];
}

static bool is_variable(const struct source_piece *source)
{
	return source->tensor != NULL &&
	       (source->tensor->dtype == CAIRN_STRING || source->tensor->dtype == CAIRN_VARIANT);
}

static enum cairn_status in_source(const struct bundle_copy *copy,
				   const struct source_piece *source, enum cairn_status status,
				   struct cairn_error *error)
{
	if (status == CAIRN_OK)
		return CAIRN_OK;
	error_prefix(error, status, file_of(copy, source->shard)->name);
	return source->tensor == NULL ? status
				      : error_prefix_tensor(error, status, source->tensor->name);
}

/* ----------------------------------------------------------------------------------- the source */

static enum cairn_status read_table(struct bundle_copy *copy, struct cairn_error *error)
{
	const struct file *const table = &copy->reader->table;
	enum cairn_status status;

	copy->table = arena_allocate(&copy->arena, table->size);
	if (copy->table == NULL)
		return error_set_memory(error, "the table");
	status = file_read(table, 0, copy->table, table->size, error);
	if (status == CAIRN_OK)
		status = bundle_parse(&copy->arena, copy->table, table->size, &copy->bundle, error);
	if (status == CAIRN_OK && copy->bundle.header.shard_count + 1 != copy->reader->file_count)
		status = error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				   "it has changed since it was opened");
	return status == CAIRN_OK ? status : error_prefix(error, status, table->name);
}

static int compare_sources(const void *a, const void *b)
{
	const struct source_piece *const left = a;
	const struct source_piece *const right = b;

	if (left->shard != right->shard)
		return left->shard < right->shard ? -1 : 1;
	return (left->offset > right->offset) - (left->offset < right->offset);
}

static uint64_t count_pieces(const struct bundle *bundle)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < bundle->tensor_count; i++)
		count += bundle->tensors[i].piece_count;
	return count;
}

/* All pieces that have bytes, in the order in which they lie. */
static enum cairn_status list_pieces(struct bundle_copy *copy, struct source_piece **result,
				     uint64_t *result_count, struct cairn_error *error)
{
	const struct bundle *const bundle = &copy->bundle;
	struct source_piece *const list = arena_allocate_array(&copy->arena, count_pieces(bundle),
							       sizeof(*list));
	uint64_t count = 0;
	uint32_t *order;

	if (list == NULL)
		return error_set_memory(error, "the list of pieces");
	for (uint64_t i = 0; i < bundle->tensor_count; i++) {
		const struct bundle_tensor *const tensor = &bundle->tensors[i];

		for (uint32_t k = 0; k < tensor->piece_count; k++) {
			const struct bundle_piece *const piece = &tensor->pieces[k];

			if (piece->size != 0)
				list[count++] = (struct source_piece){tensor, piece, piece->offset,
								      piece->size, piece->shard};
		}
	}
	order = sort_order(&copy->arena, list, count, sizeof(*list), compare_sources);
	if (order == NULL)
		return error_set_memory(error, "the list of pieces");
	sort_apply(list, count, sizeof(*list), order);
	*result = list;
	*result_count = count;
	return CAIRN_OK;
}

/* Appends what lies from `at` to `end` and belongs to nothing. */
static void add_gap(struct bundle_copy *copy, uint32_t shard, uint64_t at, uint64_t end)
{
	if (at < end)
		copy->sources[copy->source_count++] = (struct source_piece){
			.offset = at, .size = end - at, .shard = shard};
}

/* The pieces of one file and what lies between them; `*next` is the first of them in the list. */
static enum cairn_status lay_out_file(struct bundle_copy *copy, uint32_t shard,
				      const struct source_piece *list, uint64_t count,
				      uint64_t *next, bool *possible, struct cairn_error *error)
{
	const uint64_t size = file_of(copy, shard)->size;
	uint64_t at = 0;

	for (; *next < count && list[*next].shard == shard; (*next)++) {
		const struct source_piece *const piece = &list[*next];

		if (!range_within(piece->offset, piece->size, size))
			return in_source(copy, piece,
					 error_set(error, CAIRN_TRUNCATED, piece->offset,
						   "offset %" PRIu64 " + size %" PRIu64
						   " exceeds file size %" PRIu64,
						   piece->offset, piece->size, size),
					 error);
		if (piece->offset < at) {
			*possible = false;
			return CAIRN_OK;
		}
		add_gap(copy, shard, at, piece->offset);
		copy->sources[copy->source_count++] = *piece;
		at = piece->offset + piece->size;
	}
	add_gap(copy, shard, at, size);
	return CAIRN_OK;
}

static enum cairn_status make_files(struct bundle_copy *copy, struct cairn_error *error)
{
	const uint32_t shard_count = copy->bundle.header.shard_count;
	struct dense_piece *const pieces = arena_allocate_array(&copy->arena, copy->source_count,
								sizeof(*pieces));

	copy->files = arena_allocate_array(&copy->arena, shard_count, sizeof(*copy->files));
	if (pieces == NULL || copy->files == NULL)
		return error_set_memory(error, "the list of files");
	for (uint64_t i = 0; i < copy->source_count; i++)
		pieces[i] = (struct dense_piece){copy->sources[i].offset, copy->sources[i].size};
	for (uint32_t s = 0; s < shard_count; s++)
		copy->files[s] = (struct bundle_file){
			.size = file_of(copy, s)->size,
			.pieces = pieces + copy->first_sources[s],
			.piece_count = copy->first_sources[s + 1] - copy->first_sources[s],
		};
	return CAIRN_OK;
}

static enum cairn_status lay_out(struct bundle_copy *copy, bool *possible,
				 struct cairn_error *error)
{
	const uint32_t shard_count = copy->bundle.header.shard_count;
	struct source_piece *list = NULL;
	uint64_t count = 0;
	uint64_t next = 0;
	enum cairn_status status = list_pieces(copy, &list, &count, error);

	if (status != CAIRN_OK)
		return status;
	/* a gap in front of each piece, and one behind the last of each file */
	copy->sources = arena_allocate_array(&copy->arena, 2 * count + shard_count,
					     sizeof(*copy->sources));
	copy->first_sources = arena_allocate_array(&copy->arena, (uint64_t)shard_count + 1,
						   sizeof(*copy->first_sources));
	if (copy->sources == NULL || copy->first_sources == NULL)
		return error_set_memory(error, "the list of pieces");
	for (uint32_t s = 0; s < shard_count && status == CAIRN_OK && *possible; s++) {
		copy->first_sources[s] = copy->source_count;
		status = lay_out_file(copy, s, list, count, &next, possible, error);
	}
	copy->first_sources[shard_count] = copy->source_count;
	return status == CAIRN_OK && *possible ? make_files(copy, error) : status;
}

/* -------------------------------------------------------------------------------------- copying */

static const struct source_piece *source_of(const struct bundle_copy *copy, uint32_t file,
					    uint64_t piece)
{
	return &copy->sources[copy->first_sources[file] + piece];
}

static enum cairn_status crc_of_values(const struct bundle_copy *copy,
				       const struct source_piece *source, uint32_t *crc,
				       struct cairn_error *error)
{
	struct file_window window;
	const struct values values = {
		.count = bundle_piece_elements(source->tensor, source->piece),
		.stored_size = source->size,
		.is_variant = source->tensor->dtype == CAIRN_VARIANT,
		.big_endian = copy->bundle.header.big_endian,
		.read = file_window_read,
		.context = &window,
	};
	enum cairn_status status;

	if (!file_window_open(&window, file_of(copy, source->shard),
			      source->size < VALUES_READ_MAX ? source->size : VALUES_READ_MAX))
		return error_set_memory(error, "a piece of a tensor");
	file_window_move(&window, source->offset, source->size);
	status = values_check(&values, crc, error);
	file_window_close(&window);
	return status;
}

static enum cairn_status compare_crc(const struct bundle_copy *copy,
				     const struct source_piece *source, uint32_t crc,
				     struct cairn_error *error)
{
	const uint32_t expected = crc32c_unmask(source->piece->crc);

	if (crc == expected)
		return CAIRN_OK;
	error_set(error, CAIRN_CHECKSUM, source->offset,
		  "%" PRIu64 " bytes at offset %" PRIu64 " have CRC-32C %08" PRIx32
		  " instead of %08" PRIx32,
		  source->size, source->offset, crc, expected);
	return in_source(copy, source, CAIRN_CHECKSUM, error);
}

static bool verifies(const struct bundle_copy *copy)
{
	return copy->reader->verification != CAIRN_VERIFY_NEVER;
}

/* Looks at the strings of a file. */
static enum cairn_status begin(void *context, uint32_t file, struct cairn_error *error)
{
	const struct bundle_copy *const copy = context;
	enum cairn_status status = CAIRN_OK;

	if (!verifies(copy))
		return CAIRN_OK;
	for (uint64_t i = 0; i < copy->files[file].piece_count && status == CAIRN_OK; i++) {
		const struct source_piece *const source = source_of(copy, file, i);
		uint32_t crc = 0;

		if (!is_variable(source))
			continue;
		status = in_source(copy, source, crc_of_values(copy, source, &crc, error), error);
		if (status == CAIRN_OK)
			status = compare_crc(copy, source, crc, error);
	}
	return status;
}

static enum cairn_status fill(void *context, const struct bundle_part *part, uint8_t *bytes,
			      struct stored_scratch *scratch, struct cairn_error *error)
{
	const struct bundle_copy *const copy = context;
	const struct source_piece *const source = source_of(copy, part->file, part->piece);

	(void)scratch;
	return in_source(copy, source,
			 file_read(file_of(copy, part->file), source->offset + part->offset, bytes,
				   part->size, error),
			 error);
}

static enum cairn_status take_crc(void *context, uint32_t file, uint64_t piece, uint32_t crc,
				  struct cairn_error *error)
{
	const struct bundle_copy *const copy = context;
	const struct source_piece *const source = source_of(copy, file, piece);

	if (source->tensor == NULL || is_variable(source) || !verifies(copy))
		return CAIRN_OK;
	return compare_crc(copy, source, crc, error);
}

static enum cairn_status make_index(void *context, uint8_t **bytes, uint64_t *size,
				    struct cairn_error *error)
{
	const struct bundle_copy *const copy = context;

	(void)error;
	*bytes = copy->table;
	*size = copy->reader->table.size;
	return CAIRN_OK;
}

/* ------------------------------------------------------------------------------------ all of it */

/* Tells early what publishing would refuse late. */
static enum cairn_status check_target(const struct folder *folder, const char *prefix, bool replace,
				      struct cairn_error *error)
{
	char name[SYSTEM_NAME_SIZE];

	if (replace || !prefix_index_name(prefix, name) || !folder_has(folder, name))
		return CAIRN_OK;
	return error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET, "it is there already");
}

static enum cairn_status write_copy(struct bundle_copy *copy, const char *path,
				    const struct cairn_convert_options *options,
				    struct cairn_error *error)
{
	const uint32_t file_count = copy->bundle.header.shard_count;
	const struct bundle_content content = {
		.files = copy->files,
		.file_count = file_count,
		.begin = begin,
		.fill = fill,
		.take_crc = take_crc,
		.make_index = make_index,
		.context = copy,
	};
	struct folder folder = {.fd = -1};
	char prefix[SYSTEM_NAME_SIZE];
	const struct bundle_target target = {
		.folder = &folder,
		.prefix = prefix,
		.path = path,
		.replace = options->replace != 0,
		.thread_count = options->thread_count == 0 ? SEGMENT_THREADS_DEFAULT
							   : options->thread_count,
		.progress = options->progress,
		.progress_context = options->progress_context,
	};
	struct sweep_counts counts = {0};
	enum cairn_status status = folder_open(copy->reader->system, path, &folder, prefix, error);

	if (status == CAIRN_OK)
		status = check_target(&folder, prefix, target.replace, error);
	if (status == CAIRN_OK)
		status = bundle_check_prefix(prefix, content.file_count, error);
	options->report->file_count = (uint64_t)file_count + 1;
	options->report->bytes = copy->reader->table.size;
	for (uint32_t i = 0; i < file_count; i++)
		options->report->bytes += copy->files[i].size;
	if (status != CAIRN_OK || options->dry_run != 0) {
		folder_close(&folder);
		return status == CAIRN_OK ? CAIRN_OK : error_prefix(error, status, path);
	}
	/* that what dead writers left cannot be removed is no reason not to write */
	(void)folder_sweep(&folder, &counts, NULL);
	status = bundle_files_save(&target, &content, error);
	folder_close(&folder);
	return status;
}

enum cairn_status copy_bundle(const struct cairn_reader *reader, const char *path,
			      const struct cairn_convert_options *options, bool *possible,
			      struct cairn_error *error)
{
	struct bundle_copy copy = {.reader = reader};
	enum cairn_status status;

	*possible = true;
	arena_init(&copy.arena, reader_arena_source(reader->system), ARENA_SIZE_MAX);
	status = read_table(&copy, error);
	if (status == CAIRN_OK)
		status = lay_out(&copy, possible, error);
	if (status == CAIRN_OK && *possible)
		status = write_copy(&copy, path, options, error);
	arena_fini(&copy.arena);
	return status;
}
