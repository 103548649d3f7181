/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plan is going to do, and what it did.
 */
#include <inttypes.h>
#include <string.h>

#include "engine/read/plan.h"
#include "format/error.h"

/* -------------------------------------------------------------------------------------- reasons */

static const char *reason_of(const struct cairn_plan *plan, const struct plan_step *step)
{
	if (step->is_skipped)
		return "left out: memory has no room for it";
	if (step->size == 0)
		return "nothing to bring in";
	if (step->kind != PLAN_PARTS)
		return "stored in another form, or in pieces, or not aligned";
	if (step->transport == CAIRN_PLAN_MAPPED)
		return step->residency == CAIRN_PLAN_RESIDENT
			       ? "in memory: used where it is mapped"
			       : "not in memory: brought in where it is mapped";
	if (!step->is_mapped)
		return plan->reader->transport == CAIRN_TRANSPORT_COPY
			       ? "not mapped: copies were asked for"
			       : "not mapped: the file system is not local, or maps nothing";
	if (step->residency == CAIRN_PLAN_ABSENT)
		return "not in memory: read in large pieces";
	return "the kernel does not tell whether it is in memory";
}

/* Entries that come one after the other are counted once. */
static uint64_t entries_of(const struct cairn_plan *plan, const struct plan_step *step)
{
	uint64_t before = UINT64_MAX;
	uint64_t count = 0;

	if (step->kind != PLAN_PARTS)
		return 1;
	for (uint64_t i = 0; i < step->part_count; i++) {
		const struct plan_part *const part = &plan->parts[step->first_part + i];

		for (uint64_t w = 0; w < part->want_count; w++) {
			const struct plan_want *const want = &plan->wants[part->first_want + w];

			if (want->begin >= part->end || want->end <= part->begin ||
			    want->entry == before)
				continue;
			before = want->entry;
			count++;
		}
	}
	return count;
}

uint64_t cairn_plan_step_count(const struct cairn_plan *plan)
{
	return atomic_load(&plan->is_prepared) ? plan->step_count : 0;
}

enum cairn_status cairn_plan_step(const struct cairn_plan *plan, uint64_t number,
				  struct cairn_plan_step *step, struct cairn_error *error)
{
	const struct plan_step *found;

	if (number >= cairn_plan_step_count(plan))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "step %" PRIu64 " of a plan of %" PRIu64, number,
				 cairn_plan_step_count(plan));
	found = &plan->steps[number];
	*step = (struct cairn_plan_step){
		.offset = found->offset,
		.size = found->size,
		.entries = entries_of(plan, found),
		.transport = (enum cairn_plan_transport)found->transport,
		.residency = (enum cairn_plan_residency)found->residency,
		.reason = reason_of(plan, found),
	};
	if (found->shard >= plan->reader->first_file)
		step->file = cairn_string_from(plan->reader->files[found->shard].name);
	return CAIRN_OK;
}

/* --------------------------------------------------------------------------------------- report */

static void count_entries(const struct cairn_plan *plan, struct cairn_plan_report *report)
{
	report->entries = plan->entry_count;
	for (uint64_t i = 0; i < plan->entry_count; i++) {
		struct cairn_plan_result result = {.size = sizeof(result)};

		if (cairn_plan_result(plan, i, &result, NULL) != CAIRN_OK)
			continue;
		report->bytes += result.bytes;
		report->entries_failed += result.status != CAIRN_OK;
	}
}

static void add_facts(const struct cairn_plan *plan, struct cairn_plan_report *report)
{
	const struct plan_facts *const facts = &plan->facts;

	report->steps = plan->step_count;
	report->file_bytes = facts->file_bytes;
	report->resident_bytes = facts->by_residency[CAIRN_PLAN_RESIDENT];
	report->absent_bytes = facts->by_residency[CAIRN_PLAN_ABSENT];
	report->unknown_bytes = facts->by_residency[CAIRN_PLAN_UNKNOWN];
	report->mapped_bytes = facts->by_transport[CAIRN_PLAN_MAPPED];
	report->read_bytes = facts->by_transport[CAIRN_PLAN_READ];
	report->decoded_bytes = facts->by_transport[CAIRN_PLAN_DECODE];
	report->skipped_bytes = facts->skipped_bytes;
	report->memory_available = facts->memory_available;
	report->private_bytes = facts->view_bytes +
				facts->threads * (facts->scratch_size + facts->chunk_size +
						  facts->piece_size);
	report->threads = facts->threads;
	report->verified = reader_has_digests(plan->reader) &&
			   plan->reader->verification == CAIRN_VERIFY_ON_FIRST_USE;
	report->predicted_rate = facts->predicted_rate;
}

static void add_times(const struct cairn_plan *plan, struct cairn_plan_report *report)
{
	struct mutex *const mutex = (struct mutex *)(uintptr_t)&plan->mutex;

	mutex_lock(mutex);
	if (plan->is_begun && plan->finished == plan->work_count)
		report->elapsed_ns = plan->ended_ns - plan->begun_ns;
	mutex_unlock(mutex);
	if (report->elapsed_ns != 0)
		report->achieved_rate = (uint64_t)((double)plan->facts.file_bytes * 1e9 /
						   (double)report->elapsed_ns);
}

void cairn_plan_report(const struct cairn_plan *plan, struct cairn_plan_report *report)
{
	const size_t size = report->size == 0 ? sizeof(*report) : report->size;
	struct cairn_plan_report facts = {.size = size};

	count_entries(plan, &facts);
	facts.memory_available = CAIRN_PLAN_NOT_LIMITED;
	if (atomic_load(&plan->is_prepared) && plan->prepare_status == CAIRN_OK) {
		add_facts(plan, &facts);
		add_times(plan, &facts);
	}
	memcpy(report, &facts, size < sizeof(facts) ? size : sizeof(facts));
}
