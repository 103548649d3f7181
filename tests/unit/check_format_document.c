/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FORMAT.md against the code: its tables, its limits, its rules for digests and its examples are
 * what the library does.
 */
#include "tests/support/golden.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>

#include "format/bytes.h"
#include "format/container.h"
#include "format/digest.h"
#include "format/index.h"
#include "format/record.h"
#include "tests/support/suite.h"

#define CELLS_MAX 8

/* A line of a table, its cells trimmed. */
struct row {
	char cells[CELLS_MAX][400];
	size_t count;
};

static char *document; /* owned; set by the fixture */

static void load_document(void)
{
	const char *const folder = getenv("CAIRN_SOURCE_DIR");
	char path[4096];
	size_t size = 0;
	FILE *file;

	ck_assert_msg(folder != NULL, "CAIRN_SOURCE_DIR is not set");
	snprintf(path, sizeof(path), "%s/FORMAT.md", folder);
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "%s cannot be opened", path);
	document = malloc((size_t)1 << 20);
	ck_assert_ptr_nonnull(document);
	size = fread(document, 1, ((size_t)1 << 20) - 1, file);
	fclose(file);
	document[size] = '\0';
}

static void free_document(void)
{
	free(document);
	document = NULL;
}

/* --------------------------------------------------------------------------------------- tables */

static const char *next_line(const char *line)
{
	const char *const end = strchr(line, '\n');

	return end == NULL ? line + strlen(line) : end + 1;
}

/* The line after a heading. */
static const char *section_of(const char *heading)
{
	const size_t size = strlen(heading);

	for (const char *line = document; *line != '\0'; line = next_line(line)) {
		const char *const text = line + strspn(line, "#");

		if (text != line && text[0] == ' ' && strncmp(text + 1, heading, size) == 0 &&
		    text[1 + size] == '\n')
			return next_line(line);
	}
	ck_abort_msg("FORMAT.md has no section '%s'", heading);
	return NULL;
}

static void take_cell(struct row *row, const char *text, size_t size)
{
	while (size != 0 && text[0] == ' ') {
		text++;
		size--;
	}
	while (size != 0 && text[size - 1] == ' ')
		size--;
	ck_assert_uint_lt(row->count, CELLS_MAX);
	ck_assert_uint_lt(size, sizeof(row->cells[0]));
	memcpy(row->cells[row->count], text, size);
	row->cells[row->count++][size] = '\0';
}

/*
 * The next row of a table whose first cell is a number, at or after *line and before the next
 * heading; false when there is none.
 */
static bool next_row(const char **line, struct row *row)
{
	for (; **line != '\0' && **line != '#'; *line = next_line(*line)) {
		const char *at = *line;

		if (strncmp(at, "| ", 2) != 0 || !isdigit((unsigned char)at[2]))
			continue;
		row->count = 0;
		for (const char *end; (end = strpbrk(at + 1, "|\n")) != NULL && *end == '|';
		     at = end)
			take_cell(row, at + 1, (size_t)(end - at - 1));
		*line = next_line(*line);
		return true;
	}
	return false;
}

static uint64_t number(const char *text)
{
	char *end;
	const uint64_t value = strtoull(text, &end, 10);

	ck_assert_msg(end != text && (*end == '\0' || *end == ' '), "'%s' is no number", text);
	return value;
}

/* --------------------------------------------------------------------------------------- fields */

static const struct {
	const char *heading;
	uint64_t size;
} records[] = {
	{"Header page", CONTAINER_PAGE_SIZE}, {"Footer page", CONTAINER_PAGE_SIZE},
	{"Section table entry", 24},          {"Tensor record", TENSOR_RECORD_SIZE},
	{"Slice record", SLICE_RECORD_SIZE},  {"Extent record", EXTENT_RECORD_SIZE},
	{"Shard record", SHARD_RECORD_SIZE},  {"Region record", REGION_RECORD_SIZE},
};

static uint64_t size_of_type(const char *type)
{
	if (strcmp(type, "digest") == 0)
		return DIGEST_SIZE;
	if (strncmp(type, "bytes ", 6) == 0)
		return number(type + 6);
	ck_assert_msg(type[0] == 'u', "'%s' is no type", type);
	return number(type + 1) / 8;
}

/* The section table entry is followed by another table, of three columns. */
static bool next_field(const char **line, struct row *row)
{
	return next_row(line, row) && row->count == 6;
}

