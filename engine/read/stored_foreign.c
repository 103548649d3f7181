/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slices as foreign formats store them: one check over all of a slice's bytes in place of digests
 * of its chunks, and bytes that have to be changed before they are handed out.
 *
 * A check is made once, by the first who needs a byte of the slice, over all of it; the answer is
 * remembered, also for slices that are copied each time: else a large tensor that is read piece by
 * piece would be read whole for each of them.
 */
#include <assert.h>
#include <inttypes.h>

#include "engine/read/file_window.h"
#include "engine/read/stored.h"
#include "format/bytes.h"
#include "format/crc32c.h"
#include "format/error.h"
#include "format/tensorflow_v1.h"
#include "format/tensorflow_values.h"
#include "format/varint.h"

/* Bytes that are read and looked at at a time. */
#define STEP_SIZE ((uint64_t)4 << 20)

/* Below this a pread costs less than asking for residency and populating. */
#define SMALL_SIZE ((uint64_t)64 << 10)

#define WORD_SIZE_MAX 8u

static bool is_values(const struct slice_record *record)
{
	return record->transform == TRANSFORM_TENSORFLOW_STRING ||
	       record->transform == TRANSFORM_TENSORFLOW_VARIANT;
}

static bool transform_is_known(const struct slice_record *record)
{
	const uint64_t value = record->transform_value;

	switch (record->transform) {
	case TRANSFORM_NONE:
	case TRANSFORM_TENSORFLOW_STRING:
	case TRANSFORM_TENSORFLOW_VARIANT:
	case TRANSFORM_TENSORFLOW_STRING_FIELDS:
		return true;
	case TRANSFORM_SWAP:
		return is_power_of_two(value) && value <= WORD_SIZE_MAX;
	case TRANSFORM_PACKED_VARINT:
		return v1_varint_width(value) != 0;
	default:
		return false;
	}
}

static bool check_is_known(const struct slice_record *record)
{
	const bool crc_of_values = record->check_kind == CHECK_TENSORFLOW_STRING_CRC ||
				   record->check_kind == CHECK_TENSORFLOW_VARIANT_CRC;

	return crc_of_values == is_values(record) && record->check_kind != CHECK_ZIP_CRC32 &&
	       record->check_kind <= CHECK_CRC32C_AT_OPEN;
}

enum cairn_status stored_foreign_known(const struct slice_record *record, struct cairn_error *error)
{
	if (!transform_is_known(record))
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "unknown element transform %d", record->transform);
	if (record->digest_kind > DIGEST_XXH3_128)
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "unknown digest kind %d", record->digest_kind);
	if (!check_is_known(record))
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "unknown check kind %d", record->check_kind);
	return CAIRN_OK;
}

/* ---------------------------------------------------------------------- values of variable size */

static struct values values_of(const struct stored *stored, struct file_window *window)
{
	return (struct values){
		.count = stored->record.transform_value / 2,
		.stored_size = stored->stored_size,
		.is_variant = stored->record.transform == TRANSFORM_TENSORFLOW_VARIANT,
		.big_endian = stored->record.transform_value % 2 != 0,
		.read = file_window_read,
		.context = window,
	};
}

static enum cairn_status open_window(const struct stored *stored, struct file_window *window,
				     struct cairn_error *error)
{
	const uint64_t size = stored->stored_size;

	if (!stored->in_one_piece && size != 0)
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "strings that are stored in several pieces");
	if (!file_window_open(window, &stored->reader->files[stored->shard],
			      size < VALUES_READ_MAX ? size : VALUES_READ_MAX))
		return error_set_memory(error, "a piece of a tensor");
	file_window_move(window, stored->offset, size);
	return CAIRN_OK;
}

static enum cairn_status crc_of_values(const struct stored *stored, uint32_t *crc,
				       struct cairn_error *error)
{
	struct file_window window;
	struct values values;
	enum cairn_status status = open_window(stored, &window, error);

	if (status != CAIRN_OK)
		return status;
	values = values_of(stored, &window);
	status = values_check(&values, crc, error);
	file_window_close(&window);
	return status;
}

static enum cairn_status copy_string_fields(const struct stored *stored, uint64_t offset,
					    uint64_t size, uint8_t *buffer,
					    struct cairn_error *error)
{
	struct file_window window;
	struct values values;
	enum cairn_status status = open_window(stored, &window, error);

