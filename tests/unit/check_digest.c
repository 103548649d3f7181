/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests against vectors that were computed with xxHash 0.8.1 by another program; the rule of
 * chunks; the text form.
 */
#include "format/digest.h"

#include "format/bytes.h"
#include "tests/support/suite.h"

/* Of n bytes, the i-th of which is 7 * i mod 251. */
static const struct {
	size_t size;
	const char *text;
	uint64_t short_digest;
} vectors[] = {
	{0, "99aa06d3014798d86001c324468d497f", 0x2d06800538d394c2},
	{1, "a6cd5e9392000f6ac44bdff4074eecdb", 0xc44bdff4074eecdb},
	{3, "656e81c56e41fe02c3489259e968ad9e", 0xc3489259e968ad9e},
	{8, "e4b9dd0b66ff3c50ebabbd0695002ff6", 0xb88dee77f6bf6980},
	{16, "ddf6c1254d70f76794eaa17b20756f46", 0x9da23836adf2be1e},
	{17, "263f67af63088041735fe434ded90c3c", 0xf34c3c9cf5a112d1},
	{128, "381610c474b8adfb2dfb73305de1f91a", 0x4c659b745f435148},
	{129, "4e05eed4427255d51f8b5092c9ba3be8", 0xb85222b83902b6e5},
	{240, "17ffe035d71c1ec8e6bf81617aad6c4a", 0xd6dfbf67b0675b54},
	{241, "29bc1e9cffb6d79bc614c8c3575348c1", 0xc614c8c3575348c1},
	{1024, "07fe8eadab1cf098f22ef3dc84ff47ea", 0xf22ef3dc84ff47ea},
	{65536, "da25096a04743fc0db485bf0653067e1", 0xdb485bf0653067e1},
};

static uint8_t bytes[65536 + 64];

static void fill(size_t start)
{
	for (size_t i = 0; i < 65536; i++)
		bytes[start + i] = (uint8_t)(i * 7 % 251);
}

START_TEST(digests_are_those_of_xxhash)
{
	char text[DIGEST_TEXT_SIZE];
	struct cairn_digest digest;

	fill(0);
	digest = digest_bytes(bytes, vectors[_i].size);
	digest_text(&digest, text);
	ck_assert_str_eq(text, vectors[_i].text);
	ck_assert_uint_eq(digest64_bytes(bytes, vectors[_i].size), vectors[_i].short_digest);
}
END_TEST

START_TEST(a_known_text_has_its_known_digest)
{
	const struct cairn_digest digest = digest_bytes("abc", 3);
	char text[DIGEST_TEXT_SIZE];

	digest_text(&digest, text);
	ck_assert_str_eq(text, "06b05ab6733a618578af5f94892f3950");
}
END_TEST

START_TEST(the_place_in_memory_does_not_matter)
{
	char text[DIGEST_TEXT_SIZE];

	for (size_t start = 0; start < 64; start++) {
		struct cairn_digest digest;

		fill(start);
		digest = digest_bytes(bytes + start, 65536);
		digest_text(&digest, text);
		ck_assert_str_eq(text, vectors[COUNT_OF(vectors) - 1].text);
	}
}
END_TEST

START_TEST(pieces_give_the_digest_of_the_whole)
{
	static const size_t pieces[] = {1, 16, 63, 64, 255, 256, 257, 1000, 4096, 65536};
	struct digest_stream stream;
	struct cairn_digest whole;
	struct cairn_digest found;

	fill(0);
	for (size_t v = 0; v < COUNT_OF(vectors); v++) {
		whole = digest_bytes(bytes, vectors[v].size);
		digest_stream_begin(&stream);
		for (size_t at = 0; at < vectors[v].size; at += pieces[_i]) {
			const size_t left = vectors[v].size - at;

			digest_stream_update(&stream, bytes + at,
					     left < pieces[_i] ? left : pieces[_i]);
		}
		found = digest_stream_end(&stream);
		ck_assert(digest_equal(&whole, &found));
	}
}
END_TEST

START_TEST(every_byte_counts)
{
	const struct cairn_digest before = digest_bytes(bytes, 4096);

	for (size_t i = 0; i < 4096; i++) {
		struct cairn_digest after;

		bytes[i] ^= 1;
		after = digest_bytes(bytes, 4096);
		ck_assert(!digest_equal(&before, &after));
		bytes[i] ^= 1;
	}
}
END_TEST

START_TEST(equal_looks_at_all_bytes)
{
	struct cairn_digest a = {{0}};
	struct cairn_digest b = {{0}};

	ck_assert(digest_equal(&a, &b));
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		b.bytes[i] = 1;
		ck_assert(!digest_equal(&a, &b));
		b.bytes[i] = 0;
	}
}
END_TEST

START_TEST(one_chunk_has_its_own_digest)
{
	const struct cairn_digest chunk = digest_bytes("abc", 3);
	const struct cairn_digest found = digest_of_chunks(chunk.bytes, 1);

	ck_assert(digest_equal(&chunk, &found));
}
END_TEST

START_TEST(several_chunks_have_the_digest_of_their_list)
{
	uint8_t list[3 * DIGEST_SIZE];

	for (size_t i = 0; i < sizeof(list); i++)
		list[i] = (uint8_t)i;
	for (uint64_t count = 2; count <= 3; count++) {
		const struct cairn_digest expected = digest_bytes(list, count * DIGEST_SIZE);
		const struct cairn_digest found = digest_of_chunks(list, count);

		ck_assert(digest_equal(&expected, &found));
	}
}
END_TEST

START_TEST(no_chunks_have_the_digest_of_nothing)
{
	const struct cairn_digest nothing = digest_bytes("", 0);
	const struct cairn_digest found = digest_of_chunks(bytes, 0);

	ck_assert(digest_equal(&nothing, &found));
}
END_TEST

static Suite *digest_suite(void)
{
	Suite *suite = suite_create("digest");
	TCase *tests = tcase_create("digest");

	tcase_add_loop_test(tests, digests_are_those_of_xxhash, 0, COUNT_OF(vectors));
	tcase_add_test(tests, a_known_text_has_its_known_digest);
	tcase_add_test(tests, the_place_in_memory_does_not_matter);
	tcase_add_loop_test(tests, pieces_give_the_digest_of_the_whole, 0, 10);
	tcase_add_test(tests, every_byte_counts);
	tcase_add_test(tests, equal_looks_at_all_bytes);
	tcase_add_test(tests, one_chunk_has_its_own_digest);
	tcase_add_test(tests, several_chunks_have_the_digest_of_their_list);
	tcase_add_test(tests, no_chunks_have_the_digest_of_nothing);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(digest_suite());
}
