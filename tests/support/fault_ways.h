/* SPDX-License-Identifier: Apache-2.0 */
/* The ways in which a call fails with an error, for sweeps over all calls. */
#ifndef CAIRN_TESTS_FAULT_WAYS_H
#define CAIRN_TESTS_FAULT_WAYS_H

#include <stdint.h>

#include "engine/system/memory_fault.h"

typedef void (*fault_attempt)(const struct memory_fault *fault);

/* The call fails once; it and all that follow do; and, where that can be (not of memory, nor of
 * fsync), it does what it should and says that it has failed. */
void fault_each_way(enum memory_call call, uint64_t at, int error, fault_attempt attempt);

#endif