START_TEST(fields_tile_their_record)
{
	const char *line = section_of(records[_i].heading);
	uint64_t end = 0;
	struct row row;

	while (next_field(&line, &row)) {
		ck_assert_msg(number(row.cells[0]) == end, "%s: '%s' begins at %s, not at %u",
			      records[_i].heading, row.cells[3], row.cells[0], (unsigned)end);
		ck_assert_msg(number(row.cells[1]) == size_of_type(row.cells[2]),
			      "%s: '%s' has %s bytes, its type is %s", records[_i].heading,
			      row.cells[3], row.cells[1], row.cells[2]);
		end += number(row.cells[1]);
	}
	ck_assert_uint_eq(end, records[_i].size);
}
END_TEST

/* Encoders, each over the bytes of its struct. */

static void encode_header(const void *decoded, uint8_t *bytes)
{
	container_header_encode(decoded, bytes);
}

static void encode_footer(const void *decoded, uint8_t *bytes)
{
	container_footer_encode(decoded, bytes);
}

static void encode_tensor(const void *decoded, uint8_t *bytes)
{
	tensor_record_encode(decoded, bytes);
}

static void encode_slice(const void *decoded, uint8_t *bytes)
{
	slice_record_encode(decoded, bytes);
}

static void encode_extent(const void *decoded, uint8_t *bytes)
{
	extent_record_encode(decoded, bytes);
}

static void encode_shard(const void *decoded, uint8_t *bytes)
{
	shard_record_encode(decoded, bytes);
}

static void encode_region(const void *decoded, uint8_t *bytes)
{
	region_record_encode(decoded, bytes);
}

#define FIELD(heading, encode, type, name)                                                         \
 {                                                                                                 \
  heading, encode, #name, offsetof(struct type, name), sizeof(((struct type *)NULL)->name)         \
 }
#define HEADER(name) FIELD("Header page", encode_header, container_header, name)
#define FOOTER(name) FIELD("Footer page", encode_footer, container_footer, name)
#define TENSOR(name) FIELD("Tensor record", encode_tensor, tensor_record, name)
#define SLICE(name)  FIELD("Slice record", encode_slice, slice_record, name)
#define EXTENT(name) FIELD("Extent record", encode_extent, extent_record, name)
#define SHARD(name)  FIELD("Shard record", encode_shard, shard_record, name)
#define REGION(name) FIELD("Region record", encode_region, region_record, name)

static const struct {
	const char *heading;
	void (*encode)(const void *decoded, uint8_t *bytes);
	const char *name;
	size_t offset; /* in the struct */
	size_t size;
} fields[] = {
	HEADER(version),
	HEADER(incompat_flags),
	HEADER(compat_flags),
	HEADER(save_id),
	FOOTER(version),
	FOOTER(incompat_flags),
	FOOTER(compat_flags),
	FOOTER(header_digest),
	FOOTER(file_size),
	FOOTER(index_offset),
	FOOTER(index_size),
	FOOTER(sections_size),
	FOOTER(alignment),
	FOOTER(root),
	FOOTER(content_id),
	FOOTER(parent_id),
	FOOTER(generation),
	FOOTER(tensor_count),
	FOOTER(metadata_count),
	TENSOR(name_offset),
	TENSOR(name_size),
	TENSOR(dtype),
	TENSOR(rank),
	TENSOR(name_space),
	TENSOR(dims_index),
	TENSOR(slice_index),
	TENSOR(slice_count),
	TENSOR(flags),
	TENSOR(alias_of),
	TENSOR(block_elements),
	TENSOR(block_bytes),
	TENSOR(packing),
	TENSOR(digest_kind),
	TENSOR(digest),
	TENSOR(size),
	SLICE(ranges_index),
	SLICE(extent_index),
	SLICE(extent_count),
	SLICE(storage_rank),
	SLICE(size),
	SLICE(chunk_index),
	SLICE(chunk_size),
	SLICE(transform),
	SLICE(check_kind),
	SLICE(digest_kind),
	SLICE(flags),
	SLICE(check_value),
	SLICE(transform_value),
	EXTENT(offset),
	EXTENT(stored_size),
	EXTENT(size),
	EXTENT(stored_digest),
	EXTENT(shard),
	EXTENT(codec),
	EXTENT(shuffle),
	SHARD(name_offset),
	SHARD(name_size),
	SHARD(kind),
	SHARD(codec),
	SHARD(parent),
	SHARD(size),
	SHARD(offset),
	SHARD(stored_size),
	SHARD(content_id),
	SHARD(modified_ns),
	SHARD(changed_ns),
	SHARD(inode),
	SHARD(header_digest),
	SHARD(header_size),
	REGION(offset),
	REGION(size),
	REGION(kind),
	REGION(section_type),
	REGION(digest),
};

