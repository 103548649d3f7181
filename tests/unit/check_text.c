/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text form: a container that is dumped and packed is the same, bit for bit; a text that is
 * damaged is an error that says where, and leaves nothing behind.
 */
#include <cairn/text.h>

#include <errno.h>
#include <stdio.h>

#include "engine/convert/pack_text.h"
#include "tests/support/build.h"
#include "tests/support/golden.h"
#include "tests/support/model.h"
#include "tests/support/sample_model.h"
#include "tests/support/sharded_sample.h"
#include "tests/support/suite.h"

#define SEEDS 30

static struct scene scene;

static void set_up(void)
{
	scene_open(&scene);
	memory_system_settings(scene.memory)->threads_inline = true;
}

static void tear_down(void)
{
	scene_close(&scene);
}

/* ----------------------------------------------------------------------------------------- dump */

struct text {
	FILE *file;
	char *bytes; /* owned; terminated */
	size_t size;
};

static enum cairn_status take_text(void *context, const void *bytes, size_t size)
{
	return fwrite(bytes, 1, size, ((struct text *)context)->file) == size ? CAIRN_OK : CAIRN_IO;
}

static struct text dump_reader(const struct cairn_reader *reader, enum cairn_text_data data)
{
	struct text text = {.file = NULL};
	struct text beside = {.file = NULL};
	const struct cairn_dump_options options = {.size = sizeof(options),
						   .data = data,
						   .beside_name = "beside",
						   .beside = take_text,
						   .beside_context = &beside};
	struct bytes bytes;

	text.file = open_memstream(&text.bytes, &text.size);
	beside.file = open_memstream(&beside.bytes, &beside.size);
	ASSERT_OK(cairn_dump(reader, take_text, &text, &options, &test_error));
	fclose(text.file);
	fclose(beside.file);
	bytes = (struct bytes){(uint8_t *)beside.bytes, beside.size};
	scene_add_file(&scene, "/beside", &bytes);
	free(beside.bytes);
	return text;
}

static void add_text(const struct text *text)
{
	const struct bytes bytes = {(uint8_t *)text->bytes, text->size};

	scene_add_file(&scene, "/text", &bytes);
}

static struct text dump_path(const char *path, enum cairn_text_data data)
{
	struct cairn_reader *const reader = scene_reader(&scene, path, NULL);
	struct text text = dump_reader(reader, data);

	cairn_reader_close(reader);
	add_text(&text);
	return text;
}

static enum cairn_status pack(struct cairn_pack_report *report)
{
	const struct cairn_pack_options options = {.size = sizeof(options), .replace = 1};

	return pack_text(scene.system, "/text", "/packed.cairn", &options, report, &test_error);
}

static enum cairn_status pack_string(const char *string)
{
	const struct text text = {.bytes = (char *)(uintptr_t)string, .size = strlen(string)};

	add_text(&text);
	return pack(NULL);
}

/* ------------------------------------------------------------------------------------ identical */

static const enum cairn_text_data ways[] = {CAIRN_TEXT_AUTO, CAIRN_TEXT_NUMBERS, CAIRN_TEXT_BASE64,
					    CAIRN_TEXT_BESIDE};

static void assert_identical(const char *path)
{
	const struct bytes before = scene_content(&scene, path);
	struct bytes after;

	for (size_t way = 0; way < COUNT_OF(ways); way++) {
		struct cairn_pack_report report = {0};
		struct text text = dump_path(path, ways[way]);

		ASSERT_OK(pack(&report));
		ck_assert(memcmp(&report.content_id, &report.expected_id, 16) == 0);
		after = scene_content(&scene, "/packed.cairn");
		ck_assert_uint_eq(after.size, before.size);
		ck_assert(memcmp(after.data, before.data, before.size) == 0);
		bytes_free(&after);
		free(text.bytes);
	}
	bytes_free((struct bytes *)(uintptr_t)&before);
}

START_TEST(each_golden_container_is_rebuilt)
{
	const struct golden_bytes golden = golden_make(&golden_recipes[_i], 1);
	const struct bytes bytes = {golden.data, golden.size};

	scene_add_file(&scene, "/golden", &bytes);
	assert_identical("/golden");
	free(golden.data);
}
END_TEST

