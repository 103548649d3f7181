/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two squeezed containers compared, whose digests are made to fit: the second is the first with
 * some bytes changed. Of sound ones the answer is what comparing views gives, both ways round.
 *
 *   u8    bit 0: with statistics; bit 1: the second has no digests checked
 *   u8    changes, each u16 place behind the header page and u8 value
 *   ...   the container
 */
#include <stdlib.h>
#include <string.h>

#include <cairn/diff.h>

#include "tests/fuzz/container_edit.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/reseal.h"
#include "tests/fuzz/squeeze.h"
#include "tests/fuzz/use_reader.h"

enum {
	STATISTICS = 1 << 0,
	NEVER_VERIFY = 1 << 1,
	CHANGES_MAX = 8,
	HEAD_SIZE = 2 + 3 * CHANGES_MAX
};

struct side {
	struct container_bytes container;
	struct cairn_reader *reader;
	bool sound;
};

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	if (size <= HEAD_SIZE || seed % 4 == 0)
		return LLVMFuzzerMutate(data, size, size_max);
	return HEAD_SIZE +
	       container_edit(data + HEAD_SIZE, size - HEAD_SIZE, size_max - HEAD_SIZE, seed);
}

static void open_side(struct side *side, bool verifies)
{
	struct cairn_reader_options options = fuzz_reader_options();

	if (side->container.size < 4 * (size_t)CONTAINER_PAGE_SIZE)
		return;
	options.verification = verifies ? CAIRN_VERIFY_ON_FIRST_USE : CAIRN_VERIFY_NEVER;
	reseal_data(&side->container);
	container_bytes_seal(&side->container);
	side->reader = fuzz_open(side->container.bytes, side->container.size, &options);
	side->sound = side->reader != NULL && fuzz_use_reader(side->reader);
}

static void close_side(struct side *side)
{
	cairn_reader_close(side->reader);
	container_bytes_free(&side->container);
}

static int see_difference(void *context, const struct cairn_difference *difference)
{
	uint64_t *const count = context;

	FUZZ_MUST((difference->kind == CAIRN_DIFFERENCE_ADDED) == (difference->a == NULL));
	FUZZ_MUST((difference->kind == CAIRN_DIFFERENCE_REMOVED) == (difference->b == NULL));
	FUZZ_MUST((difference->kind == CAIRN_DIFFERENCE_CHANGED) == (difference->what != 0));
	if (difference->statistics != NULL)
		FUZZ_MUST(difference->statistics->different <= difference->statistics->compared);
	++*count;
	return 0;
}

static bool compare(const struct side *a, const struct side *b, uint8_t flags,
		    struct cairn_diff_report *report)
{
	uint64_t seen = 0;
	const struct cairn_diff_options options = {
		.size = sizeof(options),
		.flags = (flags & STATISTICS) != 0 ? CAIRN_DIFF_STATISTICS : 0u,
		.on_difference = see_difference,
		.difference_context = &seen};
	struct cairn_error error = {0};
	const enum cairn_status status = cairn_diff(a->reader, b->reader, &options, report, &error);

	if (status != CAIRN_OK) {
		fuzz_check_error(status, &error);
		FUZZ_MUST(!a->sound || !b->sound || status == CAIRN_LIMIT);
		return false;
	}
	FUZZ_MUST(report->equal == (seen == 0));
	return true;
}

/* Whether both tensors are of one type and shape and have the same bytes. */
static bool same(const struct cairn_tensor *a, const struct cairn_tensor *b, bool *known)
{
	struct cairn_view left = {0};
	struct cairn_view right = {0};
	bool result = a->dtype == b->dtype && a->rank == b->rank &&
		      memcmp(a->dims, b->dims, a->rank * sizeof(*a->dims)) == 0;

	if (result) {
		*known = cairn_tensor_view(a, &left, NULL) == CAIRN_OK &&
			 cairn_tensor_view(b, &right, NULL) == CAIRN_OK;
		result = *known && left.size == right.size &&
			 memcmp(left.data, right.data, left.size) == 0;
	}
	cairn_view_release(&left);
	cairn_view_release(&right);
	return result;
}

/* By views, one tensor after the other. */
static void check_counts(const struct side *a, const struct side *b,
			 const struct cairn_diff_report *report)
{
	const uint64_t count = cairn_reader_tensor_count(a->reader);
	uint64_t common = 0;
	uint64_t equal = 0;
	bool known = true;

	for (uint64_t i = 0; i < count && known; i++) {
		struct cairn_tensor left;
		struct cairn_tensor right;

		FUZZ_MUST(cairn_reader_tensor_at(a->reader, i, &left, NULL) == CAIRN_OK);
		if (cairn_reader_find_string(b->reader, left.name, &right, NULL) != CAIRN_OK)
			continue;
		common++;
		equal += same(&left, &right, &known);
	}
	if (!known || report->tensors.unknown != 0)
		return; /* incomplete, or over a limit */
	FUZZ_MUST(report->tensors.removed == count - common);
	FUZZ_MUST(report->tensors.same == equal);
	FUZZ_MUST(report->tensors.changed == common - equal);
}

static void compare_both_ways(const struct side *a, const struct side *b, uint8_t flags)
{
	struct cairn_diff_report there = {0};
	struct cairn_diff_report back = {0};
	const bool compared = compare(a, b, flags, &there);

	if (compare(b, a, flags, &back) && compared) {
		FUZZ_MUST(there.equal == back.equal);
		FUZZ_MUST(there.tensors.added == back.tensors.removed);
		FUZZ_MUST(there.tensors.changed == back.tensors.changed);
	}
	if (compared && a->sound && b->sound)
		check_counts(a, b, &there);
	if (compare(a, a, flags, &there))
		FUZZ_MUST(there.equal || there.tensors.unknown + there.metadata.unknown != 0);
}

static void change(struct container_bytes *container, const uint8_t *changes, uint8_t count)
{
	for (uint8_t i = 0; i < count % (CHANGES_MAX + 1); i++) {
		struct fuzz_input input = {changes + (size_t)i * 3, 3};
		const size_t at = CONTAINER_PAGE_SIZE + (size_t)fuzz_take_u16(&input);

		if (at < container->size)
			container->bytes[at] = fuzz_take_u8(&input);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct side a = {0};
	struct side b = {0};

	if (size <= HEAD_SIZE)
		return 0;
	a.container.bytes = squeeze_expand(data + HEAD_SIZE, size - HEAD_SIZE, &a.container.size);
	b.container = container_bytes_copy(&a.container);
	change(&b.container, data + 2, data[1]);
	open_side(&a, true);
	open_side(&b, (data[0] & NEVER_VERIFY) == 0);
	if (a.reader != NULL && b.reader != NULL)
		compare_both_ways(&a, &b, data[0]);
	close_side(&b);
	close_side(&a);
	return 0;
}
