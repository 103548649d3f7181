/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listing what cannot be expressed. Once a name did not fit none is listed any more, so that the
 * list is the beginning of what there is, in order.
 */
#include "engine/write/refusal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/error.h"

void refusal_add(struct refusal *refusal, const char *kind, struct cairn_string name,
		 const char *why)
{
	const size_t used = strlen(refusal->text);
	const char *const separator = used == 0 ? "" : ", ";
	char entry[QUOTE_SIZE + 128];

	refusal->count++;
	if (kind == NULL)
		snprintf(entry, sizeof(entry), "%s%s", separator, why);
	else
		snprintf(entry, sizeof(entry), "%s%s %s (%s)", separator, kind, quote(name).text,
			 why);
	if (refusal->listed + 1 < refusal->count || used + strlen(entry) >= sizeof(refusal->text))
		return;
	memcpy(refusal->text + used, entry, strlen(entry) + 1);
	refusal->listed++;
}

enum cairn_status refusal_status(const struct refusal *refusal, const char *format,
				 struct cairn_error *error)
{
	char more[40] = "";

	if (refusal->count == 0)
		return CAIRN_OK;
	if (refusal->listed < refusal->count)
		snprintf(more, sizeof(more), " and %" PRIu64 " more",
			 refusal->count - refusal->listed);
	return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET, "%s cannot hold %s%s",
			 format, refusal->text, more);
}
