/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing safetensors: plan, then one draft after the other, each by several threads, then publish
 * them all at once, the index last.
 *
 * Bytes are read through the reader, so that those with digests are verified on the way; damage
 * ends the export and leaves nothing.
 */
#include "engine/convert/export_safetensors.h"

#include <inttypes.h>
#include <string.h>

#include "engine/convert/safetensors_names.h"
#include "engine/convert/safetensors_plan.h"
#include "engine/read/identify.h"
#include "engine/read/reader.h"
#include "engine/write/dense_file.h"
#include "engine/write/publish.h"
#include "engine/write/recover.h"
#include "format/digest.h"
#include "format/error.h"
#include "format/safetensors.h"

#define ARENA_SIZE_MAX     ((size_t)64 << 30)
#define SHARD_SIZE_DEFAULT ((uint64_t)5000000000) /* huggingface_hub's "5GB" */

struct exporter {
	const struct cairn_reader *reader;
	struct system *system;
	const char *path;
	const struct cairn_convert_options *options;
	bool is_sharded;
	struct arena arena;
	struct safetensors_plan plan;
	struct folder folder;
	char target[SYSTEM_NAME_SIZE]; /* base name of the path */
	struct shard_names names;      /* of a sharded set */
	struct draft *drafts;          /* in the arena: one for each file, then the index */
	uint32_t draft_count;
	uint64_t written;            /* of all files, complete ones */
	struct cairn_digest content; /* of what was written, segment by segment */
};

/* Errors of the target name it; those of the source name that. */
static enum cairn_status of_target(const struct exporter *exporter, enum cairn_status status,
				   struct cairn_error *error)
{
	return status == CAIRN_OK ? status : error_prefix(error, status, exporter->path);
}

/* ------------------------------------------------------------------------------------- one file */

static enum cairn_status report_progress(const struct exporter *exporter, struct cairn_error *error)
{
	const struct cairn_convert_options *const options = exporter->options;

	if (options->progress != NULL &&
	    options->progress(options->progress_context, exporter->written,
			      exporter->plan.total_size) != 0)
		return of_target(
			exporter,
			error_set(error, CAIRN_CANCELLED, CAIRN_ERROR_NO_OFFSET, "cancelled"),
			error);
	return CAIRN_OK;
}

/* A file of the plan while it is written. */
struct file_job {
	const struct exporter *exporter;
	const struct planned_file *file;
	uint8_t *digests; /* of the segments, in the arena; NULL: not wanted */
};

static uint64_t number_of(const struct file_job *job, uint64_t piece)
{
	const struct planned_file *const file = job->file;

	return job->exporter->plan.numbers[file->first + file->order[piece - 1]];
}

/* Piece 0 is the header, the others are tensors. */
static enum cairn_status fill(void *context, const struct dense_part *part, uint8_t *bytes,
			      struct stored_scratch *scratch, struct cairn_error *error)
{
	const struct file_job *const job = context;
	struct cairn_tensor tensor;
	enum cairn_status status;

	(void)scratch;
	if (part->piece == 0) {
		memcpy(bytes, job->file->header + part->offset, part->size);
		return CAIRN_OK;
	}
	status = cairn_reader_tensor_at(job->exporter->reader, number_of(job, part->piece), &tensor,
					error);
	return status == CAIRN_OK
		       ? cairn_tensor_read(&tensor, part->offset, bytes, part->size, error)
		       : status;
}

static void digest_segment(void *context, uint64_t number, const uint8_t *bytes, uint64_t size)
{
	const struct file_job *const job = context;
	const struct cairn_digest digest = digest_bytes(bytes, size);

	memcpy(job->digests + number * DIGEST_SIZE, digest.bytes, DIGEST_SIZE);
}

/* The header and then the tensors, without a gap. */
static enum cairn_status lay_out(struct exporter *exporter, const struct planned_file *file,
				 struct dense_file *dense, struct cairn_error *error)
{
	struct dense_piece *const pieces = arena_allocate_array(&exporter->arena, file->count + 1,
								sizeof(*pieces));