	if (status == CAIRN_OK) {
		values = (struct values){
			.count = stored->record.transform_value,
			.stored_size = stored->stored_size,
			.read = file_window_read,
			.context = &window,
		};
		status = v1_copy_strings(&values, stored->record.size, offset, size, buffer, error);
		file_window_close(&window);
	}
	return status == CAIRN_OK ? status : stored_located(stored, status, error);
}

static enum cairn_status copy_values(const struct stored *stored, uint64_t offset, uint64_t size,
				     uint8_t *buffer, struct cairn_error *error)
{
	struct file_window window;
	struct values values;
	enum cairn_status status = open_window(stored, &window, error);

	if (status == CAIRN_OK) {
		values = values_of(stored, &window);
		status = values_copy(&values, stored->record.size, offset, size, buffer, error);
		file_window_close(&window);
	}
	return status == CAIRN_OK ? status : stored_located(stored, status, error);
}

/* ----------------------------------------------------------------------------------------- CRCs */

/* The pages are in memory: looks at them where they are mapped. */
static bool is_worth_mapping(const struct stored *stored, uint64_t offset, uint64_t size)
{
	const struct file *const file = &stored->reader->files[stored->shard];

	return size > SMALL_SIZE && stored_is_mapped(stored) &&
	       file_is_resident(file, stored->offset + offset, size);
}

static enum cairn_status extend_crc(const struct stored *stored, uint64_t offset, uint64_t size,
				    uint8_t *buffer, uint32_t *crc, struct cairn_error *error)
{
	const struct file *const file = &stored->reader->files[stored->shard];
	const uint8_t *bytes = buffer;
	enum cairn_status status;

	if (is_worth_mapping(stored, offset, size)) {
		bytes = stored_address(stored, offset);
		status = file_prepare(file, stored->offset + offset, size, error);
	} else {
		status = stored_read_extents(stored, offset, size, buffer, error);
	}
	if (status == CAIRN_OK)
		*crc = crc32c_extend(*crc, bytes, size);
	return status;
}

static enum cairn_status crc_of_bytes(const struct stored *stored, uint32_t *crc,
				      struct cairn_error *error)
{
	struct system *const system = stored->reader->system;
	const uint64_t total = stored->stored_size;
	uint8_t *const buffer = system_allocate(system, total < STEP_SIZE ? total : STEP_SIZE);
	enum cairn_status status = CAIRN_OK;

	if (buffer == NULL)
		return error_set_memory(error, "a piece of a tensor");
	*crc = 0;
	for (uint64_t done = 0; done < total && status == CAIRN_OK; done += STEP_SIZE) {
		const uint64_t size = total - done < STEP_SIZE ? total - done : STEP_SIZE;

		status = extend_crc(stored, done, size, buffer, crc, error);
	}
	system_free(system, buffer);
	return status;
}

enum cairn_status stored_foreign_check(const struct stored *stored, uint32_t *expected,
				       uint32_t *found, struct cairn_error *error)
{
	enum cairn_status status;

	*found = 0;
	*expected = (uint32_t)stored->record.check_value;
	status = is_values(&stored->record) ? crc_of_values(stored, found, error)
					    : crc_of_bytes(stored, found, error);
	if (status == CAIRN_OK && *found != *expected)
		status = error_set(error, CAIRN_CHECKSUM, stored->offset,
				   "%" PRIu64 " bytes at offset %" PRIu64 " have CRC-32C %08" PRIx32
				   " instead of %08" PRIx32,
				   stored->stored_size, stored->offset, *found, *expected);
	return status == CAIRN_OK ? status : stored_located(stored, status, error);
}

/* ----------------------------------------------------------------------------------- remembered */

/* What is known about slices changes, while a reader is const to its users. */
static struct chunk_states *states_of(const struct stored *stored)
{
	return (struct chunk_states *)(uintptr_t)&stored->reader->slice_states;
}

static enum cairn_status check_claimed(const struct stored *stored, struct cairn_error *error)
{
	uint32_t expected;
	uint32_t found;
	enum chunk_state verdict = CHUNK_GOOD;
	enum cairn_status status = stored_foreign_check(stored, &expected, &found, error);