static void find_field(const char *heading, const char *name, struct row *row)
{
	const char *line = section_of(heading);

	while (next_field(&line, row)) {
		if (strcmp(row->cells[3], name) == 0)
			return;
	}
	ck_abort_msg("%s has no field '%s'", heading, name);
}

/* Sets one field of a struct to ones and looks where they are in the encoded bytes. The footer's
 * own digest is left aside. */
START_TEST(fields_are_where_the_encoder_puts_them)
{
	static union {
		struct container_footer largest;
		uint8_t bytes[sizeof(struct container_footer)];
	} decoded;
	uint8_t without[CONTAINER_PAGE_SIZE] = {0};
	uint8_t with[CONTAINER_PAGE_SIZE] = {0};
	struct row row;
	uint64_t offset;
	uint64_t size;

	memset(&decoded, 0, sizeof(decoded));
	fields[_i].encode(&decoded, without);
	memset(decoded.bytes + fields[_i].offset, 0xff, fields[_i].size);
	fields[_i].encode(&decoded, with);
	find_field(fields[_i].heading, fields[_i].name, &row);
	offset = number(row.cells[0]);
	size = number(row.cells[1]);
	for (uint64_t i = 0; i < CONTAINER_PAGE_SIZE - DIGEST_SIZE; i++) {
		const bool expected = i >= offset && i < offset + fields[_i].size;

		ck_assert_msg((with[i] != without[i]) == expected, "%s, %s: byte %u",
			      fields[_i].heading, fields[_i].name, (unsigned)i);
	}
	ck_assert_msg(size == fields[_i].size || strcmp(fields[_i].name, "root") == 0,
		      "%s, %s: %u bytes", fields[_i].heading, fields[_i].name, (unsigned)size);
}
END_TEST

START_TEST(all_named_fields_are_looked_at)
{
	static const char *const constants[] = {"magic",  "size",     "block_size",   "root_kind",
						"digest", "sections", "section_count"};
	size_t expected = 0;

	for (size_t i = 0; i < COUNT_OF(records); i++) {
		const bool is_page = records[i].size == CONTAINER_PAGE_SIZE;
		const char *line = section_of(records[i].heading);
		struct row row;

		while (records[i].size != 24 && next_field(&line, &row)) {
			bool skipped = strncmp(row.cells[3], "reserved", 8) == 0;

			for (size_t k = 0; is_page && k < COUNT_OF(constants); k++)
				skipped = skipped || strcmp(row.cells[3], constants[k]) == 0;
			expected += !skipped;
		}
	}
	ck_assert_uint_eq(COUNT_OF(fields), expected);
}
END_TEST

/* --------------------------------------------------------------------------------- other tables */

START_TEST(element_types_are_those_of_the_library)
{
	const char *line = section_of("Element types");
	struct row row;

	for (unsigned code = 0; code <= UINT16_MAX; code++) {
		const struct cairn_dtype_info *const info = cairn_dtype_info(
			(enum cairn_dtype)code);

		if (info == NULL)
			continue;
		ck_assert_msg(next_row(&line, &row), "no row for type %s", info->name);
		ck_assert_uint_eq(number(row.cells[0]), code);
		ck_assert_str_eq(row.cells[1], info->name);
		ck_assert_uint_eq(number(row.cells[2]), info->block_elements);
		ck_assert_uint_eq(number(row.cells[3]), info->block_bytes);
		ck_assert_uint_eq(number(row.cells[4]), info->alignment);
	}
	ck_assert_msg(!next_row(&line, &row), "a row for a type that there is not: %s",
		      row.cells[1]);
}
END_TEST

START_TEST(sections_are_those_of_a_container)
{
	struct golden_bytes container = golden_make(&golden_recipes[0], 1);
	const uint8_t *const table = container.data + container.size - CONTAINER_PAGE_SIZE + 192;
	const char *line = section_of("Section table entry");
	struct row row;
	uint32_t found = 0;

	while (next_row(&line, &row)) {
		if (row.count != 4)
			continue; /* a field of the entry */
		if (++found > SECTION_KNOWN_COUNT)
			break;
		ck_assert_uint_eq(number(row.cells[0]), load_u32(table + 24 * (found - 1)));
		ck_assert_uint_eq(number(row.cells[2]), load_u32(table + 24 * (found - 1) + 4));
	}
	ck_assert_uint_gt(found, SECTION_KNOWN_COUNT); /* the reserved types come after */
	free(container.data);
}
END_TEST

