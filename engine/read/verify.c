/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking a whole checkpoint.
 *
 * Works with the same code as every read: the pages' digests and agreement are what open checked,
 * and are checked again on a fresh copy; then every index block and record, every chunk of every
 * slice, read from the file and not from what is remembered; then the rest of the file
 * (verify_rest.c).
 */
#include "engine/read/verify.h"

#include <inttypes.h>

#include "engine/read/stored.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"

/* ------------------------------------------------------------------------------------ reporting */

/* Statuses that say something about the checkpoint; the others say that it could not be found out.
 */
static bool is_finding(enum cairn_status status)
{
	return status == CAIRN_CORRUPT || status == CAIRN_CHECKSUM || status == CAIRN_TRUNCATED ||
	       status == CAIRN_UNSUPPORTED || status == CAIRN_LIMIT;
}

static const char *file_name(const struct cairn_reader *reader, uint32_t shard)
{
	return reader->files[shard < reader->first_file ? reader->first_file : shard].name;
}

enum cairn_status verify_report(struct verification *verification,
				const struct cairn_problem *problem, struct cairn_error *error)
{
	verification->report.problem_count++;
	if (verification->options.on_problem == NULL ||
	    verification->options.on_problem(verification->options.problem_context, problem) == 0)
		return CAIRN_OK;
	return error_set(error, CAIRN_CANCELLED, CAIRN_ERROR_NO_OFFSET,
			 "cancelled after %" PRIu64 " problems",
			 verification->report.problem_count);
}

/* A failed check of something that is no chunk: reported when it is a finding, else the end. */
static enum cairn_status report_problem(struct verification *verification, enum cairn_status status,
					const struct cairn_error *found, struct cairn_string tensor,
					const char *file, struct cairn_error *error)
{
	const struct cairn_problem problem = {
		.code = status,
		.file = file,
		.tensor = tensor,
		.chunk = CAIRN_NO_CHUNK,
		.offset = found->offset == CAIRN_ERROR_NO_OFFSET ? CAIRN_NO_OFFSET : found->offset,
		.message = found->message,
	};

	if (is_finding(status))
		return verify_report(verification, &problem, error);
	if (error != NULL)
		*error = *found;
	return status;
}

enum cairn_status verify_report_failure(struct verification *verification, enum cairn_status status,
					const struct cairn_error *found, struct cairn_string tensor,
					struct cairn_error *error)
{
	const struct cairn_reader *const reader = verification->reader;

	return report_problem(verification, status, found, tensor,
			      file_name(reader, reader->first_file), error);
}

static enum cairn_status report_in_file(struct verification *verification, enum cairn_status status,
					const struct cairn_error *found, const char *file,
					struct cairn_error *error)
{
	return report_problem(verification, status, found, (struct cairn_string){NULL, 0}, file,
			      error);
}

static enum cairn_status advance(struct verification *verification, uint64_t bytes,
				 struct cairn_error *error)
{
	const struct cairn_verify_options *const options = &verification->options;

	verification->bytes_done += bytes;
	if (options->progress == NULL ||
	    options->progress(options->progress_context, verification->bytes_done,
			      verification->bytes_total) == 0)
		return CAIRN_OK;
	return error_set(error, CAIRN_CANCELLED, CAIRN_ERROR_NO_OFFSET,
			 "cancelled after %" PRIu64 " bytes", verification->bytes_done);
}

bool verify_make_room(struct verification *verification, uint64_t size)
{
	struct system *const system = verification->reader->system;

	if (verification->buffer_size >= size)
		return true;
	system_free(system, verification->buffer);
	verification->buffer = system_allocate(system, size);
	verification->buffer_size = verification->buffer == NULL ? 0 : size;
	return verification->buffer != NULL;
}

/* ------------------------------------------------------------------------------------ structure */

/* Header and footer as they are in the file now, and the footer's copy. */
static enum cairn_status check_pages(const struct cairn_reader *reader, struct cairn_error *error)
{
	const struct file *const file = &reader->files[0];
	uint8_t header_page[CONTAINER_PAGE_SIZE];
	uint8_t footer_page[CONTAINER_PAGE_SIZE];
	uint8_t copy[CONTAINER_PAGE_SIZE];
	struct container_header header;
	struct container_footer footer;
	const uint64_t copy_offset = container_footer_copy_offset(&reader->footer);
	enum cairn_status status;

