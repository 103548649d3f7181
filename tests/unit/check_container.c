/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Header and footer page: round trips, and each field wrong once under a digest that fits. The
 * offsets are those of FORMAT.md, written out here once more.
 */
#include "format/container.h"

#include "format/bytes.h"
#include "format/digest.h"
#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

#define PAGE CONTAINER_PAGE_SIZE

static struct bytes container;

static void set_up(void)
{
	struct build_input input = {0};
	const struct bytes nothing = {NULL, 0};

	container = container_from(&input, &nothing);
}

static void tear_down(void)
{
	bytes_free(&container);
}

static uint8_t *footer_page(void)
{
	return container.data + container.size - PAGE;
}

static void put(uint8_t *page, size_t offset, size_t width, uint64_t value)
{
	memcpy(page + offset, &value, width);
}

/* The page's own digest fits again. */
static void seal(uint8_t *page)
{
	const struct cairn_digest digest = digest_bytes(page, PAGE - DIGEST_SIZE);

	memcpy(page + PAGE - DIGEST_SIZE, digest.bytes, DIGEST_SIZE);
}

static enum cairn_status decode_header(struct container_header *header)
{
	return container_header_decode(container.data, header, &test_error);
}

static enum cairn_status decode_footer(struct container_footer *footer)
{
	struct container_header header = {0};

	/* the header may be wrong: what counts is what the footer says about it */
	(void)container_header_decode(container.data, &header, NULL);
	return container_footer_decode(footer_page(), container.size, container.data, &header,
				       footer, &test_error);
}

/* --------------------------------------------------------------------------------------- header */

START_TEST(a_header_comes_back_as_it_was)
{
	struct random random = {1};
	struct container_header in = {.version = CONTAINER_VERSION, .incompat_flags = _i == 1};
	struct container_header out;
	uint8_t page[PAGE];

	in.compat_flags = random_next(&random);
	random_fill(&random, in.save_id, sizeof(in.save_id));
	container_header_encode(&in, page);
	ck_assert(container_has_header_magic(page));
	ck_assert(!container_has_footer_magic(page));
	ASSERT_OK(container_header_decode(page, &out, &test_error));
	ck_assert_uint_eq(out.version, in.version);
	ck_assert_uint_eq(out.incompat_flags, in.incompat_flags);
	ck_assert_uint_eq(out.compat_flags, in.compat_flags);
	ck_assert_mem_eq(out.save_id, in.save_id, sizeof(in.save_id));
}
END_TEST

static const struct {
	const char *what;
	size_t offset;
	size_t width;
	uint64_t value;
	enum cairn_status status;
	const char *part;
} header_fields[] = {
	{"magic", 0, 1, 0x88, CAIRN_NOT_A_CHECKPOINT, "other bytes at its start"},
	{"the end of the magic", 7, 1, '\r', CAIRN_NOT_A_CHECKPOINT, "other bytes"},
	{"version 0", 8, 4, 0, CAIRN_UNSUPPORTED, "format version 0, this reader knows version 1"},
	{"version 2", 8, 4, 2, CAIRN_UNSUPPORTED, "the header has format version 2"},
	{"size", 12, 4, 8192, CAIRN_CORRUPT, "header size 8192 instead of 4096"},
	{"incompat flags", 16, 8, 2, CAIRN_UNSUPPORTED, "needs features 0x2"},
	{"high incompat flags", 16, 8, (uint64_t)1 << 63, CAIRN_UNSUPPORTED, "0x8000000000000000"},
	{"compat flags", 24, 8, UINT64_MAX, CAIRN_OK, ""},
	{"save id", 32, 8, UINT64_MAX, CAIRN_OK, ""},
	{"first reserved byte", 48, 1, 1, CAIRN_CORRUPT, "reserved bytes of the header"},
	{"last reserved byte", 4095, 1, 1, CAIRN_CORRUPT, "reserved bytes of the header"},
};

START_TEST(each_header_field_is_checked)
{
	struct container_header header = {.version = 77};

	put(container.data, header_fields[_i].offset, header_fields[_i].width,
	    header_fields[_i].value);
	ASSERT_STATUS(decode_header(&header), header_fields[_i].status);
	if (header_fields[_i].status == CAIRN_OK)
		return;
	ck_assert_ptr_nonnull(strstr(test_error.message, header_fields[_i].part));
	ck_assert_uint_eq(header.version, 77);
}
END_TEST

/* --------------------------------------------------------------------------------------- footer */

START_TEST(a_footer_comes_back_as_it_was)
{
	struct random random = {2};
	struct container_footer in;
	struct container_footer out;

	ASSERT_OK(decode_footer(&in));
	random_fill(&random, in.parent_id.bytes, DIGEST_SIZE);
	in.generation = random_next(&random);
	in.alignment = CONTAINER_ALIGNMENT_MAX;
	container_footer_encode(&in, footer_page());
	ASSERT_OK(decode_footer(&out));
	ck_assert_mem_eq(&out, &in, sizeof(in));
}
END_TEST