	if (status == CAIRN_CHECKSUM) /* bad only after a second look, as chunks are */
		status = stored_foreign_check(stored, &expected, &found, error);
	if (status == CAIRN_CHECKSUM || status == CAIRN_CORRUPT)
		verdict = CHUNK_BAD;
	else if (status != CAIRN_OK)
		verdict = CHUNK_UNKNOWN; /* not the data's fault: another try may succeed */
	chunk_states_settle(states_of(stored), stored->number, verdict);
	return status;
}

static enum cairn_status known_bad(const struct stored *stored, struct cairn_error *error)
{
	error_set(error, CAIRN_CHECKSUM, stored->offset,
		  "%" PRIu64 " bytes at offset %" PRIu64
		  " differ from their checksum, as was found before",
		  stored->stored_size, stored->offset);
	return stored_located(stored, CAIRN_CHECKSUM, error);
}

enum cairn_status stored_foreign_verify(const struct stored *stored, struct cairn_error *error)
{
	struct chunk_states *const states = states_of(stored);

	for (;;) {
		switch (chunk_states_get(states, stored->number)) {
		case CHUNK_GOOD:
			return CAIRN_OK;
		case CHUNK_BAD:
			return known_bad(stored, error);
		case CHUNK_BUSY:
			chunk_states_wait(states, stored->number);
			break;
		case CHUNK_UNKNOWN:
		default:
			if (chunk_states_claim(states, stored->number))
				return check_claimed(stored, error);
		}
	}
}

/* --------------------------------------------------------------------------------------- copies */

static void swap_words(uint8_t *bytes, uint64_t size, uint64_t word)
{
	for (uint64_t at = 0; at < size; at += word) {
		for (uint64_t i = 0; i < word / 2; i++) {
			const uint8_t byte = bytes[at + i];

			bytes[at + i] = bytes[at + word - 1 - i];
			bytes[at + word - 1 - i] = byte;
		}
	}
}

/* Part of one word. */
static enum cairn_status copy_in_word(const struct stored *stored, uint64_t offset, uint64_t size,
				      uint8_t *buffer, struct cairn_error *error)
{
	const uint64_t word = stored->record.transform_value;
	uint8_t bytes[WORD_SIZE_MAX];
	const enum cairn_status status = stored_read_extents(stored, offset / word * word, word,
							     bytes, error);

	if (status != CAIRN_OK)
		return status;
	swap_words(bytes, word, word);
	memcpy(buffer, bytes + offset % word, size);
	return CAIRN_OK;
}

/* Words that lie in the range are read in one go, those at its ends that are cut by themselves. */
static enum cairn_status copy_swapped(const struct stored *stored, uint64_t offset, uint64_t size,
				      uint8_t *buffer, struct cairn_error *error)
{
	const uint64_t word = stored->record.transform_value;
	const uint64_t to_word = (word - offset % word) % word;
	const uint64_t head = to_word < size ? to_word : size;
	const uint64_t tail = (size - head) % word;
	const uint64_t middle = size - head - tail;
	enum cairn_status status = CAIRN_OK;

	if (head != 0)
		status = copy_in_word(stored, offset, head, buffer, error);
	if (status == CAIRN_OK && middle != 0)
		status = stored_read_extents(stored, offset + head, middle, buffer + head, error);
	if (status != CAIRN_OK)
		return status;
	swap_words(buffer + head, middle, word);
	return tail == 0 ? CAIRN_OK
			 : copy_in_word(stored, offset + head + middle, tail,
					buffer + head + middle, error);
}

/* What a run takes: its elements, and the bytes that they are stored as. */
#define RUN_RAW_MAX    ((uint64_t)V1_RUN_ELEMENTS * sizeof(uint64_t))
#define RUN_STORED_MAX ((uint64_t)V1_RUN_ELEMENTS * VARINT64_SIZE_MAX)

/* Decodes the elements of one extent: as many as a full one has, or the rest. */
static enum cairn_status decode_run(const struct stored *stored, uint64_t number,
				    struct stored_scratch *scratch, struct cairn_error *error)
{
	const uint64_t value = stored->record.transform_value;
	const uint64_t width = v1_varint_width(value);
	const uint64_t full = V1_RUN_ELEMENTS * width;
	const uint64_t left = stored->record.size - number * full;
	uint8_t *const bytes = scratch->run.bytes + RUN_RAW_MAX;
	struct extent_record extent = {0};
	enum cairn_status status = CAIRN_OK;