	if ((status = file_read(file, 0, header_page, sizeof(header_page), error)) != CAIRN_OK ||
	    (status = file_read(file, file->size - sizeof(footer_page), footer_page,
				sizeof(footer_page), error)) != CAIRN_OK ||
	    (status = file_read(file, copy_offset, copy, sizeof(copy), error)) != CAIRN_OK ||
	    (status = container_header_decode(header_page, &header, error)) != CAIRN_OK ||
	    (status = container_footer_decode(footer_page, file->size, header_page, &header,
					      &footer, error)) != CAIRN_OK)
		return status;
	if (memcmp(copy, footer_page, sizeof(copy)) != 0)
		return error_set(error, CAIRN_CORRUPT, copy_offset,
				 "the copy of the footer at offset %" PRIu64
				 " differs from the footer",
				 copy_offset);
	return CAIRN_OK;
}

/* All blocks as they are in the file now, whatever was read before. */
static enum cairn_status check_index_blocks(const struct cairn_reader *reader,
					    struct cairn_error *error)
{
	struct index fresh = reader->index;
	uint8_t *const image = system_allocate(reader->system, reader->footer.index_size);
	_Atomic uint8_t *const states = system_allocate_zeroed(reader->system,
							       fresh.tree.block_count + 1);
	enum cairn_status status;

	if (image == NULL || states == NULL)
		status = error_set_memory(error, "the index");
	else
		status = file_read(&reader->files[0], reader->footer.index_offset, image,
				   reader->footer.index_size, error);
	if (status == CAIRN_OK) {
		fresh.image = image;
		fresh.block_states = states;
		fresh.prepare = NULL;
		status = index_verify_all_blocks(&fresh, error);
	}
	system_free(reader->system, states);
	system_free(reader->system, image);
	return status;
}

static enum cairn_status check_structure(struct verification *verification,
					 struct cairn_error *error)
{
	const struct cairn_reader *const reader = verification->reader;
	const struct cairn_string no_tensor = {NULL, 0};
	const bool is_container = reader->first_file == 0;
	struct cairn_error found = {.offset = CAIRN_ERROR_NO_OFFSET};
	enum cairn_status status = is_container ? check_pages(reader, &found) : CAIRN_OK;

	if (status != CAIRN_OK) {
		status = verify_report_failure(verification, status, &found, no_tensor, error);
		if (status != CAIRN_OK)
			return status;
	}
	found.offset = CAIRN_ERROR_NO_OFFSET;
	status = is_container ? check_index_blocks(reader, &found) : CAIRN_OK;
	if (status == CAIRN_OK)
		status = reader_check_index(reader, &found);
	if (status == CAIRN_UNSUPPORTED)
		status = CAIRN_OK; /* sound; what is unknown shows with its tensor */
	verification->index_is_sound = status == CAIRN_OK;
	return status == CAIRN_OK
		       ? CAIRN_OK
		       : verify_report_failure(verification, status, &found, no_tensor, error);
}

/* --------------------------------------------------------------------------------------- chunks */

static enum cairn_status report_chunk(struct verification *verification,
				      const struct stored *stored, uint64_t chunk,
				      const struct chunk_check *check, struct cairn_error *error)
{
	struct cairn_problem problem = {
		.code = check->status,
		.file = file_name(verification->reader, stored->shard),
		.tensor = stored->tensor,
		.chunk = chunk,
		.offset = stored_chunk_offset(stored, chunk),
		.has_digests = check->status == CAIRN_CHECKSUM &&
			       !digest_equal(&check->digests.expected, &check->digests.found),
		.message = check->error.message,
	};

	if (problem.has_digests) {
		problem.expected = check->digests.expected;
		problem.found = check->digests.found;
	}
	return verify_report(verification, &problem, error);
}

/* Chunks that do not share bytes take no more than the files have. More would let a small index
 * ask for any amount of work: the one that goes over is no longer read, nor what follows. How many
 * of the next `count` are read. */
