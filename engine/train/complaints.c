/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting the list together. Once something did not fit none is listed any more, so that the list
 * is the beginning of what there is, in order.
 */
#include "engine/train/complaints.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "format/error.h"

void complain(struct complaints *complaints, const char *format, ...)
{
	const char *const separator = complaints->listed == 0 ? "" : ", ";
	char text[QUOTE_SIZE + 100];
	va_list arguments;
	size_t size;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	complaints->count++;
	size = strlen(separator) + strlen(text);
	if (complaints->listed + 1 < complaints->count ||
	    size >= sizeof(complaints->text) - complaints->used)
		return;
	snprintf(complaints->text + complaints->used, sizeof(complaints->text) - complaints->used,
		 "%s%s", separator, text);
	complaints->used += size;
	complaints->listed++;
}

struct complaints_rest complaints_rest(const struct complaints *complaints)
{
	struct complaints_rest rest = {""};

	if (complaints->count > complaints->listed)
		snprintf(rest.text, sizeof(rest.text), " and %" PRIu64 " more",
			 complaints->count - complaints->listed);
	return rest;
}