/* The text that is kept beside a golden container: the form does not drift. */
static struct bytes kept_text(const struct golden *recipe)
{
	const char *const data = getenv("CAIRN_TEST_DATA");
	struct bytes bytes = {.size = 0};
	char path[4096];
	FILE *file;
	int c;

	ck_assert_ptr_nonnull(data);
	snprintf(path, sizeof(path), "%s/golden/%s.dump", data, recipe->name);
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "there is no %s", path);
	bytes.data = malloc(1 << 20);
	ck_assert_ptr_nonnull(bytes.data);
	while ((c = getc(file)) != EOF && bytes.size < 1 << 20)
		bytes.data[bytes.size++] = (uint8_t)c;
	fclose(file);
	return bytes;
}

START_TEST(each_golden_container_has_the_text_that_it_had)
{
	const struct golden_bytes golden = golden_make(&golden_recipes[_i], 1);
	const struct bytes container = {golden.data, golden.size};
	struct bytes kept = kept_text(&golden_recipes[_i]);
	struct text text;
	struct bytes packed;

	scene_add_file(&scene, "/golden", &container);
	text = dump_path("/golden", CAIRN_TEXT_AUTO);
	ck_assert_uint_eq(text.size, kept.size);
	ck_assert(memcmp(text.bytes, kept.data, kept.size) == 0);
	scene_add_file(&scene, "/text", &kept);
	ASSERT_OK(pack(NULL));
	packed = scene_content(&scene, "/packed.cairn");
	ck_assert_uint_eq(packed.size, container.size);
	ck_assert(memcmp(packed.data, container.data, container.size) == 0);
	bytes_free(&packed);
	bytes_free(&kept);
	free(text.bytes);
	free(golden.data);
}
END_TEST

START_TEST(each_sample_is_rebuilt)
{
	static const struct {
		struct sample sample;
		uint32_t flags;
	} samples[] = {{{SAMPLE_TINY, 1}, 0},
		       {{SAMPLE_FULL, 2}, 0},
		       {{SAMPLE_FULL, 3}, CAIRN_WRITER_SORT}};

	ASSERT_OK(sample_write(scene.system, "/sample", &samples[_i].sample, samples[_i].flags,
			       &test_error));
	assert_identical("/sample");
}
END_TEST

START_TEST(each_shard_is_rebuilt)
{
	static const char *const shards[] = {"/s/shard-00000-of-00003.cairn",
					     "/s/shard-00001-of-00003.cairn",
					     "/s/shard-00002-of-00003.cairn"};
	const struct sharded_sample sample = {.ranks = 3, .seed = 7};

	ASSERT_OK(sharded_write(scene.system, "/s", &sample, false, &test_error));
	for (size_t i = 0; i < COUNT_OF(shards); i++)
		assert_identical(shards[i]);
}
END_TEST

/* Tensors of all types, and slices of some, with random options. */
static void write_random(int seed)
{
	struct random random = {(uint64_t)seed};
	const struct cairn_writer_options options = {
		.flags = (uint32_t)random_below(&random, 2) * CAIRN_WRITER_SORT,
		.chunk_size = (64u << 10) << random_below(&random, 4),
		.alignment = (uint64_t)4096 << random_below(&random, 4),
		.generation = random_below(&random, 3)};
	struct cairn_writer *const writer = scene_writer(&scene, "/random", &options);
	struct model models[12];
	char name[12][16];

	for (uint32_t i = 0; i < COUNT_OF(models); i++) {
		const uint32_t type = ((uint32_t)seed * 12 + i) % model_dtype_count();

		models[i] = model_random(&random, model_dtype(type), i == 5 ? 200000 : 3000);
		snprintf(name[i], sizeof(name[i]), "%x.%u", (unsigned)random_below(&random, 256),
			 (unsigned)i);
		ASSERT_OK(cairn_writer_add(writer, name[i], models[i].info->dtype, models[i].rank,
					   models[i].dims, models[i].bytes, &test_error));
		if (random_below(&random, 3) == 0)
			ASSERT_OK(cairn_writer_add_alias(writer, cairn_string_from(name[i] + 1),
							 cairn_string_from(name[i]), &test_error));
	}
	finish_writer(writer);
	for (uint32_t i = 0; i < COUNT_OF(models); i++)
		model_free(&models[i]);
}