static uint32_t claim_chunks(struct verification *verification, const struct stored *stored,
			     uint64_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		verification->bytes_claimed += stored_chunk_stored_size(stored, first + i);
		if (verification->bytes_claimed > verification->bytes_total)
			return i;
	}
	return count;
}

static enum cairn_status report_sharing(struct verification *verification,
					const struct cairn_string *tensor,
					struct cairn_error *error)
{
	struct cairn_error found;

	error_set(&found, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
		  "up to here chunks take %" PRIu64 " bytes of the %" PRIu64
		  " of all files: some share bytes, and no other is read",
		  verification->bytes_claimed, verification->bytes_total);
	return verify_report_failure(verification, CAIRN_CORRUPT, &found, *tensor, error);
}

/* Chunks may have been looked at in any order: this is called in theirs. */
static enum cairn_status settle_chunk(struct verification *verification,
				      const struct stored *stored, uint64_t chunk,
				      const struct chunk_check *check, struct cairn_error *error)
{
	if (check->status == CAIRN_OK) {
		if (stored->record.digest_kind != DIGEST_NONE)
			verification->report.bytes += stored_chunk_length(stored, chunk);
		return advance(verification, stored_chunk_stored_size(stored, chunk), error);
	}
	if (is_finding(check->status))
		return report_chunk(verification, stored, chunk, check, error);
	if (error != NULL)
		*error = check->error;
	return check->status;
}

static enum cairn_status check_some_chunks(struct verification *verification,
					   const struct stored *stored, uint64_t first,
					   uint32_t count, struct cairn_error *error)
{
	struct chunk_checker *const checker = &verification->checker;
	enum cairn_status status = chunk_checker_run(checker, stored, first, count, error);

	for (uint32_t i = 0; i < count && status == CAIRN_OK; i++)
		status = settle_chunk(verification, stored, first + i, &checker->checks[i], error);
	return status;
}

static enum cairn_status check_chunks(struct verification *verification,
				      const struct stored *stored, struct cairn_error *error)
{
	const uint64_t chunks = divide_up(stored->record.size, stored->record.chunk_size);
	enum cairn_status status = CAIRN_OK;

	for (uint64_t first = 0; first < chunks && status == CAIRN_OK; first += VERIFY_CHUNKS_MAX) {
		const uint64_t left = chunks - first;
		const uint32_t count = left < VERIFY_CHUNKS_MAX ? (uint32_t)left
								: VERIFY_CHUNKS_MAX;
		uint32_t claimed;

		if (verification->bytes_claimed > verification->bytes_total)
			return CAIRN_OK;
		claimed = claim_chunks(verification, stored, first, count);
		status = check_some_chunks(verification, stored, first, claimed, error);
		if (status == CAIRN_OK && claimed < count)
			status = report_sharing(verification, &stored->tensor, error);
	}
	return status;
}

/* One check over all bytes of a slice, in place of digests. */
static enum cairn_status check_foreign(struct verification *verification,
				       const struct stored *stored, struct cairn_error *error)
{
	struct cairn_error found = {.offset = CAIRN_ERROR_NO_OFFSET};
	struct cairn_problem problem = {
		.file = file_name(verification->reader, stored->shard),
		.tensor = stored->tensor,
		.chunk = CAIRN_NO_CHUNK,
		.offset = stored->in_one_piece ? stored->offset : CAIRN_NO_OFFSET,
		.message = found.message,
	};

	problem.code = stored_foreign_check(stored, &problem.expected_crc, &problem.found_crc,
					    &found);
	if (problem.code == CAIRN_OK) {
		verification->report.bytes += stored->record.size;
		return advance(verification, stored->record.size, error);
	}
	if (!is_finding(problem.code)) {
		if (error != NULL)
			*error = found;
		return problem.code;
	}
	if (problem.code == CAIRN_CHECKSUM && problem.found_crc != problem.expected_crc)
		problem.crc_kind = CAIRN_CRC_32C;
	return verify_report(verification, &problem, error);
}

static enum cairn_status check_slice(struct verification *verification,
				     const struct cairn_tensor *tensor, uint64_t number,
				     struct cairn_error *error)
{
	struct cairn_error found = {.offset = CAIRN_ERROR_NO_OFFSET};
	struct stored stored;
	enum cairn_status status;

