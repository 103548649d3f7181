/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that reads: the input is a sequence of calls on a container, as it should be or with
 * some of its bytes changed and its digests made to fit. Arguments are whatever comes. What is read
 * is compared with the whole tensor, cut one element at a time; held views must not change.
 *
 *   u8    bit 0: verification never; bit 1: copies; bit 2: unaligned views; bit 3: check the index
 *   u8    changes, each u16 place in the index and u8 value
 *   ...   calls: u8 which, then its arguments
 */
#include <stdlib.h>
#include <string.h>

#include <cairn/verify.h>

#include "engine/system/memory_system.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/use_reader.h"
#include "tests/support/container_bytes.h"
#include "tests/support/model.h"

#define SLOTS     4u
#define CALLS_MAX 64u
#define READ_MAX  ((uint64_t)64 << 10)

struct held {
	struct cairn_view view;
	struct cairn_digest digest; /* when it was taken */
};

struct program {
	struct fuzz_input input;
	struct container_bytes container;
	struct cairn_reader_options options;
	struct cairn_reader *reader;
	struct cairn_tensor tensors[SLOTS]; /* rank and size 0 and no reader: none */
	struct held held[SLOTS];
	struct cairn_error error;
	bool is_sound; /* nothing was changed */
};

static struct cairn_tensor *tensor_slot(struct program *program)
{
	return &program->tensors[fuzz_take_u8(&program->input) % SLOTS];
}

static struct held *held_slot(struct program *program)
{
	return &program->held[fuzz_take_u8(&program->input) % SLOTS];
}

/* The outcome of a call whose arguments may be wrong (`may_be_wrong`), on bytes that may be. */
static bool went_well(struct program *program, enum cairn_status status, bool may_be_wrong)
{
	if (status == CAIRN_OK)
		return true;
	fuzz_check_error(status, &program->error);
	FUZZ_MUST(may_be_wrong || !program->is_sound || status == CAIRN_LIMIT);
	return false;
}

/* ---------------------------------------------------------------------------------------- views */

static void release(struct held *held)
{
	if (held->view.data != NULL) {
		const struct cairn_digest now = digest_bytes(held->view.data, held->view.size);

		FUZZ_MUST(digest_equal(&now, &held->digest));
	}
	cairn_view_release(&held->view);
	FUZZ_MUST(held->view.data == NULL);
}

static void hold(struct held *held, const struct cairn_view *view)
{
	release(held);
	held->view = *view;
	held->digest = digest_bytes(view->data, view->size);
}

/* What two ways give must be the same, unless slices overlap: only a full check looks for that. */
static bool is_plain(const struct program *program, const struct cairn_tensor *tensor)
{
	return program->is_sound || tensor->slice_count <= 1;
}

/* The tensor as a plain array, when it is one that can be cut element by element. */
static bool as_model(const struct cairn_tensor *tensor, const struct cairn_view *whole,
		     struct model *model)
{
	model->info = cairn_dtype_info(tensor->dtype);
	if (model->info == NULL || model->info->block_bytes == 0 ||
	    model->info->block_elements != 1 || tensor->rank > MODEL_RANK_MAX)
		return false;
	model->rank = tensor->rank;
	memcpy(model->dims, tensor->dims, tensor->rank * sizeof(*tensor->dims));
	model->size = tensor->size;
	model->bytes = (uint8_t *)(uintptr_t)whole->data;
	return true;
}

static void compare_slice(struct program *program, const struct cairn_tensor *tensor,
			  const uint64_t *starts, const uint64_t *lengths,
			  const struct cairn_view *view)
{
	struct cairn_view whole = {0};
	struct model model;
	struct box box;
	uint8_t *expected;

	if (!is_plain(program, tensor) ||
	    cairn_tensor_view(tensor, &whole, &program->error) != CAIRN_OK)
		return;
	if (as_model(tensor, &whole, &model)) {
		for (uint32_t d = 0; d < model.rank; d++) {
			box.starts[d] = starts[d];
			box.lengths[d] = lengths[d] == CAIRN_FULL ? model.dims[d] : lengths[d];
		}
		FUZZ_MUST(model_box_size(&model, &box) == view->size);
		expected = malloc(view->size);
		FUZZ_MUST(expected != NULL || view->size == 0);
		model_cut(&model, &box, expected);
		FUZZ_MUST(view->size == 0 || memcmp(expected, view->data, view->size) == 0);
		free(expected);
	}
	cairn_view_release(&whole);
}

static void call_view(struct program *program)
{
	const struct cairn_tensor *const tensor = tensor_slot(program);
	struct held *const held = held_slot(program);
	struct cairn_view view = {0};

	if (tensor->reader == NULL)
		return;
	if (went_well(program, cairn_tensor_view(tensor, &view, &program->error),
		      (tensor->flags & CAIRN_TENSOR_INCOMPLETE) != 0))
		hold(held, &view);
}

