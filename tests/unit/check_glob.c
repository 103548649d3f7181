/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns over names: what matches, what a star takes, and what is made of it.
 */
#include "format/glob.h"

#include "tests/support/random.h"
#include "tests/support/suite.h"

static struct cairn_string string(const char *text)
{
	return cairn_string_from(text);
}

static const struct {
	const char *pattern;
	const char *text;
	bool matches;
} cases[] = {
	{"", "", true},
	{"", "a", false},
	{"a", "a", true},
	{"a", "", false},
	{"*", "", true},
	{"*", "a/b.c", true},
	{"a*", "abc", true},
	{"a*", "bac", false},
	{"*c", "abc", true},
	{"*c", "acb", false},
	{"a*b*c", "axxbyyc", true},
	{"a*b*c", "abbc", true},
	{"a*b*c", "acb", false},
	{"*.weight", "h.0.weight.weight", true},
	{"**", "ab", true},
	{"?", "€", true},
	{"?", "", false},
	{"??", "a", false},
	{"a?c", "abc", true},
	{"[abc]", "b", true},
	{"[abc]", "d", false},
	{"[a-c]x", "bx", true},
	{"[!a-c]", "b", false},
	{"[!a-c]", "d", true},
	{"[^a-c]", "d", true},
	{"[]]", "]", true},
	{"[!]]", "]", false},
	{"[a-]", "-", true},
	{"[\\]]", "]", true},
	{"[α-ω]", "λ", true},
	{"[α-ω]", "a", false},
	{"\\*", "*", true},
	{"\\*", "a", false},
	{"\\[a", "[a", true},
	{"\\\\", "\\", true},
	{"h.[0-9]*.w", "h.10.w", true},
	{"h.[0-9]*.w", "h.x.w", false},
	{"\xff", "\xff", true},
	{"*aaaaaaaaaaaaaaab", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
};

START_TEST(patterns_match_all_of_a_name)
{
	ck_assert_ptr_null(glob_problem(string(cases[_i].pattern)));
	ck_assert_msg(glob_match(string(cases[_i].pattern), string(cases[_i].text), NULL) ==
			      cases[_i].matches,
		      "'%s' and '%s'", cases[_i].pattern, cases[_i].text);
}
END_TEST

START_TEST(names_may_hold_nul)
{
	const struct cairn_string text = {"a\0b", 3};

	ck_assert(glob_match(string("a*b"), text, NULL));
	ck_assert(glob_match(string("a?b"), text, NULL));
}
END_TEST

START_TEST(wrong_patterns_are_told)
{
	static const char *const wrong[] = {"[", "[a", "[]", "[!]", "a\\", "[a\\", "*[\\"};
	char many[34];

	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		ck_assert_ptr_nonnull(glob_problem(string(wrong[i])));
	memset(many, '*', 33);
	many[33] = '\0';
	ck_assert_ptr_nonnull(glob_problem(string(many)));
	many[32] = '\0';
	ck_assert_ptr_null(glob_problem(string(many)));
}
END_TEST

static const struct {
	const char *pattern;
	const char *text;
	const char *replacement;
	const char *result;
} replacements[] = {
	{"h.*.w", "h.10.w", "layers.*.weight", "layers.10.weight"},
	{"*.*", "a.b.c", "*/*", "a/b.c"},
	{"*.*", "a.b", "{2}.{1}.{2}", "b.a.b"},
	{"*", "€", "<*>", "<€>"},
	{"a", "a", "", ""},
	{"a", "a", "\\*\\{\\\\", "*{\\"},
	{"**", "xy", "*-*", "-xy"},
	{"x*", "x", "*", ""},
};

START_TEST(stars_take_as_little_as_they_can)
{
	const struct cairn_string replacement = string(replacements[_i].replacement);
	struct glob_parts parts;
	char out[64];
	size_t size;

	ck_assert_ptr_null(glob_replacement_problem(replacement,
						    glob_stars(string(replacements[_i].pattern))));
	ck_assert(glob_match(string(replacements[_i].pattern), string(replacements[_i].text),
			     &parts));
	size = glob_replace(replacement, &parts, out, sizeof(out));
	ck_assert_uint_eq(size, strlen(replacements[_i].result));
	ck_assert(memcmp(out, replacements[_i].result, size) == 0);
	ck_assert_uint_eq(glob_replace(replacement, &parts, out, 0), size);
}
END_TEST

START_TEST(wrong_replacements_are_told)
{
	static const char *const wrong[] = {"**", "{2}", "{0}", "{", "{1", "{x}", "a\\", "{123}"};

	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		ck_assert_ptr_nonnull(glob_replacement_problem(string(wrong[i]), 1));
}
END_TEST

/* Whatever the bytes, nothing is read past their end (the sanitizers would see it). */
START_TEST(any_bytes_are_a_pattern_or_told)
{
	static const char letters[] = "*?[]!-\\a\xe2\x82\xac{}1";
	struct random random = {3};

	for (int i = 0; i < 20000; i++) {
		const size_t size = random_below(&random, 9);
		char *const bytes = malloc(size + 1);
		struct glob_parts parts;

		for (size_t k = 0; k < size; k++)
			bytes[k] = letters[random_below(&random, sizeof(letters) - 1)];
		if (glob_problem((struct cairn_string){bytes, size}) == NULL) {
			glob_match((struct cairn_string){bytes, size}, string("a]€-!"), &parts);
			glob_match((struct cairn_string){bytes, size}, string(""), &parts);
		}
		glob_replacement_problem((struct cairn_string){bytes, size}, 1);
		free(bytes);
	}
}
END_TEST

static Suite *glob_suite(void)
{
	Suite *suite = suite_create("glob");
	TCase *tests = tcase_create("glob");

	tcase_add_loop_test(tests, patterns_match_all_of_a_name, 0, COUNT_OF(cases));
	tcase_add_test(tests, names_may_hold_nul);
	tcase_add_test(tests, wrong_patterns_are_told);
	tcase_add_loop_test(tests, stars_take_as_little_as_they_can, 0, COUNT_OF(replacements));
	tcase_add_test(tests, wrong_replacements_are_told);
	tcase_add_test(tests, any_bytes_are_a_pattern_or_told);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(glob_suite());
}
