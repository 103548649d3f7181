/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that plans: entries of all kinds on a container as it should be, or with some of its
 * bytes changed and the digests of its index made to fit. What is delivered is compared with the
 * views of another reader; what is not has a reason that fits.
 *
 *   u8    bit 0: verification never; bit 1: copies; bit 2: unaligned views
 *   u8    bit 0: verify first; bit 1: predict; bit 2: two threads; bits 4 and up: size of pieces
 *   u8    the call back that cancels; 0: none
 *   u8    changes, each u16 place in the file and u8 value
 *   ...   entries: u8 tensor, u8 destination and kind, then its slice
 */
#include <stdlib.h>
#include <string.h>

#include <cairn/plan.h>

#include "engine/system/memory_system.h"
#include "format/bytes.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/use_reader.h"
#include "tests/support/container_bytes.h"

#define ENTRIES_MAX 12u
#define BUFFER_MAX  ((uint64_t)512 << 10)

/* What was asked for, and what another reader says. */
struct wish {
	struct cairn_tensor tensor; /* of the other reader */
	uint64_t starts[CAIRN_RANK_MAX];
	uint64_t lengths[CAIRN_RANK_MAX];
	bool is_slice;
	enum cairn_plan_destination destination;
	struct cairn_view view; /* of the other reader, when it has one */
	enum cairn_status view_status;
	uint8_t *buffer; /* of the view's size, or something */
	uint64_t size;
};

struct program {
	struct fuzz_input input;
	struct container_bytes container;
	struct cairn_reader_options options;
	struct cairn_plan_options planning;
	struct cairn_reader *reader;
	struct cairn_reader *other;
	struct cairn_plan *plan;
	struct wish wishes[ENTRIES_MAX];
	uint64_t count;
	_Atomic unsigned int calls;
	unsigned int cancel_at;
	struct cairn_error error;
	bool is_sound;
};

/* ------------------------------------------------------------------------------------ callbacks */

static int on_progress(void *context, uint64_t done, uint64_t total)
{
	struct program *const program = context;

	FUZZ_MUST(done <= total);
	return ++program->calls == program->cancel_at;
}

static int acquire(void *context, const struct cairn_plan_piece *piece, void **buffer)
{
	struct program *const program = context;
	const struct wish *const wish = &program->wishes[piece->entry];

	FUZZ_MUST(piece->entry < program->count && piece->tag == piece->entry);
	FUZZ_MUST(piece->size <= program->planning.piece_size_max);
	if (!range_within(piece->offset, piece->size, wish->size))
		return 1; /* a view that the other reader did not get */
	*buffer = wish->buffer + piece->offset;
	return ++program->calls == program->cancel_at;
}

static int release(void *context, const struct cairn_plan_piece *piece)
{
	struct program *const program = context;

	FUZZ_MUST(piece->buffer != NULL);
	return ++program->calls == program->cancel_at;
}

/* -------------------------------------------------------------------------------------- entries */

static void take_slice(struct program *program, struct wish *wish)
{
	for (uint32_t d = 0; d < wish->tensor.rank; d++) {
		wish->starts[d] = fuzz_take_number(&program->input);
		wish->lengths[d] = fuzz_take_number(&program->input);
		if (wish->starts[d] < 0xc0 && wish->tensor.dims[d] != 0)
			wish->starts[d] %= wish->tensor.dims[d];
		if (wish->lengths[d] < 0xc0 && wish->starts[d] < wish->tensor.dims[d])
			wish->lengths[d] %= wish->tensor.dims[d] - wish->starts[d] + 1;
	}
}

static void look(struct wish *wish)
{
	wish->view_status = cairn_tensor_view_slice(
		&wish->tensor, wish->is_slice ? wish->starts : NULL,
		wish->is_slice ? wish->lengths : NULL, &wish->view, NULL);
	wish->size = wish->view_status == CAIRN_OK ? wish->view.size : wish->tensor.size;
	if (wish->size > BUFFER_MAX)
		wish->size = BUFFER_MAX;
	wish->buffer = calloc(1, wish->size + 1);
	FUZZ_MUST(wish->buffer != NULL);
}