/* A slice near the shape. */
static void take_slice(struct program *program, const struct cairn_tensor *tensor, uint64_t *starts,
		       uint64_t *lengths)
{
	for (uint32_t d = 0; d < tensor->rank; d++) {
		starts[d] = fuzz_take_number(&program->input);
		lengths[d] = fuzz_take_number(&program->input);
		if (starts[d] < 0xc0 && tensor->dims[d] != 0)
			starts[d] %= tensor->dims[d];
		if (lengths[d] < 0xc0 && starts[d] < tensor->dims[d])
			lengths[d] %= tensor->dims[d] - starts[d] + 1;
	}
}

static void call_slice(struct program *program)
{
	const struct cairn_tensor *const tensor = tensor_slot(program);
	struct held *const held = held_slot(program);
	uint64_t starts[CAIRN_RANK_MAX];
	uint64_t lengths[CAIRN_RANK_MAX];
	struct cairn_view view = {0};
	uint8_t *buffer;

	if (tensor->reader == NULL)
		return;
	take_slice(program, tensor, starts, lengths);
	if (!went_well(program,
		       cairn_tensor_view_slice(tensor, starts, lengths, &view, &program->error),
		       true))
		return;
	compare_slice(program, tensor, starts, lengths, &view);
	buffer = malloc(view.size + 1);
	FUZZ_MUST(buffer != NULL);
	FUZZ_MUST(cairn_tensor_read_slice(tensor, starts, lengths, buffer, view.size + 1,
					  &program->error) == CAIRN_MISMATCH);
	/* that looks at all slices, a view only as far as it has to */
	if (went_well(program,
		      cairn_tensor_read_slice(tensor, starts, lengths, buffer, view.size,
					      &program->error),
		      false))
		FUZZ_MUST(!is_plain(program, tensor) || memcmp(buffer, view.data, view.size) == 0);
	free(buffer);
	hold(held, &view);
}

static void call_read(struct program *program)
{
	const struct cairn_tensor *const tensor = tensor_slot(program);
	const uint64_t offset = fuzz_take_number(&program->input);
	const uint64_t size = fuzz_take_number(&program->input) % READ_MAX;
	uint8_t *const buffer = malloc(size);
	struct cairn_view view = {0};

	FUZZ_MUST(buffer != NULL || size == 0);
	if (tensor->reader != NULL &&
	    went_well(program, cairn_tensor_read(tensor, offset, buffer, size, &program->error),
		      true)) {
		FUZZ_MUST(range_within(offset, size, tensor->size));
		if (size != 0 && is_plain(program, tensor) &&
		    cairn_tensor_view(tensor, &view, &program->error) == CAIRN_OK)
			FUZZ_MUST(memcmp(buffer, (const uint8_t *)view.data + offset, size) == 0);
		cairn_view_release(&view);
	}
	free(buffer);
}

static void call_string(struct program *program)
{
	const struct cairn_tensor *const tensor = tensor_slot(program);
	const uint64_t number = fuzz_take_number(&program->input);
	struct cairn_view view = {0};
	struct cairn_string text;

	if (tensor->reader == NULL || cairn_tensor_view(tensor, &view, &program->error) != CAIRN_OK)
		return;
	if (went_well(program, cairn_view_string(tensor, &view, number, &text, &program->error),
		      true))
		digest_bytes(text.data, text.size);
	cairn_view_release(&view);
}

/* -------------------------------------------------------------------------------------- records */

static void keep(struct program *program, enum cairn_status status,
		 const struct cairn_tensor *tensor, bool may_be_wrong)
{
	struct cairn_tensor *const slot = tensor_slot(program);

	if (went_well(program, status, may_be_wrong))
		*slot = *tensor;
}

static void call_at(struct program *program)
{
	const uint64_t number = fuzz_take_number(&program->input);
	struct cairn_tensor tensor;

	keep(program, cairn_reader_tensor_at(program->reader, number, &tensor, &program->error),
	     &tensor, number >= cairn_reader_tensor_count(program->reader));
}

static void call_metadata_at(struct program *program)
{
	const uint64_t number = fuzz_take_number(&program->input);
	struct cairn_tensor tensor;

	keep(program, cairn_reader_metadata_at(program->reader, number, &tensor, &program->error),
	     &tensor, number >= cairn_reader_metadata_count(program->reader));
}

static struct cairn_string take_name(struct program *program)
{
	size_t size = fuzz_take_u8(&program->input) % 16;
	const char *const text = (const char *)fuzz_take_bytes(&program->input, size, &size);

	return (struct cairn_string){text, size};
}

/* NOT_FOUND has a message too. */
static void call_find_tensor(struct program *program)
{
	const struct cairn_string name = take_name(program);
	struct cairn_tensor tensor;

	keep(program, cairn_reader_find_string(program->reader, name, &tensor, &program->error),
	     &tensor, true);
}

