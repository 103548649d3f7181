/* SPDX-License-Identifier: Apache-2.0 */
/* Plain file names. Every name of a shard passes through here before it is opened. */
#include "format/file_name.h"

#include <string.h>

const char *file_name_problem(struct cairn_string name)
{
	if (name.size == 0)
		return "it is empty";
	if (memchr(name.data, '/', name.size) != NULL)
		return "it holds a '/'";
	if (memchr(name.data, '\0', name.size) != NULL)
		return "it holds a NUL";
	if (memmem(name.data, name.size, "..", 2) != NULL)
		return "it holds '..'";
	if (name.size == 1 && name.data[0] == '.')
		return "it is a folder";
	return NULL;
}