	status = stored_open(verification->reader, number, tensor->name, &stored, &found);
	if (status != CAIRN_OK)
		return verify_report_failure(verification, status, &found, tensor->name, error);
	if (stored_has_foreign_check(&stored))
		return check_foreign(verification, &stored, error);
	if (stored.record.digest_kind == DIGEST_NONE && stored.record.size != 0)
		verification->report.structure_only = 1;
	if (stored.record.digest_kind == DIGEST_NONE && !stored.by_chunk)
		return advance(verification, stored.record.size, error);
	return check_chunks(verification, &stored, error);
}

/* The texts of a string tensor: end offsets in order, as many bytes as the last says. */
static enum cairn_status check_strings(struct verification *verification,
				       const struct cairn_tensor *tensor, struct cairn_error *error)
{
	struct cairn_error found = {.offset = CAIRN_ERROR_NO_OFFSET};
	struct cairn_view view = {0};
	struct cairn_string string;
	uint64_t total = tensor->element_count * sizeof(uint64_t);
	enum cairn_status status;

	status = cairn_tensor_view(tensor, &view, &found);
	for (uint64_t i = 0; status == CAIRN_OK && i < tensor->element_count; i++) {
		status = cairn_view_string(tensor, &view, i, &string, &found);
		if (status == CAIRN_OK)
			total += string.size;
	}
	if (status == CAIRN_OK && total != tensor->size)
		status = error_set(&found, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				   "%" PRIu64 " bytes of strings instead of %" PRIu64, total,
				   tensor->size);
	cairn_view_release(&view);
	return status == CAIRN_OK
		       ? CAIRN_OK
		       : verify_report_failure(verification, status, &found, tensor->name, error);
}

static enum cairn_status check_tensor(struct verification *verification, uint64_t number,
				      struct cairn_error *error)
{
	const struct cairn_reader *const reader = verification->reader;
	const uint64_t problems_before = verification->report.problem_count;
	struct tensor_record record;
	struct cairn_tensor tensor;
	struct cairn_error found = {.offset = CAIRN_ERROR_NO_OFFSET};
	enum cairn_status status;

	status = index_tensor(&reader->index, number, &record, &found);
	if (status == CAIRN_OK)
		status = reader_describe(reader, number, &record, &tensor, &found);
	if (status != CAIRN_OK)
		return verify_report_failure(verification, status, &found,
					     (struct cairn_string){NULL, 0}, error);
	status = index_tensor_supported(&record, &found);
	if (status != CAIRN_OK)
		return verify_report_failure(verification, status, &found, tensor.name, error);
	for (uint32_t i = 0; i < record.slice_count && status == CAIRN_OK; i++)
		status = check_slice(verification, &tensor, record.slice_index + i, error);
	if (status == CAIRN_OK && tensor.block_bytes == 0 && tensor.dtype != CAIRN_NULL &&
	    verification->report.problem_count == problems_before)
		status = check_strings(verification, &tensor, error);
	return status;
}

static uint64_t total_bytes(const struct cairn_reader *reader)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < reader->file_count; i++)
		total += reader->files[i].size;
	return total;
}

/* ------------------------------------------------------------------------------------- siblings */

/* A shard as a checkpoint of its own: what it says about itself, beside what the index says about
 * it. */
/* The file of a shard once more, from its descriptor or, where none was kept, from its folder. */
static enum cairn_status open_shard_file(const struct cairn_reader *reader, uint32_t shard,
					 struct file *file, struct cairn_error *error)
{
	const struct file *const sibling = &reader->files[shard];
	struct file_place place = {
		.path = sibling->name, .name = sibling->name, .flags = SYSTEM_NO_FOLLOW};
	enum cairn_status status;

	if (sibling->fd >= 0) {
		status = file_open_fd(reader->system, sibling->fd, 0, 0, file, error);
		if (status == CAIRN_OK)
			file->name = sibling->name;
		return status;
	}
	place.directory = system_open(reader->system, SYSTEM_CWD, reader->folder,
				      SYSTEM_WANT_DIRECTORY);
	if (place.directory < 0)
		return error_set_system(error, place.directory, "cannot open the folder");
	status = file_open(reader->system, &place, file, error);
	system_close(reader->system, place.directory);
	return status;
}