	if (pieces == NULL)
		return error_set_memory(error, "the layout of a file");
	pieces[0] = (struct dense_piece){0, file->header_size};
	for (uint64_t i = 0; i < file->count; i++) {
		const struct safetensors_tensor
			*const tensor = &exporter->plan.tensors[file->first + file->order[i]];

		pieces[i + 1] = (struct dense_piece){file->header_size + tensor->begin,
						     tensor->end - tensor->begin};
	}
	dense->pieces = pieces;
	dense->piece_count = file->count + 1;
	dense->size = file->header_size + file->data_size;
	return CAIRN_OK;
}

static struct segment_target target_of(const struct exporter *exporter)
{
	const struct cairn_convert_options *const options = exporter->options;

	return (struct segment_target){
		.thread_count = options->thread_count == 0 ? SEGMENT_THREADS_DEFAULT
							   : options->thread_count,
		.progress = options->progress,
		.progress_context = options->progress_context,
		.path = exporter->path,
		.done_before = exporter->written,
		.total = exporter->plan.total_size,
	};
}

static enum cairn_status begin_file(struct exporter *exporter, const char *name, uint64_t size,
				    struct cairn_error *error)
{
	struct draft *const draft = &exporter->drafts[exporter->draft_count];
	const enum cairn_status status = draft_create(&exporter->folder, name,
						      size >= DIRECT_SIZE_MIN, draft, error);

	if (status != CAIRN_OK)
		return of_target(exporter, status, error);
	exporter->draft_count++;
	return CAIRN_OK;
}

/* The content is the digest of a chain: of what it was before and of the file's segments. */
static void note_content(struct exporter *exporter, uint8_t *digests, uint64_t count)
{
	memcpy(digests, exporter->content.bytes, DIGEST_SIZE);
	exporter->content = digest_bytes(digests, (count + 1) * DIGEST_SIZE);
}

static enum cairn_status write_file(struct exporter *exporter, const struct planned_file *file,
				    const char *name, struct cairn_error *error)
{
	const struct segment_target target = target_of(exporter);
	struct file_job job = {.exporter = exporter, .file = file};
	struct dense_file dense = {.fill = fill, .context = &job};
	uint8_t *digests = NULL;
	enum cairn_status status = lay_out(exporter, file, &dense, error);

	if (status == CAIRN_OK && exporter->is_sharded) {
		digests = arena_allocate_array(&exporter->arena, dense_segment_count(&dense) + 1,
					       DIGEST_SIZE);
		if (digests == NULL)
			return error_set_memory(error, "the digests of a file");
		job.digests = digests + DIGEST_SIZE;
		dense.seal_segment = digest_segment;
	}
	if (status == CAIRN_OK)
		status = begin_file(exporter, name, dense.size, error);
	if (status == CAIRN_OK)
		status = dense_file_write(&dense, &exporter->drafts[exporter->draft_count - 1],
					  &target, error);
	if (status == CAIRN_OK && digests != NULL)
		note_content(exporter, digests, dense_segment_count(&dense));
	exporter->written += dense.size;
	return status;
}

static enum cairn_status write_files(struct exporter *exporter, struct cairn_error *error)
{
	enum cairn_status status = report_progress(exporter, error);

	for (uint32_t i = 0; i < exporter->plan.file_count && status == CAIRN_OK; i++) {
		char name[SYSTEM_NAME_SIZE];

		if (exporter->is_sharded)
			shard_name(&exporter->names, i, name);
		else
			memcpy(name, exporter->target, sizeof(name));
		status = write_file(exporter, &exporter->plan.files[i], name, error);
	}
	return status;
}

/* ------------------------------------------------------------------------------------ the index */

/* Names of the shards as they will be, also in their drafts. */
static enum cairn_status name_shards(struct exporter *exporter, struct cairn_string **result,
				     struct cairn_error *error)
{
	const uint32_t count = exporter->plan.file_count;
	struct cairn_string *const names = arena_allocate_array(&exporter->arena, count,
								sizeof(*names));

	if (names == NULL)
		return error_set_memory(error, "the names of the shards");
	for (uint32_t i = 0; i < count; i++) {
		shard_name(&exporter->names, i, exporter->drafts[i].target);
		names[i] = cairn_string_from(exporter->drafts[i].target);
	}
	*result = names;
	return CAIRN_OK;
}

static enum cairn_status make_entries(struct exporter *exporter, struct safetensors_index *index,
				      struct cairn_error *error)
{
	const struct safetensors_plan *const plan = &exporter->plan;