START_TEST(random_containers_are_rebuilt)
{
	write_random(_i);
	assert_identical("/random");
}
END_TEST

START_TEST(a_sharded_checkpoint_becomes_one_container)
{
	const struct sharded_sample sample = {.ranks = 3, .seed = 7};
	struct text text;

	ASSERT_OK(sharded_write(scene.system, "/s", &sample, false, &test_error));
	text = dump_path("/s", CAIRN_TEXT_AUTO);
	ASSERT_OK(pack(NULL));
	ASSERT_OK(sharded_check(scene.system, "/packed.cairn", &sample, &test_error));
	free(text.bytes);
}
END_TEST

START_TEST(what_was_packed_of_anything_dumps_to_the_same_text)
{
	static const char string[] = "cairn-text 1\r\n"
				     "# a comment\n"
				     "alignment 65536\n"
				     "tensor \"a\" f32 [2,2]\n"
				     "  1   2\n"
				     "\n"
				     "    # between\n"
				     " 3\n"
				     "  4.00\n"
				     "metadata \"m\" string [2] \n"
				     "  \"x\" + \"y\"\n"
				     "  + \"z\" \"\"\n"
				     "slice \"s\" u8 [2,3] [0:1,-] base64\n"
				     "  AAEC\n"
				     "alias \"b\" \"a\"";
	static const char expected[] = "alignment 65536\n"
				       "tensor \"a\" f32 [2,2]\n"
				       "  1.0 2.0\n"
				       "  3.0 4.0\n"
				       "metadata \"m\" string [2]\n"
				       "  \"xyz\"\n"
				       "  \"\"\n"
				       "slice \"s\" u8 [2,3] [0:1,-]\n"
				       "  0 1 2\n"
				       "alias \"b\" \"a\"\n";
	struct text text;

	ASSERT_OK(pack_string(string));
	text = dump_path("/packed.cairn", CAIRN_TEXT_AUTO);
	ck_assert_str_eq(strstr(text.bytes, "alignment"), expected);
	free(text.bytes);
}
END_TEST

START_TEST(digests_say_what_is_equal_and_cannot_be_packed)
{
	struct text text;

	ASSERT_OK(pack_string("cairn-text 1\n"
			      "tensor \"w\" q4_0 [32] base64\n"
			      "  AAECAwQFBgcICQoLDA0ODxAR\n"));
	text = dump_path("/packed.cairn", CAIRN_TEXT_DIGESTS);
	ck_assert_ptr_nonnull(strstr(text.bytes, "tensor \"w\" q4_0 [32] digest "));
	ASSERT_FAILS(pack(NULL), CAIRN_UNSUPPORTED, "line 5: a digest in place of values");
	free(text.bytes);
}
END_TEST

static enum cairn_status refuse(void *context, const void *bytes, size_t size)
{
	(void)context;
	(void)bytes;
	(void)size;
	return CAIRN_CANCELLED;
}

START_TEST(who_takes_the_text_can_stop_it)
{
	const struct sample sample = {SAMPLE_TINY, 1};
	struct cairn_reader *reader;

	ASSERT_OK(sample_write(scene.system, "/sample", &sample, 0, &test_error));
	reader = scene_reader(&scene, "/sample", NULL);
	ASSERT_FAILS(cairn_dump(reader, refuse, NULL, NULL, &test_error), CAIRN_CANCELLED, "text");
	cairn_reader_close(reader);
}
END_TEST

/* -------------------------------------------------------------------------------------- damaged */

#define FIRST "cairn-text 1\n"

