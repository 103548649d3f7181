/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/use_reader.h"

#include <stdlib.h>
#include <string.h>

#include <cairn/verify.h>

#include "tests/fuzz/fuzz.h"

#define MATERIALISED_MAX ((uint64_t)16 << 20)

/* Work for one input: enough for every seed. Beyond it, only some of what there is is looked at. */
#define TENSORS_MAX 512u
#define SLICES_MAX  4096u

struct use {
	const struct cairn_reader *reader;
	bool sound; /* verify found nothing */
	bool failed;
};

struct cairn_reader_options fuzz_reader_options(void)
{
	return (struct cairn_reader_options){.size = sizeof(struct cairn_reader_options),
					     .materialised_bytes_max = MATERIALISED_MAX};
}

static bool may_refuse(enum cairn_status status)
{
	return status == CAIRN_NOT_A_CHECKPOINT || status == CAIRN_UNSUPPORTED ||
	       status == CAIRN_CORRUPT || status == CAIRN_CHECKSUM || status == CAIRN_TRUNCATED ||
	       status == CAIRN_LIMIT;
}

struct cairn_reader *fuzz_open(const uint8_t *data, size_t size,
			       const struct cairn_reader_options *options)
{
	struct cairn_error error = {0};
	struct cairn_reader *reader = NULL;
	const enum cairn_status status = cairn_reader_open_memory(data, size, options, &reader,
								  &error);

	FUZZ_MUST((status == CAIRN_OK) == (reader != NULL));
	if (status != CAIRN_OK) {
		fuzz_check_error(status, &error);
		FUZZ_MUST(may_refuse(status));
	}
	return reader;
}

/* What two ways give must be the same, unless slices overlap: only a full check looks for that. */
static bool is_plain(const struct use *use, const struct cairn_tensor *tensor)
{
	return use->sound || tensor->slice_count <= 1;
}

/* A failure in use is one that bytes can cause, and one that verify saw too. */
static bool went_well(struct use *use, enum cairn_status status, const struct cairn_error *error)
{
	if (status == CAIRN_OK)
		return true;
	fuzz_check_error(status, error);
	FUZZ_MUST(may_refuse(status) && status != CAIRN_NOT_A_CHECKPOINT);
	FUZZ_MUST(!use->sound || status == CAIRN_LIMIT);
	use->failed = true;
	return false;
}

static void touch(const void *data, uint64_t size)
{
	const uint8_t *const bytes = data;
	volatile uint8_t sum = 0;

	for (uint64_t i = 0; i < size; i += 32)
		sum = (uint8_t)(sum + bytes[i]);
	if (size != 0)
		sum = (uint8_t)(sum + bytes[size - 1]);
}

/* -------------------------------------------------------------------------------------- reading */

/* The bytes in two pieces are those of the view. */
static void read_in_pieces(struct use *use, const struct cairn_tensor *tensor,
			   const struct cairn_view *view)
{
	const uint64_t middle = view->size / 3;
	uint8_t *const buffer = malloc(view->size);
	struct cairn_error error = {0};

	FUZZ_MUST(buffer != NULL || view->size == 0);
	if (went_well(use, cairn_tensor_read(tensor, 0, buffer, middle, &error), &error))
		FUZZ_MUST(!is_plain(use, tensor) || middle == 0 ||
			  memcmp(buffer, view->data, middle) == 0);
	if (went_well(use, cairn_tensor_read(tensor, middle, buffer, view->size - middle, &error),
		      &error))
		FUZZ_MUST(!is_plain(use, tensor) || view->size == middle ||
			  memcmp(buffer, (const uint8_t *)view->data + middle,
				 view->size - middle) == 0);
	free(buffer);
}

