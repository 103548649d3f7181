/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list in a message of what does not fit, so that one attempt tells all; or the beginning of it,
 * and how much more there is.
 */
#ifndef CAIRN_ENGINE_COMPLAINTS_H
#define CAIRN_ENGINE_COMPLAINTS_H

#include <stdint.h>

#include <cairn/error.h>

/* Starts zeroed. */
struct complaints {
	char text[300];
	uint64_t used;
	uint64_t count;
	uint64_t listed;
};

void complain(struct complaints *complaints, const char *format, ...) CAIRN_PRINTF(2, 3);

/* "" or " and 3 more". */
struct complaints_rest {
	char text[32];
};

struct complaints_rest complaints_rest(const struct complaints *complaints);

#endif
