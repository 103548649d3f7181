/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of `cairn bench` that moves bytes: sums and copies, of tensors and of plain memory.
 *
 * A figure and its limit run the same code over the same number of bytes; small checkpoints are
 * gone through again and again, so that one sample takes long enough to be timed.
 */
#include <string.h>
#include <sys/mman.h>

#include "tools/bench.h"
#include "tools/cli.h"

#define SAMPLE_BYTES  (UINT64_C(64) << 20) /* at least, behind one sample */
#define REPEAT_MAX    4096
#define VIEWS_MAX     500000 /* behind one sample, where tensors are tiny */
#define WORK_SIZE_MAX (UINT64_C(512) << 20)
#define WORK_ALIGNED  UINT64_C(4096) /* for O_DIRECT */

/* Keeps the compiler from leaving a sum out. */
static volatile uint64_t sink;

int bench_view(const struct cairn_tensor *tensor, struct cairn_view *view)
{
	struct cairn_error error = {.code = CAIRN_OK};
	const enum cairn_status status = cairn_tensor_view(tensor, view, &error);

	return status == CAIRN_OK ? CLI_GO_ON : cli_fail(status, &error);
}

/* Takes a view of every tensor in turn and gives it back. */
int bench_view_all(const struct bench *bench)
{
	int result = CLI_GO_ON;

	for (size_t i = 0; i < bench->tensor_count && result == CLI_GO_ON; i++) {
		struct cairn_view view;
		result = bench_view(&bench->tensors[i], &view);
		if (result == CLI_GO_ON)
			cairn_view_release(&view);
	}
	return result;
}

static uint64_t load_lane(const unsigned char *bytes)
{
	uint64_t lane;

	memcpy(&lane, bytes, sizeof(lane));
	return lane;
}

static uint64_t sum_bytes(const void *data, uint64_t size)
{
	const unsigned char *bytes = data;
	uint64_t sums[8] = {0};
	uint64_t rest = 0;
	uint64_t at = 0;

	for (; size - at >= 64; at += 64) {
		for (unsigned lane = 0; lane < 8; lane++)
			sums[lane] += load_lane(bytes + at + (size_t)lane * 8);
	}
	for (; size - at >= 8; at += 8)
		rest += load_lane(bytes + at);
	for (; at < size; at++)
		rest += bytes[at];
	for (unsigned lane = 0; lane < 8; lane++)
		rest += sums[lane];
	return rest;
}

int bench_touch_all(const struct bench *bench)
{
	int result = CLI_GO_ON;

	for (size_t i = 0; i < bench->tensor_count && result == CLI_GO_ON; i++) {
		struct cairn_view view;
		result = bench_view(&bench->tensors[i], &view);
		if (result != CLI_GO_ON)
			break;
		sink += sum_bytes(view.data, view.size);
		cairn_view_release(&view);
	}
	return result;
}

int bench_measure_touch(struct bench *bench)
{
	const uint64_t start = progress_clock();
	int result = CLI_GO_ON;

	for (uint64_t i = 0; i < bench->repeat && result == CLI_GO_ON; i++)
		result = bench_touch_all(bench);
	bench_add_rate(bench, TOUCH, bench->bytes * bench->repeat, start);
	return result;
}

/* The same number of bytes as are touched, from memory; files larger than the work memory wrap
 * round in it. */
void bench_measure_sum(struct bench *bench)
{
	const uint64_t total = bench->bytes * bench->repeat;
	const uint64_t start = progress_clock();
	uint64_t left = total;

	while (left) {
		const uint64_t size = left < bench->work_size ? left : bench->work_size;
		sink += sum_bytes(bench->source, size);
		left -= size;
	}
	bench_add_rate(bench, SUM, total, start);
}

void bench_measure_memcpy(struct bench *bench)
{
	const uint64_t total = bench->bytes * bench->repeat;
	const uint64_t start = progress_clock();
	uint64_t left = total;

	while (left) {
		const uint64_t size = left < bench->work_size ? left : bench->work_size;
		memcpy(bench->target, bench->source, (size_t)size);
		sink += bench->target[size - 1];
		left -= size;
	}
	bench_add_rate(bench, MEMCPY, total, start);
}

/* Copies a tensor to where *at is in the work memory, which wraps round. */
static int copy_tensor(const struct bench *bench, const struct cairn_tensor *tensor, uint64_t *at)
{
	struct cairn_error error = {.code = CAIRN_OK};

	for (uint64_t done = 0; done < tensor->size;) {
		const uint64_t room = bench->work_size - *at;
		const uint64_t left = tensor->size - done;
		const uint64_t size = left < room ? left : room;
		const enum cairn_status status = cairn_tensor_read(
			tensor, done, bench->target + *at, size, &error);
		if (status != CAIRN_OK)
			return cli_fail(status, &error);
		done += size;
		*at = (*at + size) % bench->work_size;
	}
	return CLI_GO_ON;
}

int bench_measure_copy(struct bench *bench)
{
	const uint64_t start = progress_clock();
	uint64_t at = 0;
	int result = CLI_GO_ON;

	for (uint64_t pass = 0; pass < bench->repeat; pass++) {
		for (size_t i = 0; i < bench->tensor_count && result == CLI_GO_ON; i++)
			result = copy_tensor(bench, &bench->tensors[i], &at);
	}
	bench_add_rate(bench, COPY, bench->bytes * bench->repeat, start);
	return result;
}

static unsigned char *map_work(uint64_t size)
{
	void *data = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	if (data == MAP_FAILED)
		return NULL;
	madvise(data, (size_t)size, MADV_HUGEPAGE);
	memset(data, 1, (size_t)size);
	return data;
}

int bench_prepare_work(struct bench *bench)
{
	const uint64_t available = bench_proc_bytes("/proc/meminfo", "MemAvailable:") / 8;
	uint64_t size = bench->bytes < WORK_SIZE_MAX ? bench->bytes : WORK_SIZE_MAX;

	if (available && size > available)
		size = available;
	bench->work_size = (size + WORK_ALIGNED) / WORK_ALIGNED * WORK_ALIGNED;
	bench->source = map_work(bench->work_size);
	bench->target = map_work(bench->work_size);
	if (!bench->source || !bench->target)
		return cli_error(CLI_UNKNOWN, "out of memory");
	bench->repeat = bench->bytes ? SAMPLE_BYTES / bench->bytes + 1 : 1;
	if (bench->repeat > REPEAT_MAX)
		bench->repeat = REPEAT_MAX;
	if (bench->repeat * bench->tensor_count > VIEWS_MAX)
		bench->repeat = VIEWS_MAX / bench->tensor_count + 1;
	return CLI_GO_ON;
}
