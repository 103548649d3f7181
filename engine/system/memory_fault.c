/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting calls and picking the ones that fail. A slot counts for itself, so that a second fault
 * can be placed relative to the first, wherever clean-up after the first one leads.
 */
#include "engine/system/memory_fault.h"

#include <assert.h>
#include <stddef.h>

static bool counts_for(const struct memory_fault *fault, enum memory_call call)
{
	if (fault->at == 0)
		return false;
	if (fault->call == MEMORY_CALL_ANY)
		return call != MEMORY_CALL_ALLOCATE;
	return fault->call == call;
}

/* `armed`: the slot before has fired at an earlier call. */
static bool slot_hit(struct memory_fault_slot *slot, enum memory_call call, bool armed)
{
	const struct memory_fault *fault = &slot->fault;

	if (!counts_for(fault, call) || (fault->after_previous && !armed))
		return false;
	slot->seen++;
	return slot->seen == fault->at || (fault->forever && slot->seen > fault->at);
}

const struct memory_fault *memory_faults_next(struct memory_faults *faults, enum memory_call call)
{
	const struct memory_fault *hit = NULL;
	bool armed = true;

	assert(call < MEMORY_CALL_KINDS);
	faults->calls[call]++;
	for (size_t i = 0; i < MEMORY_FAULT_SLOTS; i++) {
		struct memory_fault_slot *slot = &faults->slots[i];
		const bool fired_before = slot->fired != 0;

		if (slot_hit(slot, call, armed) && hit == NULL) {
			slot->fired++;
			hit = &slot->fault;
		}
		armed = fired_before;
	}
	return hit;
}

uint64_t memory_faults_calls(const struct memory_faults *faults, enum memory_call call)
{
	uint64_t sum = 0;

	if (call < MEMORY_CALL_KINDS)
		return faults->calls[call];
	for (size_t i = 0; i < MEMORY_CALL_KINDS; i++) {
		if (i != MEMORY_CALL_ALLOCATE)
			sum += faults->calls[i];
	}
	return sum;
}

const char *memory_call_name(enum memory_call call)
{
	static const char *const names[] = {
		[MEMORY_CALL_OPEN] = "open",
		[MEMORY_CALL_CREATE] = "create",
		[MEMORY_CALL_DUPLICATE] = "duplicate",
		[MEMORY_CALL_CLOSE] = "close",
		[MEMORY_CALL_STATUS] = "status",
		[MEMORY_CALL_STATUS_AT] = "status_at",
		[MEMORY_CALL_IS_LOCAL] = "is_local",
		[MEMORY_CALL_PREAD] = "pread",
		[MEMORY_CALL_PWRITE] = "pwrite",
		[MEMORY_CALL_COPY_RANGE] = "copy_range",
		[MEMORY_CALL_PREALLOCATE] = "preallocate",
		[MEMORY_CALL_TRUNCATE] = "truncate",
		[MEMORY_CALL_SYNC] = "sync",
		[MEMORY_CALL_RENAME] = "rename",
		[MEMORY_CALL_LINK] = "link",
		[MEMORY_CALL_UNLINK] = "unlink",
		[MEMORY_CALL_MAKE_DIRECTORY] = "make_directory",
		[MEMORY_CALL_REMOVE_DIRECTORY] = "remove_directory",
		[MEMORY_CALL_LIST] = "list",
		[MEMORY_CALL_LOCK] = "lock",
		[MEMORY_CALL_MAP] = "map",
		[MEMORY_CALL_POPULATE] = "populate",
		[MEMORY_CALL_RESIDENT] = "resident",
		[MEMORY_CALL_ADVISE] = "advise",
		[MEMORY_CALL_THREAD_START] = "thread_start",
		[MEMORY_CALL_RANDOM] = "random",
		[MEMORY_CALL_WATCH] = "watch",
		[MEMORY_CALL_WATCH_WAIT] = "watch_wait",
		[MEMORY_CALL_WORKING_DIRECTORY] = "working_directory",
		[MEMORY_CALL_ALLOCATE] = "allocate",
	};

	return call < MEMORY_CALL_KINDS ? names[call] : "any";
}
