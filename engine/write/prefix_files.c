/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names are judged from their end: what stands before the suffix is the prefix, whatever it looks
 * like.
 */
#include "engine/write/prefix_files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/error.h"

#define INDEX_SUFFIX ".index"
#define DIGITS       "0123456789"

enum {
	DIGITS_MIN = 5,
	DIGITS_MAX = 10
};

/* ---------------------------------------------------------------------------------------- names */

static bool fits(int size)
{
	return size > 0 && size < SYSTEM_NAME_SIZE;
}

bool prefix_index_name(const char *prefix, char name[SYSTEM_NAME_SIZE])
{
	return fits(snprintf(name, SYSTEM_NAME_SIZE, "%s" INDEX_SUFFIX, prefix));
}

bool prefix_data_name(const char *prefix, struct data_number number, char name[SYSTEM_NAME_SIZE])
{
	return fits(snprintf(name, SYSTEM_NAME_SIZE, "%s.data-%05" PRIu32 "-of-%05" PRIu32, prefix,
			     number.number, number.total));
}

/* The first `size` bytes of a name, which is not longer than a folder's names can be. */
static bool take_prefix(const char *name, size_t size, char prefix[SYSTEM_NAME_SIZE])
{
	if (size == 0 || size >= SYSTEM_NAME_SIZE)
		return false;
	memcpy(prefix, name, size);
	prefix[size] = '\0';
	return true;
}

bool parse_prefix_index(const char *name, char prefix[SYSTEM_NAME_SIZE])
{
	const size_t size = strlen(name);
	const size_t suffix = strlen(INDEX_SUFFIX);

	return size > suffix && strcmp(name + size - suffix, INDEX_SUFFIX) == 0 &&
	       take_prefix(name, size - suffix, prefix);
}

/* The number whose digits end at `*end`, which is moved to where they begin. */
static bool take_number(const char *name, size_t *end, uint32_t *number)
{
	uint64_t value = 0;
	size_t digits = 0;

	while (digits < *end && digits <= DIGITS_MAX &&
	       strchr(DIGITS, name[*end - digits - 1]) != NULL)
		digits++;
	if (digits < DIGITS_MIN || digits > DIGITS_MAX)
		return false;
	*end -= digits;
	if (digits > DIGITS_MIN && name[*end] == '0')
		return false;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (uint64_t)(name[*end + i] - '0');
	*number = (uint32_t)value;
	return value <= UINT32_MAX;
}

/* The word that ends at `*end`. */
static bool take_word(const char *name, size_t *end, const char *word)
{
	const size_t size = strlen(word);

	if (*end < size || memcmp(name + *end - size, word, size) != 0)
		return false;
	*end -= size;
	return true;
}

bool parse_prefix_data(const char *name, char prefix[SYSTEM_NAME_SIZE], struct data_number *number)
{
	size_t end = strlen(name);

	return take_number(name, &end, &number->total) && take_word(name, &end, "-of-") &&
	       take_number(name, &end, &number->number) && take_word(name, &end, ".data-") &&
	       number->number < number->total && take_prefix(name, end, prefix);
}

/* -------------------------------------------------------------------------------------- listing */

#define FIRST_CAPACITY 16u

static bool add_data(struct prefix_files *files, struct data_number number)
{
	if (files->count == files->capacity) {
		const uint32_t capacity = files->capacity == 0 ? FIRST_CAPACITY
							       : files->capacity * 2;
		struct data_number *const data = system_reallocate(files->system, files->data,
								   capacity * sizeof(*data));

		if (data == NULL)
			return false;
		files->data = data;
		files->capacity = capacity;
	}
	files->data[files->count++] = number;
	return true;
}

/* The prefix is the one that is listed, or the first of all. */
static bool is_wanted(struct prefix_files *files, const char *prefix)
{
	if (files->prefix[0] == '\0')
		memcpy(files->prefix, prefix, strlen(prefix) + 1);
	return strcmp(files->prefix, prefix) == 0;
}

static int list_file(void *context, const char *name)
{
	struct prefix_files *const files = context;
	struct data_number number;
	char prefix[SYSTEM_NAME_SIZE];

	if (parse_prefix_index(name, prefix) && is_wanted(files, prefix))
		files->has_index = true;
	else if (!parse_prefix_data(name, prefix, &number) || !is_wanted(files, prefix))
		files->has_others = true;
	else if (!add_data(files, number))
		return -ENOMEM;
	return 0;
}

enum cairn_status prefix_files_list(struct folder *folder, const char *prefix,
				    struct prefix_files *files, struct cairn_error *error)
{
	int result;

	*files = (struct prefix_files){.system = folder->system};
	if (prefix != NULL)
		memcpy(files->prefix, prefix, strlen(prefix) + 1);
	result = system_list(folder->system, folder->fd, list_file, files);
	return result < 0 ? error_set_system(error, result, "cannot list the folder") : CAIRN_OK;
}

void prefix_files_fini(struct prefix_files *files)
{
	if (files->system != NULL)
		system_free(files->system, files->data);
	*files = (struct prefix_files){0};
}
