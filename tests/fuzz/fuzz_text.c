/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text that is packed. When that works the container is sound, and its own text, however values
 * are written, packs to the same bytes; when it fails, a line is named and nothing stays behind.
 *
 * The input is the text; its data file is the text itself.
 */
#include <stdlib.h>
#include <string.h>

#include <cairn/text.h>

#include "engine/convert/pack_text.h"
#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/use_reader.h"

/* A container has at least 72 KiB; what a text asks for in alignment can make it large. */
#define FILE_MAX ((size_t)64 << 20)

struct buffer {
	char *bytes; /* owned */
	size_t size;
};

static enum cairn_status take(void *context, const void *bytes, size_t size)
{
	struct buffer *const buffer = context;

	buffer->bytes = realloc(buffer->bytes, buffer->size + size + 1);
	FUZZ_MUST(buffer->bytes != NULL);
	memcpy(buffer->bytes + buffer->size, bytes, size);
	buffer->size += size;
	return CAIRN_OK;
}

static struct buffer content(struct memory_system *memory, const char *path)
{
	const int64_t size = memory_system_content(memory, path, NULL, 0);
	struct buffer buffer = {.size = (size_t)size};

	FUZZ_MUST(size >= 0);
	buffer.bytes = malloc(buffer.size + 1);
	FUZZ_MUST(buffer.bytes != NULL);
	memory_system_content(memory, path, buffer.bytes, buffer.size);
	return buffer;
}

static void pack_again(struct memory_system *memory, const struct cairn_reader *reader,
		       const struct buffer *expected, enum cairn_text_data data)
{
	struct buffer text = {.bytes = NULL};
	struct buffer beside = {.bytes = NULL};
	struct buffer again;
	const struct cairn_dump_options options = {.size = sizeof(options),
						   .data = data,
						   .numbers_max = 4,
						   .beside_name = "beside",
						   .beside = take,
						   .beside_context = &beside};
	const struct cairn_pack_options replace = {.size = sizeof(replace), .replace = 1};
	struct cairn_error error = {0};

	FUZZ_MUST(cairn_dump(reader, take, &text, &options, &error) == CAIRN_OK);
	memory_system_add_file(memory, "/text", text.bytes, text.size);
	memory_system_add_file(memory, "/beside", beside.bytes == NULL ? "" : beside.bytes,
			       beside.size);
	FUZZ_MUST(pack_text(memory_system_get(memory), "/text", "/again.cairn", &replace, NULL,
			    &error) == CAIRN_OK);
	again = content(memory, "/again.cairn");
	FUZZ_MUST(again.size == expected->size);
	FUZZ_MUST(memcmp(again.bytes, expected->bytes, again.size) == 0);
	free(again.bytes);
	free(text.bytes);
	free(beside.bytes);
}

static void check_result(struct memory_system *memory)
{
	const struct cairn_reader_options options = fuzz_reader_options();
	struct cairn_reader *reader = NULL;
	struct cairn_error error = {0};
	struct buffer file;

	if (memory_system_content(memory, "/out.cairn", NULL, 0) > (int64_t)FILE_MAX)
		return;
	file = content(memory, "/out.cairn");
	FUZZ_MUST(reader_open_path(memory_system_get(memory), "/out.cairn", &options, &reader,
				   &error) == CAIRN_OK);
	FUZZ_MUST(fuzz_use_reader(reader));
	for (int data = CAIRN_TEXT_AUTO; data <= CAIRN_TEXT_BESIDE; data++)
		pack_again(memory, reader, &file, (enum cairn_text_data)data);
	cairn_reader_close(reader);
	free(file.bytes);
}

/* A text can cause it. */
static bool may_fail(enum cairn_status status)
{
	return status != CAIRN_IO && status != CAIRN_NO_MEMORY && status != CAIRN_BUSY &&
	       status != CAIRN_IN_DOUBT && status != CAIRN_CANCELLED &&
	       status != CAIRN_INVALID_ARGUMENT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_system *const memory = memory_system_create();
	struct cairn_error error = {0};
	enum cairn_status status;

	memory_system_settings(memory)->threads_inline = true;
	memory_system_add_file(memory, "/text", data, size);
	memory_system_add_file(memory, "/beside", data, size);
	status = pack_text(memory_system_get(memory), "/text", "/out.cairn", NULL, NULL, &error);
	if (status == CAIRN_OK) {
		check_result(memory);
	} else {
		fuzz_check_error(status, &error);
		FUZZ_MUST(may_fail(status));
		FUZZ_MUST(!memory_system_exists(memory, "/out.cairn"));
	}
	FUZZ_MUST(memory_system_is_clean(memory));
	memory_system_destroy(memory);
	return 0;
}