static void add_entry(struct program *program)
{
	const uint64_t tensors = cairn_reader_tensor_count(program->other);
	const uint64_t number = fuzz_take_u8(&program->input);
	const uint8_t kind = fuzz_take_u8(&program->input);
	struct wish *const wish = &program->wishes[program->count];
	struct cairn_plan_entry entry = {.tag = program->count};

	if (tensors == 0 || cairn_reader_tensor_at(program->other, number % tensors, &wish->tensor,
						   NULL) != CAIRN_OK)
		return;
	wish->destination = (enum cairn_plan_destination)(kind % 4);
	wish->is_slice = (kind & 4) != 0;
	if (wish->is_slice)
		take_slice(program, wish);
	look(wish);
	entry.name = wish->tensor.name;
	entry.destination = wish->destination;
	entry.buffer = wish->buffer;
	entry.buffer_size = wish->size;
	entry.rank = wish->is_slice || (kind & 16) != 0 ? wish->tensor.rank : 0;
	entry.starts = wish->is_slice ? wish->starts : NULL;
	entry.lengths = wish->is_slice ? wish->lengths : NULL;
	entry.dims = wish->tensor.dims;
	entry.dtype = wish->tensor.dtype;
	entry.flags = ((kind & 8) != 0 ? CAIRN_PLAN_EXPECT_DTYPE : 0u) |
		      ((kind & 16) != 0 ? CAIRN_PLAN_EXPECT_SHAPE : 0u);
	program->count++;
	FUZZ_MUST(cairn_plan_add(program->plan, &entry, 1, &program->error) == CAIRN_OK);
}

/* -------------------------------------------------------------------------------------- results */

static void check_view(struct program *program, uint64_t number, const struct wish *wish)
{
	struct cairn_view view = {0};

	FUZZ_MUST(cairn_plan_take_view(program->plan, number, &view, &program->error) == CAIRN_OK);
	if (wish->view_status == CAIRN_OK) {
		FUZZ_MUST(view.size == wish->view.size && view.flags == wish->view.flags);
		FUZZ_MUST(wish->tensor.slice_count > 1 ||
			  memcmp(view.data, wish->view.data, view.size) == 0);
	}
	cairn_view_release(&view);
}

/* Slices that overlap may give either's bytes: only a full check looks for that. */
static void check_ok(struct program *program, uint64_t number)
{
	const struct wish *const wish = &program->wishes[number];
	const bool is_plain = program->is_sound || wish->tensor.slice_count <= 1;

	/* a view looks only as far as it has to; so does a prefetch */
	FUZZ_MUST(wish->view_status == CAIRN_OK || !program->is_sound);
	if (wish->destination == CAIRN_PLAN_VIEW)
		check_view(program, number, wish);
	else if (wish->destination != CAIRN_PLAN_PREFETCH && is_plain &&
		 wish->view_status == CAIRN_OK && wish->view.size <= wish->size)
		FUZZ_MUST(memcmp(wish->buffer, wish->view.data, wish->view.size) == 0);
}

static void check_results(struct program *program, enum cairn_status status)
{
	bool all_ok = true;

	for (uint64_t i = 0; i < program->count; i++) {
		struct cairn_plan_result result = {.size = sizeof(result)};

		FUZZ_MUST(cairn_plan_result(program->plan, i, &result, NULL) == CAIRN_OK);
		FUZZ_MUST(result.state != CAIRN_PLAN_PENDING);
		FUZZ_MUST((result.status == CAIRN_OK) ==
			  (result.state == CAIRN_PLAN_OK || result.state == CAIRN_PLAN_SKIPPED));
		if (result.error != NULL)
			fuzz_check_error(result.status, result.error);
		if (result.state == CAIRN_PLAN_OK)
			check_ok(program, i);
		FUZZ_MUST(!program->is_sound || result.state != CAIRN_PLAN_CORRUPT);
		all_ok = all_ok && result.status == CAIRN_OK;
	}
	FUZZ_MUST(all_ok == (status == CAIRN_OK));
}