static const struct {
	const char *text;
	enum cairn_status status;
	const char *part;
} damaged[] = {
	{"", CAIRN_NOT_A_CHECKPOINT, "not the text form"},
	{"cairn-text\n", CAIRN_NOT_A_CHECKPOINT, "not the text form"},
	{"cairn-text 2\n", CAIRN_UNSUPPORTED, "version 2"},
	{FIRST "colour red\n", CAIRN_CORRUPT, "line 2: "},
	{FIRST "alignment\n", CAIRN_CORRUPT, "line 2: "},
	{FIRST "alignment 5000\n", CAIRN_CORRUPT, "powers of two"},
	{FIRST "alignment 4294967296\n", CAIRN_CORRUPT, "powers of two"},
	{FIRST "chunk-size 18446744073709551616\n", CAIRN_CORRUPT, "line 2: "},
	{FIRST "chunk-size 65537\n", CAIRN_CORRUPT, "powers of two"},
	{FIRST "generation 1 2\n", CAIRN_CORRUPT, "the end of the line"},
	{FIRST "save-id 0011\n", CAIRN_CORRUPT, "line 2: "},
	{FIRST "data-file \"../x\"\n", CAIRN_CORRUPT, "'/'"},
	{FIRST "data-file \"missing\"\n", CAIRN_NOT_FOUND, "missing"},
	{FIRST "  1\n", CAIRN_CORRUPT, "line 2: values that belong to no tensor"},
	{FIRST "tensor\n", CAIRN_CORRUPT, "line 2: "},
	{FIRST "tensor \n", CAIRN_CORRUPT, "line 2: "},
	{FIRST "tensor a f32 []\n", CAIRN_CORRUPT, "a name in quotes"},
	{FIRST "tensor \"a f32 []\n", CAIRN_CORRUPT, "a name in quotes"},
	{FIRST "tensor \"\\xff\" f32 []\n  1\n", CAIRN_CORRUPT, "line 2: "},
	{FIRST "tensor \"a\" f33 []\n", CAIRN_CORRUPT, "a type"},
	{FIRST "tensor \"a\" type-12/1/4 []\n", CAIRN_CORRUPT, "a type"},
	{FIRST "tensor \"a\" type-999/0/4 []\n", CAIRN_CORRUPT, "a type"},
	{FIRST "tensor \"a\" f32\n", CAIRN_CORRUPT, "a shape"},
	{FIRST "tensor \"a\" f32 [2,\n", CAIRN_CORRUPT, "a shape"},
	{FIRST "tensor \"a\" f32 [99999999999999999999]\n", CAIRN_CORRUPT, "a shape"},
	{FIRST "tensor \"a\" f32 [4294967296,4294967296]\n", CAIRN_LIMIT, "line 2: "},
	{FIRST "tensor \"a\" f32 [1152921504606846976]\n  1\n", CAIRN_CORRUPT, "fewer"},
	{FIRST "tensor \"a\" f32 [123456789012]\n  1\n", CAIRN_CORRUPT, "line 2: the values are"},
	{FIRST "tensor \"a\" u8 [9999] base64\n  AAAA\n", CAIRN_CORRUPT, "line 2: the values are"},
	{FIRST "tensor \"a\" f32 [2] hex\n", CAIRN_CORRUPT, "the end of the line"},
	{FIRST "tensor \"a\" f32 [2]\n  1\n", CAIRN_CORRUPT, "line 3: the values before"},
	{FIRST "tensor \"a\" f32 [2]\n", CAIRN_CORRUPT, "line 2: the values are fewer"},
	{FIRST "tensor \"a\" f32 [2]\n  1 2\n  3\n", CAIRN_CORRUPT, "line 4: more values"},
	{FIRST "tensor \"a\" f32 [2]\n  1 2 3\n", CAIRN_CORRUPT, "line 3: more values"},
	{FIRST "tensor \"a\" f32 [0]\n  1\n", CAIRN_CORRUPT, "line 2: there are values"},
	{FIRST "tensor \"a\" f32 [1]\n  x\n", CAIRN_CORRUPT, "line 3: 'x' is no f32"},
	{FIRST "tensor \"a\" f32 [1] base64\n  AA==\n", CAIRN_CORRUPT, "line 3: the values"},
	{FIRST "tensor \"a\" f32 [1] base64\n  AAAA AA= =\n", CAIRN_CORRUPT, "no Base64"},
	{FIRST "tensor \"a\" q4_0 [32]\n", CAIRN_CORRUPT, "in Base64 or a data file"},
	{FIRST "tensor \"a\" q4_0 [31] base64\n", CAIRN_CORRUPT, "line 2: "},
	{FIRST "tensor \"a\" string [1] base64\n  AAAA\n", CAIRN_CORRUPT, ""},
	{FIRST "tensor \"a\" null []\n", CAIRN_CORRUPT, "metadata"},
	{FIRST "tensor \"a\" f32 [1] at 0\n", CAIRN_CORRUPT, "no line data-file"},
	{FIRST "tensor \"a\" string [2]\n  \"x\"\n", CAIRN_CORRUPT, "1 texts for a shape of 2"},
	{FIRST "tensor \"a\" string [1]\n  + \"x\"\n", CAIRN_CORRUPT, "line 3: '+'"},
	{FIRST "tensor \"a\" string [1]\n  \"x\n", CAIRN_CORRUPT, "line 3: "},
	{FIRST "tensor \"a\" string [1]\n  \"x\"y\n", CAIRN_CORRUPT, "line 3: "},
	{FIRST "tensor \"a\" string [1]\n  x\n", CAIRN_CORRUPT, "line 3: "},
	{FIRST "metadata \"a\" f32 [1,1]\n  1\n", CAIRN_CORRUPT, "rank 0 or 1"},
	{FIRST "slice \"a\" f32 [2]\n  1 2\n", CAIRN_CORRUPT, "a slice such as"},
	{FIRST "slice \"a\" f32 [2] [1:2]\n  1 2\n", CAIRN_CORRUPT, "line 2: "},
	{FIRST "slice \"a\" f32 [2] [0:1,0:1]\n  1 2\n", CAIRN_CORRUPT, "a slice such as"},
	{FIRST "slice \"a\" string [2] [0:1]\n  \"x\"\n", CAIRN_CORRUPT, "line 2: "},
	{FIRST "slice \"a\" f32 [] []\n  1\n", CAIRN_CORRUPT, "scalar"},
	{FIRST "alias \"a\"\n", CAIRN_CORRUPT, "a name in quotes"},
	{FIRST "alias \"a\" \"b\"\n", CAIRN_NOT_FOUND, "'b'"},
	{FIRST "alias \"a\" \"b\"\n  1\n", CAIRN_CORRUPT, "no values of its own"},
	{FIRST "tensor \"a\" u8 []\n  1\ntensor \"a\" u8 []\n  1\n", CAIRN_EXISTS, "added twice"},
	{FIRST "slice \"a\" u8 [2] [0:1]\n  1\nslice \"a\" u8 [3] [1:1]\n  1\n", CAIRN_MISMATCH,
	 "disagree"},
	{FIRST "slice \"a\" u8 [3] [0:2]\n  1 2\nslice \"a\" u8 [3] [1:1]\n  1\n", CAIRN_CORRUPT,
	 "overlap"},
	{FIRST "tensor \"a\" u8 []\n  1\ngeneration 1\n", CAIRN_CORRUPT, "neither an item"},
};