	index->entry_count = plan->count;
	index->entries = arena_allocate_array(&exporter->arena, plan->count,
					      sizeof(*index->entries));
	if (index->entries == NULL)
		return error_set_memory(error, "the index");
	for (uint32_t i = 0; i < plan->file_count; i++) {
		const struct planned_file *const file = &plan->files[i];

		for (uint64_t at = file->first; at < file->first + file->count; at++)
			index->entries[at] = (struct safetensors_index_entry){
				plan->tensors[at].name, i};
	}
	return CAIRN_OK;
}

static enum cairn_status make_index(struct exporter *exporter, char **json, uint64_t *size,
				    struct cairn_error *error)
{
	struct safetensors_index index = {
		.shard_count = exporter->plan.file_count,
		.has_total_size = true,
		.total_size = exporter->plan.data_size,
	};
	enum cairn_status status = name_shards(exporter, &index.shards, error);

	if (status == CAIRN_OK)
		status = make_entries(exporter, &index, error);
	if (status == CAIRN_OK)
		status = safetensors_index_write(&exporter->arena, &index, json, size, error);
	return status;
}

static enum cairn_status write_index(struct exporter *exporter, struct cairn_error *error)
{
	char *json = NULL;
	uint64_t size = 0;
	enum cairn_status status = CAIRN_OK;

	if (exporter->options->replace)
		status = shard_names_choose(&exporter->names, &exporter->folder, &exporter->content,
					    error);
	if (status == CAIRN_OK)
		status = make_index(exporter, &json, &size, error);
	if (status != CAIRN_OK)
		return of_target(exporter, status, error);
	status = begin_file(exporter, exporter->target, size, error);
	if (status == CAIRN_OK)
		status = of_target(exporter,
				   draft_write_file(&exporter->drafts[exporter->draft_count - 1],
						    (const uint8_t *)json, size, error),
				   error);
	exporter->written += size;
	exporter->plan.total_size += size;
	return status == CAIRN_OK ? report_progress(exporter, error) : status;
}

/* ------------------------------------------------------------------------------------ all of it */

/* Tells early what publishing would refuse late. Publishing decides: another writer may come
 * between. */
static enum cairn_status check_target(const struct exporter *exporter, struct cairn_error *error)
{
	struct system_status found;
	char taken[SYSTEM_NAME_SIZE];

	if (system_status_at(exporter->system, exporter->folder.fd, exporter->target, false,
			     &found) == 0) {
		if (found.kind == SYSTEM_DIRECTORY)
			return error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET,
					 "a directory is there already");
		if (!exporter->options->replace)
			return error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET,
					 "it is there already");
	}
	if (exporter->is_sharded && !exporter->options->replace &&
	    shard_names_taken(&exporter->names, &exporter->folder, taken))
		return error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET, "%s is there already",
				 quote(cairn_string_from(taken)).text);
	return CAIRN_OK;
}

static enum cairn_status open_target(struct exporter *exporter, struct cairn_error *error)
{
	const uint32_t file_count = exporter->plan.file_count;
	enum cairn_status status = folder_open(exporter->system, exporter->path, &exporter->folder,
					       exporter->target, error);

	if (status == CAIRN_OK && exporter->is_sharded)
		status = shard_names_init(&exporter->names, exporter->target, file_count, error);
	if (status == CAIRN_OK)
		status = check_target(exporter, error);
	if (status != CAIRN_OK)
		return of_target(exporter, status, error);
	exporter->drafts = arena_allocate_array(&exporter->arena, (uint64_t)file_count + 1,
						sizeof(struct draft));
	return exporter->drafts == NULL ? error_set_memory(error, "the table of files") : CAIRN_OK;
}

/* That what dead writers left cannot be removed is no reason not to write. */
static void sweep_target(struct exporter *exporter)
{
	struct sweep_counts counts = {0};

	(void)folder_sweep(&exporter->folder, &counts, NULL);
}

static enum cairn_status publish_all(struct exporter *exporter, struct cairn_error *error)
{
	struct old_shards old = {0};
	const bool replace = exporter->options->replace != 0;
	const uint32_t count = exporter->draft_count;
	enum cairn_status status;

