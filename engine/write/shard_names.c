/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A name is matched against a pattern in which '0' stands for a decimal digit, 'x' for a lower-case
 * hex digit, and everything else for itself.
 */
#include "engine/write/shard_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool matches(const char *name, const char *pattern)
{
	for (; *pattern != '\0'; name++, pattern++) {
		if (*pattern == '0'   ? strchr("0123456789", *name) == NULL || *name == '\0'
		    : *pattern == 'x' ? strchr("0123456789abcdef", *name) == NULL || *name == '\0'
				      : *name != *pattern)
			return false;
	}
	return *name == '\0';
}

bool is_shard_name(const char *name)
{
	return matches(name, "shard-00000-of-00000.cairn") ||
	       matches(name, "shard-00000-of-00000-xxxxxxxx.cairn");
}

bool is_rank_name(const char *name)
{
	return matches(name, "rank-00000-attempt-00000.cairn");
}

void shard_file_name(uint32_t shard, uint32_t count, const uint32_t *suffix,
		     char name[SYSTEM_NAME_SIZE])
{
	if (suffix == NULL)
		snprintf(name, SYSTEM_NAME_SIZE, "shard-%05" PRIu32 "-of-%05" PRIu32 ".cairn",
			 shard, count);
	else
		snprintf(name, SYSTEM_NAME_SIZE,
			 "shard-%05" PRIu32 "-of-%05" PRIu32 "-%08" PRIx32 ".cairn", shard, count,
			 *suffix);
}

void rank_name(uint32_t rank, uint32_t attempt, char name[SYSTEM_NAME_SIZE])
{
	snprintf(name, SYSTEM_NAME_SIZE, "rank-%05" PRIu32 "-attempt-%05" PRIu32 ".cairn", rank,
		 attempt);
}

static uint32_t five_digits(const char *text)
{
	uint32_t value = 0;

	for (int i = 0; i < 5; i++)
		value = value * 10 + (uint32_t)(text[i] - '0');
	return value;
}

bool parse_rank_name(const char *name, uint32_t *rank, uint32_t *attempt)
{
	if (!is_rank_name(name))
		return false;
	*rank = five_digits(name + strlen("rank-"));
	*attempt = five_digits(name + strlen("rank-00000-attempt-"));
	return true;
}