START_TEST(damage_is_named_and_leaves_nothing)
{
	ASSERT_FAILS(pack_string(damaged[_i].text), damaged[_i].status, damaged[_i].part);
	ck_assert_uint_eq(scene_entries(&scene, "/"), 1);
}
END_TEST

START_TEST(the_data_file_is_one_of_the_folder)
{
	static const char string[] = FIRST
		"data-file \"data\"\ntensor \"a\" u8 [4] at 2\n  # nothing here\n";
	const struct bytes data = {(uint8_t *)(uintptr_t) "abcdef", 6};
	const struct bytes little = {(uint8_t *)(uintptr_t) "abcde", 5};
	struct text text;

	scene_add_file(&scene, "/data", &data);
	ASSERT_OK(pack_string(string));
	text = dump_path("/packed.cairn", CAIRN_TEXT_AUTO);
	ck_assert_ptr_nonnull(strstr(text.bytes, "  99 100 101 102\n"));
	free(text.bytes);
	scene_add_file(&scene, "/data", &little);
	ASSERT_FAILS(pack_string(string), CAIRN_TRUNCATED, "4 bytes at 2 of the data file");
	ASSERT_FAILS(pack_string(FIRST "data-file \"data\"\ntensor \"a\" u8 [3] at 0\n"
				       "tensor \"b\" u8 [3] at 0\n"),
		     CAIRN_CORRUPT, "line 4: more bytes of the data file");
	memory_system_add_link(scene.memory, "/link", "/data");
	ASSERT_STATUS(pack_string(FIRST "data-file \"link\"\n"), CAIRN_IO);
}
END_TEST