START_TEST(the_copy_lies_before_the_index)
{
	struct container_footer footer;

	ASSERT_OK(decode_footer(&footer));
	ck_assert_uint_eq(container_footer_copy_offset(&footer), footer.index_offset - PAGE);
	ck_assert_mem_eq(container.data + container_footer_copy_offset(&footer), footer_page(),
			 PAGE);
}
END_TEST

START_TEST(every_known_section_is_there)
{
	struct container_footer footer;

	ASSERT_OK(decode_footer(&footer));
	for (int type = SECTION_TENSORS; type <= SECTION_REGIONS; type++)
		ck_assert_uint_eq(container_footer_section(&footer, (enum section_type)type)->type,
				  (uint32_t)type);
	ck_assert_ptr_null(container_footer_section(&footer, (enum section_type)9));
}
END_TEST

enum {
	SECTIONS = 192,
	ENTRY = 24
};

static const struct {
	const char *what;
	size_t offset;
	size_t width;
	uint64_t value;
	enum cairn_status status;
	const char *part;
} footer_fields[] = {
	{"magic", 0, 1, 0, CAIRN_TRUNCATED, "no footer page at the end"},
	{"a header's magic", 6, 2, '\r' | '\n' << 8, CAIRN_TRUNCATED, "no footer page"},
	{"version", 8, 4, 2, CAIRN_UNSUPPORTED, "the footer has format version 2"},
	{"size", 12, 4, 8192, CAIRN_CORRUPT, "own size is 8192"},
	{"incompat flags", 16, 8, 4, CAIRN_UNSUPPORTED, "the footer needs features 0x4"},
	{"incompat flags that the header has not", 16, 8, 1, CAIRN_CORRUPT, "disagree"},
	{"compat flags that the header has not", 24, 8, 1, CAIRN_CORRUPT, "disagree"},
	{"header digest", 32, 1, 0, CAIRN_CHECKSUM, "the header page has digest"},
	{"a larger file size", 48, 8, 1 << 20, CAIRN_TRUNCATED, "its footer says 1048576"},
	{"a smaller file size", 48, 8, 4096, CAIRN_CORRUPT, "its footer says 4096"},
	{"a huge file size", 48, 8, UINT64_MAX, CAIRN_TRUNCATED, "its footer says"},
	{"an index in the data", 56, 8, 4096, CAIRN_CORRUPT, "index offset is 4096"},
	{"an index that is not aligned", 56, 8, 65536 + 64, CAIRN_CORRUPT, "index offset"},
	{"an index at 0", 56, 8, 0, CAIRN_CORRUPT, "index offset is 0"},
	{"an index behind the file", 56, 8, (uint64_t)1 << 40, CAIRN_CORRUPT, "index size"},
	{"an index whose end wraps", 56, 8, (uint64_t)0 - 65536, CAIRN_CORRUPT, "index size"},
	{"a larger index", 64, 8, 100000, CAIRN_CORRUPT, "index size is 100000"},
	{"an index size that wraps", 64, 8, UINT64_MAX, CAIRN_CORRUPT, "index size"},
	{"larger sections", 72, 8, 100000, CAIRN_CORRUPT, "size of all sections"},
	{"smaller sections", 72, 8, 8, CAIRN_CORRUPT, "section size"},
	{"alignment 0", 80, 8, 0, CAIRN_CORRUPT, "alignment is 0"},
	{"a small alignment", 80, 8, 2048, CAIRN_CORRUPT, "alignment is 2048"},
	{"an odd alignment", 80, 8, 12288, CAIRN_CORRUPT, "alignment is 12288"},
	{"a large alignment", 80, 8, 4 << 20, CAIRN_CORRUPT, "alignment is 4194304"},
	{"another block size", 88, 4, 4096, CAIRN_CORRUPT, "index block size is 4096"},
	{"another kind of root", 92, 4, 2, CAIRN_UNSUPPORTED, "root digest kind 2"},
	{"another root", 96, 1, 0xff, CAIRN_CORRUPT, "content id"},
	{"a longer root", 112, 1, 1, CAIRN_CORRUPT, "reserved bytes of the footer"},
	{"another content id", 128, 1, 0xff, CAIRN_CORRUPT, "content id"},
	{"a parent id", 144, 8, 77, CAIRN_OK, ""},
	{"a generation", 160, 8, UINT64_MAX, CAIRN_OK, ""},
	{"another tensor count", 168, 8, 1, CAIRN_CORRUPT, "content id"},
	{"another metadata count", 176, 8, 1, CAIRN_CORRUPT, "content id"},
	{"more sections than the table", 184, 4, 33, CAIRN_CORRUPT, "section count is 33"},
	{"a huge section count", 184, 4, UINT32_MAX, CAIRN_CORRUPT, "section count"},
	{"one section more", 184, 4, 9, CAIRN_CORRUPT, "section type is 0"},
	{"one section less", 184, 4, 7, CAIRN_CORRUPT, "section"},
	{"no sections", 184, 4, 0, CAIRN_CORRUPT, "section"},
	{"a reserved word", 188, 4, 1, CAIRN_CORRUPT, "reserved bytes"},
	{"section types out of order", SECTIONS + ENTRY, 4, 1, CAIRN_CORRUPT, "section type is 1"},
	{"section type 0", SECTIONS, 4, 0, CAIRN_CORRUPT, "section type is 0"},
	{"an unknown type for a known one", SECTIONS + 7 * ENTRY, 4, 99, CAIRN_CORRUPT,
	 "missing section type is 8"},
	{"a section elsewhere", SECTIONS + ENTRY + 8, 8, 64, CAIRN_CORRUPT, "section offset is 64"},
	{"a larger section", SECTIONS + 16, 8, 96, CAIRN_CORRUPT, "section offset"},
	{"a huge section", SECTIONS + 16, 8, UINT64_MAX, CAIRN_CORRUPT, "section size"},
	{"bytes behind the table", SECTIONS + 8 * ENTRY, 1, 1, CAIRN_CORRUPT, "reserved bytes"},
	{"the last reserved byte", 4079, 1, 1, CAIRN_CORRUPT, "reserved bytes"},
};

