/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages: one line of printable UTF-8 whatever names hold, cut where there is no more room.
 */
#include "format/error.h"

#include <errno.h>

#include "format/utf8.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

START_TEST(every_status_has_a_name)
{
	static const char *const names[] = {
		"OK",          "INVALID_ARGUMENT", "NOT_FOUND",    "EXISTS",    "NOT_A_CHECKPOINT",
		"UNSUPPORTED", "CORRUPT",          "CHECKSUM",     "TRUNCATED", "LIMIT",
		"MISMATCH",    "UNMATCHED",        "PRECONDITION", "IO",        "NO_MEMORY",
		"BUSY",        "CANCELLED",        "IN_DOUBT"};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		ck_assert_str_eq(cairn_status_name((enum cairn_status)i), names[i]);
	ck_assert_str_eq(cairn_status_name((enum cairn_status)18), "UNKNOWN");
	ck_assert_str_eq(cairn_status_name((enum cairn_status) - 1), "UNKNOWN");
}
END_TEST

START_TEST(a_record_holds_what_was_said)
{
	struct cairn_error error;

	ck_assert_int_eq(error_set(&error, CAIRN_CORRUPT, 42, "size %d of %s", 7, "x"),
			 CAIRN_CORRUPT);
	ck_assert_int_eq(error.code, CAIRN_CORRUPT);
	ck_assert_int_eq(error.system_errno, 0);
	ck_assert_uint_eq(error.offset, 42);
	ck_assert_str_eq(error.message, "size 7 of x");
}
END_TEST

START_TEST(no_record_is_needed)
{
	ck_assert_int_eq(error_set(NULL, CAIRN_CORRUPT, 0, "x"), CAIRN_CORRUPT);
	ck_assert_int_eq(error_set_system(NULL, -ENOENT, "x"), CAIRN_NOT_FOUND);
	ck_assert_int_eq(error_set_memory(NULL, "x"), CAIRN_NO_MEMORY);
	ck_assert_int_eq(error_prefix(NULL, CAIRN_IO, "x"), CAIRN_IO);
	ck_assert_int_eq(error_prefix_tensor(NULL, CAIRN_IO, cairn_string_from("x")), CAIRN_IO);
}
END_TEST

static const struct {
	int number;
	enum cairn_status status;
	const char *message;
} numbers[] = {
	{ENOMEM, CAIRN_NO_MEMORY, "cannot x: Cannot allocate memory"},
	{ENOENT, CAIRN_NOT_FOUND, "cannot x: No such file or directory"},
	{ENOTDIR, CAIRN_NOT_FOUND, "cannot x: Not a directory"},
	{EEXIST, CAIRN_EXISTS, "cannot x: File exists"},
	{ENOSPC, CAIRN_IO, "cannot x: No space left on device"},
	{EACCES, CAIRN_IO, "cannot x: Permission denied"},
	{EIO, CAIRN_IO, "cannot x: Input/output error"},
	{99999, CAIRN_IO, "cannot x: unknown error"},
};

START_TEST(system_errors_become_statuses)
{
	struct cairn_error error;

	ck_assert_int_eq(error_set_system(&error, -numbers[_i].number, "cannot %s", "x"),
			 numbers[_i].status);
	ck_assert_int_eq(error.code, numbers[_i].status);
	ck_assert_int_eq(error.system_errno, numbers[_i].number);
	ck_assert_uint_eq(error.offset, CAIRN_ERROR_NO_OFFSET);
	ck_assert_str_eq(error.message, numbers[_i].message);
}
END_TEST

START_TEST(prefixes_come_first_and_leave_the_rest)
{
	struct cairn_error error;

	error_set(&error, CAIRN_CORRUPT, 42, "wrong");
	ck_assert_int_eq(error_prefix_tensor(&error, CAIRN_CORRUPT, cairn_string_from("w\n")),
			 CAIRN_CORRUPT);
	error_prefix(&error, CAIRN_CORRUPT, "a'b");
	ck_assert_str_eq(error.message, "'a\\x27b': tensor 'w\\x0a': wrong");
	ck_assert_uint_eq(error.offset, 42);
	ck_assert_int_eq(error.code, CAIRN_CORRUPT);
}
END_TEST

START_TEST(missing_memory_says_for_what)
{
	struct cairn_error error;

	error_set_memory(&error, "the index");
	ck_assert_int_eq(error.code, CAIRN_NO_MEMORY);
	ck_assert_str_eq(error.message, "no memory for the index");
}
END_TEST

/* -------------------------------------------------------------------------------------- quoting */

static const struct {
	const char *name;
	size_t size;
	const char *quoted;
} names[] = {
	{"", 0, "''"},
	{NULL, 0, "''"},
	{"w.7", 3, "'w.7'"},
	{"a b", 3, "'a b'"},
	{"a\0b", 3, "'a\\x00b'"},
	{"\n\t\r\x1b[31m", 8, "'\\x0a\\x09\\x0d\\x1b[31m'"},
	{"\x7f", 1, "'\\x7f'"},
	{"'", 1, "'\\x27'"},
	{"\\", 1, "'\\x5c'"},
	{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, "'\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80'"},
	{"\xc2\x9b", 2, "'\\xc2\\x9b'"}, /* a C1 control: the one-character CSI */
	{"\xc2\xa0", 2, "'\xc2\xa0'"},
	{"\xff\xfe", 2, "'\\xff\\xfe'"},
	{"\xe2\x82", 2, "'\\xe2\\x82'"},
	{"a\xc3", 2, "'a\\xc3'"},
	{"\xed\xa0\x80", 3, "'\\xed\\xa0\\x80'"},
};

START_TEST(names_are_quoted_for_a_terminal)
{
	const struct quoted quoted = quote((struct cairn_string){names[_i].name, names[_i].size});

	ck_assert_str_eq(quoted.text, names[_i].quoted);
}
END_TEST