/* What edits to one byte can lead to. */
static bool may_fail(enum cairn_status status)
{
	return status == CAIRN_NOT_A_CHECKPOINT || status == CAIRN_UNSUPPORTED ||
	       status == CAIRN_CORRUPT || status == CAIRN_LIMIT || status == CAIRN_NOT_FOUND ||
	       status == CAIRN_EXISTS || status == CAIRN_MISMATCH || status == CAIRN_TRUNCATED;
}

static void assert_packs_or_says_why(const struct text *text)
{
	enum cairn_status status;

	add_text(text);
	test_error_reset();
	status = pack(NULL);
	if (status == CAIRN_OK) {
		struct cairn_reader *const reader = scene_reader(&scene, "/packed.cairn", NULL);

		ASSERT_OK(sample_verify(reader, &test_error));
		cairn_reader_close(reader);
		return;
	}
	ck_assert_msg(may_fail(status), "%s: %s", cairn_status_name(status), test_error.message);
	ck_assert_int_eq(test_error.code, status);
	ck_assert(test_error.message[0] != '\0');
}

static const char model_text[] = "cairn-text 1\n"
				 "data-file \"beside\"\n"
				 "generation 3\n"
				 "metadata \"m\" string [2]\n"
				 "  \"a\\n\"\n"
				 "  + \"b\" \"\"\n"
				 "tensor \"t\" f32 [2,2]\n"
				 "  1.5 nan\n"
				 "  0x7fc00001 1e-05\n"
				 "slice \"s\" i8 [2,3] [1:1,-]\n"
				 "  -1 0 1\n"
				 "alias \"u\" \"t\"\n"
				 "tensor \"q\" u8 [4] base64\n"
				 "  AAECAw==\n"
				 "tensor \"b\" u8 [2] at 1\n";

static struct text model_copy(void)
{
	const struct bytes beside = {(uint8_t *)(uintptr_t) "abc", 3};
	struct text text = {.size = sizeof(model_text) - 1};

	scene_add_file(&scene, "/beside", &beside);
	text.bytes = malloc(text.size);
	ck_assert_ptr_nonnull(text.bytes);
	memcpy(text.bytes, model_text, text.size);
	return text;
}

START_TEST(every_beginning_packs_or_says_why)
{
	struct text text = model_copy();

	for (text.size = 0; text.size < sizeof(model_text); text.size++)
		assert_packs_or_says_why(&text);
	free(text.bytes);
}
END_TEST

START_TEST(every_changed_byte_packs_or_says_why)
{
	static const char changes[] = {'\0', '\n', ' ', '"', '\\', '-', ':', '9', '\xff'};
	struct text text = model_copy();

	for (size_t at = 0; at < text.size; at++) {
		const char before = text.bytes[at];

		for (size_t i = 0; i < COUNT_OF(changes); i++) {
			text.bytes[at] = changes[i];
			assert_packs_or_says_why(&text);
		}
		text.bytes[at] = before;
	}
	free(text.bytes);
}
END_TEST

START_TEST(a_long_line_is_refused)
{
	const size_t size = ((size_t)33 << 20) + 20;
	struct text text = {.bytes = malloc(size), .size = size};

	ck_assert_ptr_nonnull(text.bytes);
	memset(text.bytes, ' ', size);
	memcpy(text.bytes, FIRST, strlen(FIRST));
	add_text(&text);
	ASSERT_FAILS(pack(NULL), CAIRN_LIMIT, "line 2: a line of more than");
	free(text.bytes);
}
END_TEST

/* --------------------------------------------------------------------------------------- faults */