static void run(struct program *program)
{
	struct cairn_plan_report report = {.size = sizeof(report)};
	enum cairn_status status;

	FUZZ_MUST(cairn_plan_create(program->reader, &program->planning, &program->plan,
				    &program->error) == CAIRN_OK);
	while (program->count < ENTRIES_MAX && program->input.left > 1)
		add_entry(program);
	status = cairn_plan_run(program->plan, &program->error);
	if (status != CAIRN_OK)
		fuzz_check_error(status, &program->error);
	check_results(program, status);
	FUZZ_MUST(cairn_plan_run(program->plan, NULL) == status);
	cairn_plan_report(program->plan, &report);
	FUZZ_MUST(report.entries == program->count);
	for (uint64_t i = 0; i < cairn_plan_step_count(program->plan); i++) {
		struct cairn_plan_step step;

		FUZZ_MUST(cairn_plan_step(program->plan, i, &step, NULL) == CAIRN_OK);
	}
	cairn_plan_destroy(program->plan);
}

/* ---------------------------------------------------------------------------------- the program */

static void take_options(struct program *program)
{
	const uint8_t reading = fuzz_take_u8(&program->input);
	const uint8_t planning = fuzz_take_u8(&program->input);

	program->options = fuzz_reader_options();
	program->options.verification = (reading & 1) != 0 ? CAIRN_VERIFY_NEVER
							   : CAIRN_VERIFY_ON_FIRST_USE;
	program->options.transport = (reading & 2) != 0 ? CAIRN_TRANSPORT_COPY
							: CAIRN_TRANSPORT_AUTO;
	program->options.flags = (reading & 4) != 0 ? CAIRN_OPEN_UNALIGNED_VIEWS : 0u;
	program->cancel_at = fuzz_take_u8(&program->input);
	program->planning = (struct cairn_plan_options){
		.flags = planning & (CAIRN_PLAN_VERIFY_FIRST | CAIRN_PLAN_PREDICT),
		.thread_count = (planning & 4) != 0 ? 2 : 1,
		.piece_size_max = 4096u + 4096u * (planning >> 4),
		.progress = on_progress,
		.progress_context = program,
		.acquire = acquire,
		.release = release,
		.callback_context = program,
	};
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

/* In steps of 4 bytes a place reaches all of the file. */
static void change(struct program *program)
{
	const struct container_bytes *const container = &program->container;
	const uint8_t count = fuzz_take_u8(&program->input) % 8;

	program->is_sound = count == 0;
	for (uint8_t i = 0; i < count; i++) {
		const uint64_t place = fuzz_take_u16(&program->input);
		const uint8_t value = fuzz_take_u8(&program->input);
		const uint64_t at = CONTAINER_PAGE_SIZE + place * 4 + value % 4;

		if (at < container->size - CONTAINER_PAGE_SIZE)
			container->bytes[at] = value;
	}
	if (count != 0)
		container_bytes_seal(container);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct program program = {.input = {data, size}};

	take_options(&program);
	program.container = container_bytes_copy(sample_container());
	change(&program);
	program.reader = fuzz_open(program.container.bytes, program.container.size,
				   &program.options);
	program.other = fuzz_open(program.container.bytes, program.container.size,
				  &program.options);
	FUZZ_MUST((program.reader == NULL) == (program.other == NULL));
	FUZZ_MUST(!program.is_sound || program.reader != NULL);
	if (program.reader != NULL)
		run(&program);
	for (uint64_t i = 0; i < program.count; i++) {
		cairn_view_release(&program.wishes[i].view);
		free(program.wishes[i].buffer);
	}
	cairn_reader_close(program.reader);
	cairn_reader_close(program.other);
	container_bytes_free(&program.container);
	return 0;
}