START_TEST(long_names_keep_both_ends)
{
	char name[300];
	struct quoted quoted;

	memset(name, 'x', sizeof(name));
	memcpy(name, "model.layers", 12);
	memcpy(name + sizeof(name) - 9, ".7.weight", 9);
	quoted = quote((struct cairn_string){name, sizeof(name)});
	ck_assert_uint_lt(strlen(quoted.text), QUOTE_SIZE);
	ck_assert_int_eq(strncmp(quoted.text, "'model.layersxx", 15), 0);
	ck_assert_str_eq(quoted.text + strlen(quoted.text) - 10, ".7.weight'");
	ck_assert_ptr_nonnull(strstr(quoted.text, "x...x"));
}
END_TEST

START_TEST(a_name_that_just_fits_is_not_shortened)
{
	char name[QUOTE_SIZE];

	memset(name, 'x', sizeof(name));
	for (size_t size = QUOTE_SIZE - 10; size < QUOTE_SIZE; size++) {
		const struct quoted quoted = quote((struct cairn_string){name, size});
		const bool fits = size + 3 <= QUOTE_SIZE;

		ck_assert_int_eq(strstr(quoted.text, "...") == NULL, fits);
		ck_assert(!fits || strlen(quoted.text) == size + 2);
	}
}
END_TEST

static bool is_clean_line(const char *text)
{
	if (!utf8_valid(text, strlen(text)))
		return false;
	for (; *text != '\0'; text++) {
		const unsigned char byte = (unsigned char)*text;

		if (byte < 0x20 || byte == 0x7f)
			return false;
	}
	return true;
}

/* Bytes of which many are awkward. */
static size_t random_name(struct random *random, char *name, size_t size_max)
{
	static const char awkward[] = "\xc3\xa9\xf0\x9f\x98\x80\x80\xff'\\\n\x1b\xc2\x9b\x7f";
	const size_t size = random_below(random, size_max + 1);

	for (size_t i = 0; i < size; i++)
		name[i] = random_below(random, 3) == 0
				  ? 'a'
				  : awkward[random_below(random, sizeof(awkward))];
	return size;
}

START_TEST(whatever_a_name_holds_the_quote_is_clean)
{
	struct random random = {(uint64_t)_i};
	char name[400];

	for (int i = 0; i < 2000; i++) {
		const size_t size = random_name(&random, name, sizeof(name));
		const struct quoted quoted = quote((struct cairn_string){name, size});

		ck_assert_uint_lt(strlen(quoted.text), QUOTE_SIZE);
		ck_assert_msg(is_clean_line(quoted.text), "seed %d: %s", _i, quoted.text);
	}
}
END_TEST

/* ---------------------------------------------------------------------------- too long messages */

START_TEST(long_messages_are_cut)
{
	struct cairn_error error;
	char text[2000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_set(&error, CAIRN_IO, 0, "%s", text);
	ck_assert_uint_eq(strlen(error.message), CAIRN_MESSAGE_SIZE - 1);
	error_set_system(&error, -ENOSPC, "%s", text);
	ck_assert_uint_eq(strlen(error.message), CAIRN_MESSAGE_SIZE - 1);
}
END_TEST

START_TEST(prefixes_push_the_end_out)
{
	struct cairn_error error;

	error_set(&error, CAIRN_IO, 0, "the end");
	for (int i = 0; i < 200; i++)
		error_prefix(&error, CAIRN_IO, "folder");
	ck_assert_uint_eq(strlen(error.message), CAIRN_MESSAGE_SIZE - 1);
	ck_assert_int_eq(strncmp(error.message, "'folder': 'folder': ", 20), 0);
}
END_TEST

START_TEST(a_cut_does_not_go_through_a_character)
{
	for (size_t shift = 0; shift < 4; shift++) {
		struct cairn_error error;
		char text[2 * CAIRN_MESSAGE_SIZE] = {0};

		memset(text, 'x', shift);
		for (size_t i = shift; i + 4 < sizeof(text); i += 4)
			memcpy(text + i, "\xf0\x9f\x98\x80", 4);
		error_set(&error, CAIRN_IO, 0, "%s", text);
		ck_assert(is_clean_line(error.message));
		error_prefix(&error, CAIRN_IO, "folder");
		ck_assert(is_clean_line(error.message));
		ck_assert_uint_ge(strlen(error.message), CAIRN_MESSAGE_SIZE - 4);
		error_set_system(&error, -ENOSPC, "%s", text);
		ck_assert(is_clean_line(error.message));
	}
}
END_TEST

static Suite *error_suite(void)
{
	Suite *suite = suite_create("error");
	TCase *tests = tcase_create("error");

	tcase_add_test(tests, every_status_has_a_name);
	tcase_add_test(tests, a_record_holds_what_was_said);
	tcase_add_test(tests, no_record_is_needed);
	tcase_add_loop_test(tests, system_errors_become_statuses, 0, COUNT_OF(numbers));
	tcase_add_test(tests, prefixes_come_first_and_leave_the_rest);
	tcase_add_test(tests, missing_memory_says_for_what);
	tcase_add_loop_test(tests, names_are_quoted_for_a_terminal, 0, COUNT_OF(names));
	tcase_add_test(tests, long_names_keep_both_ends);
	tcase_add_test(tests, a_name_that_just_fits_is_not_shortened);
	tcase_add_loop_test(tests, whatever_a_name_holds_the_quote_is_clean, 0, 5);
	tcase_add_test(tests, long_messages_are_cut);
	tcase_add_test(tests, prefixes_push_the_end_out);
	tcase_add_test(tests, a_cut_does_not_go_through_a_character);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(error_suite());
}