static enum cairn_status open_shard_alone(const struct cairn_reader *reader, uint32_t shard,
					  struct cairn_reader *alone, struct cairn_error *error)
{
	uint8_t page[CONTAINER_PAGE_SIZE];
	struct file file;
	enum cairn_status status;

	status = open_shard_file(reader, shard, &file, error);
	if (status != CAIRN_OK)
		return status;
	if (file.size < sizeof(page))
		status = error_set(error, CAIRN_TRUNCATED, CAIRN_ERROR_NO_OFFSET, "it was cut off");
	else
		status = file_read(&file, 0, page, sizeof(page), error);
	if (status == CAIRN_OK)
		return open_container_alone(alone, &file, page, error);
	file_close(&file);
	return status;
}

static enum cairn_status check_shard_alone(struct verification *verification,
					   struct cairn_reader *alone, struct cairn_error *error)
{
	struct verification inner = {.reader = alone, .options = verification->options};
	enum cairn_status status;

	inner.options.progress = NULL; /* its bytes were counted with the tensors */
	status = check_structure(&inner, error);
	if (status == CAIRN_OK && inner.index_is_sound)
		status = verify_rest_of_container(&inner, error);
	verification->report.problem_count += inner.report.problem_count;
	system_free(alone->system, inner.buffer);
	return status;
}

/* Its content id, its pages, its own index, its padding. Its data were read through the index. */
static enum cairn_status check_shard(struct verification *verification, uint32_t shard,
				     struct cairn_error *error)
{
	const struct cairn_reader *const reader = verification->reader;
	struct cairn_reader *const alone = reader_create(reader->system, NULL);
	struct cairn_error found = {.offset = CAIRN_ERROR_NO_OFFSET};
	enum cairn_status status;

	if (alone == NULL)
		return error_set_memory(error, "a reader");
	alone->name = reader->files[shard].name;
	status = reader_use_shard(reader, shard, &found);
	if (status == CAIRN_OK)
		status = open_shard_alone(reader, shard, alone, &found);
	if (status == CAIRN_OK)
		status = check_shard_alone(verification, alone, error);
	else
		status = report_in_file(verification, status, &found, alone->name, error);
	cairn_reader_close(alone);
	return status;
}

static enum cairn_status check_shards(struct verification *verification, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 1; i < verification->reader->file_count && status == CAIRN_OK; i++)
		status = check_shard(verification, i, error);
	return status;
}

/* ------------------------------------------------------------------------------------ all of it */

static enum cairn_status verify(struct verification *verification, struct cairn_error *error)
{
	const struct index *const index = &verification->reader->index;
	const uint64_t records = index->tensor_count + index->metadata_count;
	enum cairn_status status;

	status = check_structure(verification, error);
	if (status != CAIRN_OK || !verification->index_is_sound)
		return status; /* what a damaged index says about data means nothing */
	for (uint64_t i = 0; i < records && status == CAIRN_OK; i++)
		status = check_tensor(verification, i, error);
	if (status != CAIRN_OK || verification->reader->first_file != 0)
		return status;
	status = verify_rest_of_container(verification, error);
	return status == CAIRN_OK ? check_shards(verification, error) : status;
}

enum cairn_status cairn_reader_verify(const struct cairn_reader *reader,
				      const struct cairn_verify_options *options,
				      struct cairn_verify_report *result, struct cairn_error *error)
{
	struct verification verification = {
		.reader = reader,
		.checker = {.system = reader->system},
		.report = {.tensor_count = reader->index.tensor_count,
			   .structure_only = !reader_has_digests(reader)},
		.bytes_total = total_bytes(reader),
	};
	enum cairn_status status;

	if (options != NULL && options->size != 0 && options->size < sizeof(*options))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "verify options of %zu bytes, not %zu", options->size,
				 sizeof(*options));
	if (options != NULL)
		verification.options = *options;
	status = verify(&verification, error);
	system_free(reader->system, verification.buffer);
	chunk_checker_free(&verification.checker);
	if (status != CAIRN_OK)
		return reader_error(reader, status, error);
	*result = verification.report;
	return CAIRN_OK;
}