	if (exporter->is_sharded && replace)
		old_shards_read(&old, &exporter->folder, exporter->target, &exporter->arena);
	exporter->draft_count = 0; /* publish closes them whatever it returns */
	status = publish(exporter->drafts, count, replace, error);
	if (status == CAIRN_OK)
		old_shards_remove(&old, &exporter->folder, &exporter->names);
	return of_target(exporter, status, error);
}

static enum cairn_status make_plan(struct exporter *exporter, struct cairn_error *error)
{
	const struct cairn_convert_options *const options = exporter->options;
	struct safetensors_plan *const plan = &exporter->plan;
	uint64_t size_max = options->shard_size_max;
	enum cairn_status status;

	if (exporter->is_sharded && size_max == 0)
		size_max = SHARD_SIZE_DEFAULT;
	status = safetensors_plan_make(exporter->reader, options->drop, size_max, &exporter->arena,
				       plan, error);
	if (status != CAIRN_OK)
		return status;
	if (!exporter->is_sharded && plan->file_count > 1)
		status = error_set(
			error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
			"%" PRIu32 " files of at most %" PRIu64
			" bytes are needed: write to a path that ends in " SAFETENSORS_INDEX_SUFFIX,
			plan->file_count, size_max);
	else if (exporter->is_sharded && plan->count == 0)
		status = error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				   "a sharded set without tensors cannot be written");
	return of_target(exporter, status, error);
}

/* What the index would take: names of shards have one size for all. */
static enum cairn_status measure_index(struct exporter *exporter, struct cairn_error *error)
{
	struct cairn_convert_report *const report = exporter->options->report;
	char *json = NULL;
	uint64_t size = 0;
	enum cairn_status status;

	for (uint32_t i = 0; i < exporter->plan.file_count; i++)
		exporter->drafts[i] = (struct draft){.fd = -1};
	status = make_index(exporter, &json, &size, error);
	report->bytes += size;
	report->file_count++;
	return status;
}

static void report_plan(const struct exporter *exporter)
{
	struct cairn_convert_report *const report = exporter->options->report;
	const struct safetensors_plan *const plan = &exporter->plan;
	struct cairn_reader_info info = {.size = sizeof(info)};

	cairn_reader_info(exporter->reader, &info);
	report->file_count = plan->file_count;
	report->bytes = plan->total_size;
	report->metadata_count = plan->metadata_count;
	report->metadata_dropped = info.metadata_count - plan->metadata_count;
	report->alignment_dropped = info.alignment > CONTAINER_ALIGNMENT_MIN ? info.alignment : 0;
	for (uint64_t i = 0; i < plan->count; i++) {
		struct cairn_tensor tensor;

		if (cairn_reader_tensor_at(exporter->reader, plan->numbers[i], &tensor, NULL) ==
		    CAIRN_OK)
			report->slices_joined += tensor.slice_count > 1;
	}
}

static enum cairn_status run(struct exporter *exporter, struct cairn_error *error)
{
	enum cairn_status status = make_plan(exporter, error);

	if (status != CAIRN_OK)
		return status;
	report_plan(exporter);
	status = open_target(exporter, error);
	if (status == CAIRN_OK && exporter->is_sharded)
		status = measure_index(exporter, error);
	if (status != CAIRN_OK || exporter->options->dry_run != 0)
		return status;
	sweep_target(exporter);
	status = write_files(exporter, error);
	if (status == CAIRN_OK && exporter->is_sharded)
		status = write_index(exporter, error);
	return status == CAIRN_OK ? publish_all(exporter, error) : status;
}

enum cairn_status export_safetensors(const struct cairn_reader *reader, const char *path,
				     const struct cairn_convert_options *options,
				     struct cairn_error *error)
{
	struct exporter exporter = {
		.reader = reader,
		.system = reader->system,
		.path = path,
		.options = options,
		.is_sharded = path_ends_with(path, SAFETENSORS_INDEX_SUFFIX),
		.folder = {.fd = -1},
	};
	enum cairn_status status;

	arena_init(&exporter.arena, reader_arena_source(reader->system), ARENA_SIZE_MAX);
	status = run(&exporter, error);
	for (uint32_t i = 0; i < exporter.draft_count; i++)
		draft_discard(&exporter.drafts[i]);
	folder_close(&exporter.folder);
	arena_fini(&exporter.arena);
	return status;
}