/* Rows 1 to last - 1 of the slowest dimension are a piece of the whole. */
static void view_rows(struct use *use, const struct cairn_tensor *tensor,
		      const struct cairn_view *whole)
{
	uint64_t starts[CAIRN_RANK_MAX] = {0};
	uint64_t lengths[CAIRN_RANK_MAX];
	struct cairn_view view = {0};
	struct cairn_error error = {0};
	enum cairn_status status;
	uint64_t row;

	if (tensor->rank == 0 || tensor->dims[0] < 3 || tensor->block_bytes == 0)
		return;
	for (uint32_t d = 0; d < tensor->rank; d++)
		lengths[d] = CAIRN_FULL;
	row = whole->size / tensor->dims[0];
	starts[0] = 1;
	lengths[0] = tensor->dims[0] - 2;
	status = cairn_tensor_view_slice(tensor, starts, lengths, &view, &error);
	if (status == CAIRN_UNSUPPORTED && tensor->block_elements > 1)
		return; /* it would cut a block */
	if (!went_well(use, status, &error))
		return;
	FUZZ_MUST(tensor->block_elements > 1 || view.size == row * lengths[0]);
	FUZZ_MUST(view.size <= whole->size);
	if (is_plain(use, tensor) && tensor->block_elements == 1 && view.size != 0)
		FUZZ_MUST(memcmp(view.data, (const uint8_t *)whole->data + row, view.size) == 0);
	touch(view.data, view.size);
	cairn_view_release(&view);
}

static void use_strings(struct use *use, const struct cairn_tensor *tensor,
			const struct cairn_view *view)
{
	struct cairn_error error = {0};
	struct cairn_string text;

	for (uint64_t i = 0; i < tensor->element_count; i++) {
		if (!went_well(use, cairn_view_string(tensor, view, i, &text, &error), &error))
			return;
		touch(text.data, text.size);
	}
}

static void use_view(struct use *use, const struct cairn_tensor *tensor)
{
	struct cairn_error error = {0};
	struct cairn_view view = {0};

	if (!went_well(use, cairn_tensor_view(tensor, &view, &error), &error)) {
		FUZZ_MUST(view.data == NULL && view.owner == NULL);
		return;
	}
	FUZZ_MUST(view.data != NULL && view.size == tensor->size);
	touch(view.data, view.size);
	read_in_pieces(use, tensor, &view);
	view_rows(use, tensor, &view);
	if (tensor->block_bytes == 0 && tensor->dtype != CAIRN_NULL)
		use_strings(use, tensor, &view);
	cairn_view_release(&view);
}

static void use_stored(struct use *use, const struct cairn_tensor *tensor)
{
	struct cairn_error error = {0};
	struct cairn_stored_slice slice = {0};

	for (uint32_t i = 0; i < tensor->slice_count && i < SLICES_MAX; i++) {
		if (!went_well(use, cairn_tensor_stored_slice(tensor, i, &slice, &error), &error))
			return;
		FUZZ_MUST(slice.shard < cairn_reader_shard_count(use->reader) ||
			  (slice.shard == 0 && slice.offset == CAIRN_NO_OFFSET));
		if (slice.extents != NULL)
			touch(slice.extents, 2 * tensor->rank * sizeof(uint64_t));
	}
	FUZZ_MUST(cairn_tensor_stored_slice(tensor, tensor->slice_count, &slice, &error) ==
		  CAIRN_INVALID_ARGUMENT);
}

static void use_tensor(struct use *use, const struct cairn_tensor *tensor)
{
	struct cairn_error error = {0};
	struct cairn_view view = {0};

	touch(tensor->name.data, tensor->name.size);
	touch(tensor->dims, tensor->rank * sizeof(uint64_t));
	FUZZ_MUST(tensor->rank <= CAIRN_RANK_MAX);
	use_stored(use, tensor);
	if ((tensor->flags & CAIRN_TENSOR_INCOMPLETE) == 0)
		use_view(use, tensor);
	else
		FUZZ_MUST(cairn_tensor_view(tensor, &view, &error) != CAIRN_OK);
}

/* -------------------------------------------------------------------------------------- listing */