/* The n-th call fails: false when there was none. */
static bool fail_call(uint64_t number, int error)
{
	const struct memory_fault fault = {.call = MEMORY_CALL_ANY, .at = number, .error = error};
	enum cairn_status status;
	bool fired;

	memory_system_clear_faults(scene.memory);
	memory_system_set_fault(scene.memory, 0, &fault);
	test_error_reset();
	status = pack(NULL);
	fired = memory_system_fault_fired(scene.memory, 0) != 0;
	memory_system_clear_faults(scene.memory);
	ck_assert_msg(status == CAIRN_OK || test_error.code == status, "call %u: %s",
		      (unsigned)number, test_error.message);
	if (status == CAIRN_OK || status == CAIRN_IN_DOUBT)
		return fired;
	ck_assert_uint_eq(memory_system_live(scene.memory).descriptors, 0);
	ck_assert_uint_eq(memory_system_live(scene.memory).allocations, 0);
	return fired;
}

START_TEST(each_call_fails_once_while_a_text_is_packed)
{
	static const int errors[] = {EIO, ENOMEM};
	struct text text = model_copy();

	add_text(&text);
	for (uint64_t number = 1; fail_call(number, errors[_i]); number++)
		ck_assert_uint_lt(number, 10000);
	free(text.bytes);
}
END_TEST

START_TEST(each_call_fails_once_while_a_text_is_dumped)
{
	const struct sample sample = {SAMPLE_FULL, 1};
	struct text text = {.file = tmpfile()};
	struct cairn_reader *reader;
	bool fired = true;

	ASSERT_OK(sample_write(scene.system, "/sample", &sample, 0, &test_error));
	for (uint64_t number = 1; fired; number++) {
		const struct memory_fault fault = {
			.call = MEMORY_CALL_ANY, .at = number, .error = ENOMEM};
		enum cairn_status status;

		reader = scene_reader(&scene, "/sample", NULL);
		memory_system_set_fault(scene.memory, 0, &fault);
		test_error_reset();
		status = cairn_dump(reader, take_text, &text, NULL, &test_error);
		fired = memory_system_fault_fired(scene.memory, 0) != 0;
		memory_system_clear_faults(scene.memory);
		ck_assert(status == CAIRN_OK || test_error.code == status);
		cairn_reader_close(reader);
	}
	fclose(text.file);
}
END_TEST

static Suite *text_suite(void)
{
	Suite *suite = suite_create("text");
	TCase *same = tcase_create("same");
	TCase *wrong = tcase_create("wrong");

	tcase_add_checked_fixture(same, set_up, tear_down);
	tcase_add_loop_test(same, each_golden_container_is_rebuilt, 0, (int)golden_count);
	tcase_add_loop_test(same, each_golden_container_has_the_text_that_it_had, 0,
			    (int)golden_count);
	tcase_add_loop_test(same, each_sample_is_rebuilt, 0, 3);
	tcase_add_test(same, each_shard_is_rebuilt);
	tcase_add_loop_test(same, random_containers_are_rebuilt, 0, SEEDS);
	tcase_add_test(same, a_sharded_checkpoint_becomes_one_container);
	tcase_add_test(same, what_was_packed_of_anything_dumps_to_the_same_text);
	tcase_add_test(same, digests_say_what_is_equal_and_cannot_be_packed);
	tcase_add_test(same, who_takes_the_text_can_stop_it);
	suite_add_tcase(suite, same);
	tcase_add_checked_fixture(wrong, set_up, tear_down);
	tcase_add_loop_test(wrong, damage_is_named_and_leaves_nothing, 0, COUNT_OF(damaged));
	tcase_add_test(wrong, the_data_file_is_one_of_the_folder);
	tcase_add_test(wrong, every_beginning_packs_or_says_why);
	tcase_add_test(wrong, every_changed_byte_packs_or_says_why);
	tcase_add_test(wrong, a_long_line_is_refused);
	tcase_add_loop_test(wrong, each_call_fails_once_while_a_text_is_packed, 0, 2);
	tcase_add_test(wrong, each_call_fails_once_while_a_text_is_dumped);
	suite_add_tcase(suite, wrong);
	return suite;
}

int main(void)
{
	return run_suite(text_suite());
}
