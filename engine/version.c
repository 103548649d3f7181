/* SPDX-License-Identifier: Apache-2.0 */
/* The version of the library, and the shorthand for terminated strings. */
#include <string.h>

#include <cairn/base.h>

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)

const char *cairn_version(void)
{
	return TEXT(CAIRN_VERSION_MAJOR) "." TEXT(CAIRN_VERSION_MINOR) "." TEXT(
		CAIRN_VERSION_PATCH);
}

struct cairn_string cairn_string_from(const char *text)
{
	return (struct cairn_string){text, text == NULL ? 0 : strlen(text)};
}