typedef enum cairn_status (*getter)(const struct cairn_reader *, uint64_t, struct cairn_tensor *,
				    struct cairn_error *);
typedef enum cairn_status (*finder)(const struct cairn_reader *, struct cairn_string,
				    struct cairn_tensor *, struct cairn_error *);

static bool same_tensor(const struct cairn_tensor *a, const struct cairn_tensor *b)
{
	return a->record == b->record && a->name.size == b->name.size && a->dtype == b->dtype &&
	       a->rank == b->rank && a->size == b->size && a->flags == b->flags &&
	       a->slice_count == b->slice_count;
}

/* What is listed is found by its name, unless the index is damaged. */
static void find_again(struct use *use, const struct cairn_tensor *tensor, finder find)
{
	struct cairn_error error = {0};
	struct cairn_tensor found;
	enum cairn_status status;

	memset(&found, 0x5a, sizeof(found));
	status = find(use->reader, tensor->name, &found, &error);
	if (status == CAIRN_NOT_FOUND) { /* the order is damaged where the search came by */
		FUZZ_MUST(!use->sound);
		return;
	}
	if (went_well(use, status, &error))
		FUZZ_MUST(same_tensor(tensor, &found) || !use->sound);
	else
		FUZZ_MUST(found.rank == 0x5a5a5a5a && found.size == 0x5a5a5a5a5a5a5a5a);
}

static void use_all(struct use *use, uint64_t count, getter get, finder find)
{
	struct cairn_error error = {0};
	struct cairn_tensor tensor;

	for (uint64_t i = 0; i < count && i < TENSORS_MAX; i++) {
		if (!went_well(use, get(use->reader, i, &tensor, &error), &error))
			continue;
		FUZZ_MUST(tensor.reader == use->reader);
		find_again(use, &tensor, find);
		use_tensor(use, &tensor);
	}
	FUZZ_MUST(get(use->reader, count, &tensor, &error) == CAIRN_INVALID_ARGUMENT);
	FUZZ_MUST(get(use->reader, UINT64_MAX, &tensor, &error) == CAIRN_INVALID_ARGUMENT);
}

/* --------------------------------------------------------------------------------------- verify */

static int see_problem(void *context, const struct cairn_problem *problem)
{
	uint64_t *const count = context;

	FUZZ_MUST(problem->message != NULL && problem->message[0] != '\0');
	FUZZ_MUST(may_refuse(problem->code));
	touch(problem->tensor.data, problem->tensor.size);
	(*count)++;
	return 0;
}

/* Whether every byte was found right. */
static bool verify(const struct cairn_reader *reader)
{
	uint64_t seen = 0;
	const struct cairn_verify_options options = {
		.size = sizeof(options), .on_problem = see_problem, .problem_context = &seen};
	struct cairn_verify_report report = {0};
	struct cairn_error error = {0};

	FUZZ_MUST(cairn_reader_verify(reader, &options, &report, &error) == CAIRN_OK);
	FUZZ_MUST(seen == report.problem_count);
	return seen == 0;
}

bool fuzz_use_reader(const struct cairn_reader *reader)
{
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct cairn_shard shard;
	struct use use = {.reader = reader};

	cairn_reader_info(reader, &info);
	use.sound = verify(reader);
	for (uint32_t i = 0; i < cairn_reader_shard_count(reader); i++)
		FUZZ_MUST(cairn_reader_shard(reader, i, &shard, NULL) == CAIRN_OK);
	use_all(&use, cairn_reader_tensor_count(reader), cairn_reader_tensor_at,
		cairn_reader_find_string);
	use_all(&use, cairn_reader_metadata_count(reader), cairn_reader_metadata_at,
		cairn_reader_metadata_find);
	FUZZ_MUST(verify(reader) == use.sound);
	cairn_reader_info(reader, &info);
	FUZZ_MUST(info.materialised_bytes == 0);
	return use.sound;
}