static const struct {
	const char *beginning;
	bool holds;
} limits[] = {
	{"| rank | 254 |", CAIRN_RANK_MAX == 254},
	{"| name | 2^20 bytes |", CAIRN_NAME_SIZE_MAX == 1u << 20},
	{"| slices of a tensor | 65,536 |", SLICE_COUNT_MAX == 65536},
	{"| shards | 65,535 |", SHARD_COUNT_MAX == 65535},
	{"| chunk size | power of two, 64 KiB to 64 MiB; the reference writer: 256 KiB",
	 CHUNK_SIZE_MIN == 64u << 10 && CHUNK_SIZE_MAX == 64u << 20 &&
		 CHUNK_SIZE_DEFAULT == 256u << 10},
	{"| alignment | power of two, 4 KiB to 2 MiB; the reference writer: 4 KiB",
	 CONTAINER_ALIGNMENT_MIN == 4096 && CONTAINER_ALIGNMENT_MAX == 2u << 20},
	{"| entries of the section table | 32 |", SECTION_TABLE_MAX == 32},
	{"| levels of the digest tree | 4 |", INDEX_TREE_LEVEL_MAX == 4},
	{"| tensors; metadata values | below 2^32 each", TENSOR_COUNT_MAX == UINT32_MAX},
};

START_TEST(limits_are_those_of_the_library)
{
	ck_assert_msg(strstr(section_of("Limits"), limits[_i].beginning) != NULL,
		      "FORMAT.md does not say: %s", limits[_i].beginning);
	ck_assert_msg(limits[_i].holds, "no longer true: %s", limits[_i].beginning);
}
END_TEST

/* ------------------------------------------------------------------------------------- examples */

/* The line after "```hexdump NAME". */
static const char *block_of(const char *name)
{
	char fence[64];
	const char *block;

	snprintf(fence, sizeof(fence), "\n```hexdump %s\n", name);
	block = strstr(document, fence);
	ck_assert_msg(block != NULL, "FORMAT.md has no hexdump '%s'", name);
	return block + strlen(fence);
}

/* "0000f000  copy of 00011000, 4096 bytes"; the bytes that are copied come later: noted. */
struct copy {
	size_t to;
	size_t from;
	size_t size;
};

/* Hexadecimal bytes separated by single spaces, up to two spaces. */
static void take_bytes(const char *text, uint8_t *bytes, size_t offset, size_t size)
{
	unsigned byte;
	int used;

	while (sscanf(text, "%2x%n", &byte, &used) == 1 && used == 2) {
		ck_assert_uint_lt(offset, size);
		bytes[offset++] = (uint8_t)byte;
		text += 2;
		if (text[0] != ' ' || text[1] == ' ')
			return;
		text++;
	}
	ck_abort_msg("not a line of a hexdump: %.60s", text);
}

/* What a hexdump stands for: bytes that it does not show are zero. */
static struct golden_bytes read_hexdump(const char *name, size_t size_max)
{
	struct golden_bytes result = {.data = calloc(1, size_max)};
	struct copy copy = {0};

	ck_assert_ptr_nonnull(result.data);
	for (const char *line = block_of(name); strncmp(line, "```", 3) != 0;
	     line = next_line(line)) {
		char *text;
		const size_t offset = strtoul(line, &text, 16);

		ck_assert_msg(text == line + 8 && strncmp(text, "  ", 2) == 0, "%.60s", line);
		if (strncmp(text, "  end\n", 6) == 0)
			result.size = offset;
		else if (sscanf(text, "  copy of %zx, %zu bytes", &copy.from, &copy.size) == 2)
			copy.to = offset;
		else
			take_bytes(text + 2, result.data, offset, size_max);
	}
	ck_assert(result.size <= size_max && copy.to + copy.size <= size_max &&
		  copy.from + copy.size <= size_max);
	memcpy(result.data + copy.to, result.data + copy.from, copy.size);
	return result;
}

static const struct {
	const char *hexdump;
	const char *recipe;
} examples[] = {{"smallest", "v1-smallest"}, {"one-tensor", "v1-one-tensor"}};

static struct golden_bytes make(const char *name)
{
	for (size_t i = 0; i < golden_count; i++) {
		if (strcmp(golden_recipes[i].name, name) == 0)
			return golden_make(&golden_recipes[i], 1);
	}
	ck_abort_msg("no recipe '%s'", name);
	return (struct golden_bytes){0};
}