static void call_find_metadata(struct program *program)
{
	const struct cairn_string name = take_name(program);
	struct cairn_tensor tensor;

	keep(program, cairn_reader_metadata_find(program->reader, name, &tensor, &program->error),
	     &tensor, true);
}

static void call_stored(struct program *program)
{
	const struct cairn_tensor *const tensor = tensor_slot(program);
	const uint32_t number = (uint32_t)fuzz_take_number(&program->input);
	struct cairn_stored_slice slice;

	if (tensor->reader != NULL)
		went_well(program,
			  cairn_tensor_stored_slice(tensor, number, &slice, &program->error),
			  number >= tensor->slice_count);
}

static void call_verify(struct program *program)
{
	struct cairn_verify_report report = {0};

	FUZZ_MUST(cairn_reader_verify(program->reader, NULL, &report, &program->error) == CAIRN_OK);
	FUZZ_MUST(!program->is_sound || report.problem_count == 0);
}

/* -------------------------------------------------------------------------------------- readers */

/* Views outlive their reader's last reference; tensors do not. */
static void call_reopen(struct program *program)
{
	memset(program->tensors, 0, sizeof(program->tensors));
	FUZZ_MUST(cairn_reader_retain(program->reader) == program->reader);
	cairn_reader_close(program->reader);
	cairn_reader_close(program->reader);
	program->reader = fuzz_open(program->container.bytes, program->container.size,
				    &program->options);
	FUZZ_MUST(program->reader != NULL);
}

static void call_release(struct program *program)
{
	release(held_slot(program));
}

static void (*const calls[])(struct program *) = {
	call_at,     call_find_tensor, call_find_metadata, call_metadata_at,
	call_view,   call_slice,       call_read,          call_string,
	call_stored, call_verify,      call_release,       call_reopen};

/* ---------------------------------------------------------------------------------- the program */

static struct cairn_reader_options options_of(uint8_t flags)
{
	struct cairn_reader_options options = fuzz_reader_options();

	options.verification = (flags & 1) != 0 ? CAIRN_VERIFY_NEVER : CAIRN_VERIFY_ON_FIRST_USE;
	options.transport = (flags & 2) != 0 ? CAIRN_TRANSPORT_COPY : CAIRN_TRANSPORT_AUTO;
	options.flags = ((flags & 4) != 0 ? CAIRN_OPEN_UNALIGNED_VIEWS : 0u) |
			((flags & 8) != 0 ? CAIRN_OPEN_CHECK_INDEX : 0u);
	return options;
}

static void make_sample(struct container_bytes *made)
{
	struct memory_system *const memory = memory_system_create();

	FUZZ_MUST(sample_write(memory_system_get(memory), "model.cairn",
			       &(struct sample){SAMPLE_FULL, 1}, 0, NULL) == CAIRN_OK);
	made->size = (size_t)memory_system_content(memory, "model.cairn", NULL, 0);
	made->bytes = malloc(made->size);
	FUZZ_MUST(made->bytes != NULL);
	memory_system_content(memory, "model.cairn", made->bytes, made->size);
	memory_system_destroy(memory);
}

/* One for all inputs; copies are changed. */
static const struct container_bytes *sample_container(void)
{
	static struct container_bytes made;

	if (made.bytes == NULL)
		make_sample(&made);
	return &made;
}

static void change(struct program *program)
{
	const struct container_bytes *const container = &program->container;
	const uint64_t index = load_u64(container_bytes_footer(container) + FOOTER_AT_INDEX_OFFSET);
	const uint8_t count = fuzz_take_u8(&program->input) % 8;

	program->is_sound = count == 0;
	for (uint8_t i = 0; i < count; i++) {
		const uint64_t at = index + fuzz_take_u16(&program->input);
		const uint8_t value = fuzz_take_u8(&program->input);

		if (at < container->size - CONTAINER_PAGE_SIZE)
			container->bytes[at] = value;
	}
	if (count != 0)
		container_bytes_seal(container);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct program program = {.input = {data, size}};

	program.options = options_of(fuzz_take_u8(&program.input));
	program.container = container_bytes_copy(sample_container());
	change(&program);
	program.reader = fuzz_open(program.container.bytes, program.container.size,
				   &program.options);
	FUZZ_MUST(!program.is_sound || program.reader != NULL);
	for (uint32_t i = 0; i < CALLS_MAX && program.input.left > 0 && program.reader != NULL; i++)
		calls[fuzz_take_u8(&program.input) % (sizeof(calls) / sizeof(calls[0]))](&program);
	cairn_reader_close(program.reader);
	for (uint32_t i = 0; i < SLOTS; i++)
		release(&program.held[i]);
	container_bytes_free(&program.container);
	return 0;
}