	scratch->run_size = left < full ? left : full;
	if (number < stored->record.extent_count)
		status = stored_extent(stored, (uint32_t)number, &extent, error);
	if (status != CAIRN_OK)
		return status;
	if (extent.stored_size > RUN_STORED_MAX)
		extent.stored_size = 0; /* of no use to any number of elements */
	status = file_read(&stored->reader->files[extent.shard], extent.offset, bytes,
			   extent.stored_size, error);
	if (status == CAIRN_OK && !v1_decode_varints(bytes, extent.stored_size, value,
						     scratch->run_size / width, scratch->run.bytes))
		status = error_set(error, CAIRN_CORRUPT, extent.offset,
				   "the numbers at offset %" PRIu64
				   " are not as many as were found when it was opened",
				   extent.offset);
	return status == CAIRN_OK ? status : stored_located(stored, status, error);
}

/* A slice that is put together row by row asks for the same run again and again. */
static enum cairn_status hold_run(const struct stored *stored, uint64_t number,
				  struct stored_scratch *scratch, struct cairn_error *error)
{
	enum cairn_status status;

	if (scratch->run_reader == stored->reader && scratch->run_slice == stored->number &&
	    scratch->run_number == number)
		return CAIRN_OK;
	scratch->run_reader = NULL;
	if (stored_take_room(stored->reader->system, &scratch->run, RUN_RAW_MAX + RUN_STORED_MAX) ==
	    NULL)
		return error_set_memory(error, "numbers");
	status = decode_run(stored, number, scratch, error);
	if (status != CAIRN_OK)
		return status;
	scratch->run_reader = stored->reader;
	scratch->run_slice = stored->number;
	scratch->run_number = number;
	return CAIRN_OK;
}

static enum cairn_status copy_varints(const struct stored *stored, uint64_t offset, uint64_t size,
				      uint8_t *buffer, struct stored_scratch *scratch,
				      struct cairn_error *error)
{
	const uint64_t full = V1_RUN_ELEMENTS *
			      (uint64_t)v1_varint_width(stored->record.transform_value);

	for (uint64_t done = 0; done < size;) {
		const uint64_t number = (offset + done) / full;
		const uint64_t skipped = (offset + done) % full;
		const enum cairn_status status = hold_run(stored, number, scratch, error);
		uint64_t piece;

		if (status != CAIRN_OK)
			return status;
		piece = scratch->run_size - skipped < size - done ? scratch->run_size - skipped
								  : size - done;
		memcpy(buffer + done, scratch->run.bytes + skipped, piece);
		done += piece;
	}
	return CAIRN_OK;
}

/* Verified pages of the mapping may be lost since: the file was cut off. */
static enum cairn_status copy_step(const struct stored *stored, uint64_t offset, uint64_t size,
				   uint8_t *buffer, struct cairn_error *error)
{
	enum cairn_status status;

	if (!is_worth_mapping(stored, offset, size))
		return stored_read_extents(stored, offset, size, buffer, error);
	status = file_prepare(&stored->reader->files[stored->shard], stored->offset + offset, size,
			      error);
	if (status != CAIRN_OK)
		return stored_located(stored, status, error);
	memcpy(buffer, stored_address(stored, offset), size);
	return CAIRN_OK;
}

static enum cairn_status copy_plain(const struct stored *stored, uint64_t offset, uint64_t size,
				    uint8_t *buffer, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint64_t done = 0; done < size && status == CAIRN_OK; done += STEP_SIZE) {
		const uint64_t step = size - done < STEP_SIZE ? size - done : STEP_SIZE;

		status = copy_step(stored, offset + done, step, buffer + done, error);
	}
	return status;
}

enum cairn_status stored_foreign_copy(const struct stored *stored, uint64_t offset, uint64_t size,
				      uint8_t *buffer, struct stored_scratch *scratch,
				      struct cairn_error *error)
{
	if (is_values(&stored->record))
		return copy_values(stored, offset, size, buffer, error);
	if (stored->record.transform == TRANSFORM_TENSORFLOW_STRING_FIELDS)
		return copy_string_fields(stored, offset, size, buffer, error);
	if (stored->record.transform == TRANSFORM_PACKED_VARINT)
		return copy_varints(stored, offset, size, buffer, scratch, error);
	if (stored->record.transform == TRANSFORM_SWAP)
		return copy_swapped(stored, offset, size, buffer, error);
	return copy_plain(stored, offset, size, buffer, error);
}