START_TEST(each_footer_field_is_checked)
{
	struct container_footer footer = {.version = 77};

	put(footer_page(), footer_fields[_i].offset, footer_fields[_i].width,
	    footer_fields[_i].value);
	seal(footer_page());
	test_error_reset();
	ck_assert_msg(decode_footer(&footer) == footer_fields[_i].status, "%s: %s",
		      footer_fields[_i].what, test_error.message);
	if (footer_fields[_i].status == CAIRN_OK)
		return;
	ck_assert_msg(strstr(test_error.message, footer_fields[_i].part) != NULL, "%s: %s",
		      footer_fields[_i].what, test_error.message);
	ck_assert_uint_eq(footer.version, 77);
}
END_TEST

START_TEST(damage_is_a_checksum_before_it_is_anything_else)
{
	struct container_footer footer;

	/* all bytes but those of the magic, which says whether it is a footer at all */
	for (size_t place = CONTAINER_MAGIC_SIZE; place < PAGE; place++) {
		footer_page()[place] ^= 0x20;
		ASSERT_FAILS(decode_footer(&footer), CAIRN_CHECKSUM, "the footer page has digest");
		footer_page()[place] ^= 0x20;
	}
}
END_TEST

START_TEST(damage_of_the_header_shows_in_the_footer)
{
	struct container_footer footer;

	for (size_t place = 0; place < PAGE; place++) {
		container.data[place] ^= 0x20;
		ASSERT_FAILS(decode_footer(&footer), CAIRN_CHECKSUM, "the header page has digest");
		container.data[place] ^= 0x20;
	}
}
END_TEST

START_TEST(unknown_sections_at_the_end_are_skipped)
{
	struct container_footer footer;
	const struct container_section *last;

	ASSERT_OK(decode_footer(&footer));
	last = &footer.sections[footer.section_count - 1];
	footer.sections[footer.section_count++] = (struct container_section){
		.type = 19, .record_size = 16, .offset = align_up(last->offset + last->size, 64)};
	footer.sections_size = footer.sections[footer.section_count - 1].offset;
	footer.index_size = footer.sections_size;
	container_reseal_footer(&container, &footer);
	ASSERT_OK(decode_footer(&footer));
	ck_assert_uint_eq(footer.section_count, 9);
}
END_TEST

START_TEST(the_content_id_depends_on_root_header_and_table_alone)
{
	struct container_footer footer;
	struct container_footer changed;
	struct cairn_digest id;

	ASSERT_OK(decode_footer(&footer));
	changed = footer;
	changed.generation++;
	changed.parent_id.bytes[0] ^= 1;
	changed.file_size++;
	id = container_content_id(&changed);
	ck_assert(digest_equal(&id, &footer.content_id));
	changed = footer;
	changed.root.bytes[15] ^= 1;
	id = container_content_id(&changed);
	ck_assert(!digest_equal(&id, &footer.content_id));
	changed = footer;
	changed.header_digest.bytes[0] ^= 1;
	id = container_content_id(&changed);
	ck_assert(!digest_equal(&id, &footer.content_id));
	changed = footer;
	changed.sections[3].size++;
	id = container_content_id(&changed);
	ck_assert(!digest_equal(&id, &footer.content_id));
}
END_TEST

static Suite *container_suite(void)
{
	Suite *suite = suite_create("container");
	TCase *tests = tcase_create("container");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, a_header_comes_back_as_it_was, 0, 2);
	tcase_add_loop_test(tests, each_header_field_is_checked, 0, COUNT_OF(header_fields));
	tcase_add_test(tests, a_footer_comes_back_as_it_was);
	tcase_add_test(tests, the_copy_lies_before_the_index);
	tcase_add_test(tests, every_known_section_is_there);
	tcase_add_loop_test(tests, each_footer_field_is_checked, 0, COUNT_OF(footer_fields));
	tcase_add_test(tests, damage_is_a_checksum_before_it_is_anything_else);
	tcase_add_test(tests, damage_of_the_header_shows_in_the_footer);
	tcase_add_test(tests, unknown_sections_at_the_end_are_skipped);
	tcase_add_test(tests, the_content_id_depends_on_root_header_and_table_alone);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(container_suite());
}