START_TEST(example_is_what_the_library_writes)
{
	struct golden_bytes container = make(examples[_i].recipe);
	struct golden_bytes expected = read_hexdump(examples[_i].hexdump, container.size);

	ck_assert_uint_eq(expected.size, container.size);
	for (size_t i = 0; i < container.size; i++)
		ck_assert_msg(container.data[i] == expected.data[i],
			      "byte 0x%08zx is %02x, in FORMAT.md %02x", i, container.data[i],
			      expected.data[i]);
	free(expected.data);
	free(container.data);
}
END_TEST

/* -------------------------------------------------------------------------------------- digests */

/* The rules of "Digest tree", in their own words: the digest of the last run. */
static struct cairn_digest root_by_the_rules(const uint8_t *image, uint64_t sections_size,
					     uint64_t *index_size)
{
	uint64_t run = 0;
	uint64_t run_size = sections_size;

	while (run_size > 65536) {
		const uint64_t level = (run + run_size + 63) / 64 * 64;
		uint64_t level_size = 0;

		for (uint64_t at = 0; at < run_size; at += 65536, level_size += 16) {
			const uint64_t left = run_size - at;
			const struct cairn_digest digest = digest_bytes(
				image + run + at, left < 65536 ? left : 65536);

			ck_assert_mem_eq(image + level + level_size, digest.bytes, 16);
		}
		run = level;
		run_size = level_size;
	}
	*index_size = run + run_size;
	return digest_bytes(image + run, run_size);
}

static const char *const digested[] = {"v1-smallest", "v1-one-tensor", "v1-tree"};

START_TEST(root_and_content_id_follow_the_rules)
{
	struct golden_bytes container = make(digested[_i]);
	const uint8_t *const footer = container.data + container.size - 4096;
	const uint8_t *const image = container.data + load_u64(footer + 56);
	uint64_t index_size = 0;
	const struct cairn_digest root = root_by_the_rules(image, load_u64(footer + 72),
							   &index_size);
	uint8_t bytes[840];
	struct cairn_digest content_id;

	ck_assert_uint_eq(index_size, load_u64(footer + 64));
	ck_assert_mem_eq(root.bytes, footer + 96, 16);
	memcpy(bytes, footer + 96, 32);
	memcpy(bytes + 32, footer + 32, 16);
	memcpy(bytes + 48, footer + 168, 792);
	content_id = digest_bytes(bytes, sizeof(bytes));
	ck_assert_mem_eq(content_id.bytes, footer + 128, 16);
	free(container.data);
}
END_TEST

/* ---------------------------------------------------------------------------------------- links */

/* What a heading is called in a link. */
static bool is_called(const char *heading, const char *anchor)
{
	for (; *heading != '\n' && *heading != '\0'; heading++) {
		const char wanted = *heading == ' ' ? '-' : (char)tolower((unsigned char)*heading);

		if (*heading != ' ' && !isalnum((unsigned char)*heading))
			continue;
		if (*anchor++ != wanted)
			return false;
	}
	return *anchor == ')';
}

static bool has_heading(const char *anchor)
{
	for (const char *line = document; *line != '\0'; line = next_line(line)) {
		if (*line == '#' && is_called(line + strspn(line, "# "), anchor))
			return true;
	}
	return false;
}

START_TEST(links_lead_somewhere)
{
	unsigned count = 0;

	for (const char *at = document; (at = strstr(at, "](#")) != NULL; at += 3, count++)
		ck_assert_msg(has_heading(at + 3), "%.40s", at);
	ck_assert_uint_gt(count, 0);
}
END_TEST

static Suite *format_document_suite(void)
{
	Suite *const suite = suite_create("format_document");
	TCase *const tests = tcase_create("format_document");

	tcase_add_checked_fixture(tests, load_document, free_document);
	tcase_add_loop_test(tests, fields_tile_their_record, 0, COUNT_OF(records));
	tcase_add_loop_test(tests, fields_are_where_the_encoder_puts_them, 0, COUNT_OF(fields));
	tcase_add_test(tests, all_named_fields_are_looked_at);
	tcase_add_test(tests, element_types_are_those_of_the_library);
	tcase_add_test(tests, sections_are_those_of_a_container);
	tcase_add_loop_test(tests, limits_are_those_of_the_library, 0, COUNT_OF(limits));
	tcase_add_loop_test(tests, example_is_what_the_library_writes, 0, COUNT_OF(examples));
	tcase_add_loop_test(tests, root_and_content_id_follow_the_rules, 0, COUNT_OF(digested));
	tcase_add_test(tests, links_lead_somewhere);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(format_document_suite());
}
