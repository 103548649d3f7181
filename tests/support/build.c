/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and changing containers. Resealing uses the functions that the writer uses: these tests
 * are about readers that meet a dishonest writer, not about the digests themselves.
 */
#include "tests/support/build.h"

#include "format/bytes.h"
#include "format/digest.h"
#include "format/index.h"
#include "format/index_build.h"
#include "tests/support/suite.h"
#include "tests/support/test_arena.h"

void scene_open(struct scene *scene)
{
	scene->memory = memory_system_create();
	scene->system = memory_system_get(scene->memory);
}

void scene_close(struct scene *scene)
{
	const struct memory_live live = memory_system_live(scene->memory);

	ck_assert_uint_eq(live.allocations, 0);
	ck_assert_uint_eq(live.descriptors, 0);
	ck_assert_uint_eq(live.maps, 0);
	ck_assert(memory_system_is_clean(scene->memory));
	memory_system_destroy(scene->memory);
	*scene = (struct scene){0};
}

struct cairn_writer *scene_writer(const struct scene *scene, const char *path,
				  const struct cairn_writer_options *options)
{
	struct cairn_writer *writer = NULL;

	ASSERT_OK(writer_create(scene->system, path, options, &writer, &test_error));
	return writer;
}

void finish_writer(struct cairn_writer *writer)
{
	ASSERT_OK(cairn_writer_finish(writer, &test_error));
	cairn_writer_destroy(writer);
}

struct cairn_reader *scene_reader(const struct scene *scene, const char *path,
				  const struct cairn_reader_options *options)
{
	struct cairn_reader *reader = NULL;

	ASSERT_OK(reader_open_path(scene->system, path, options, &reader, &test_error));
	return reader;
}

struct bytes scene_content(const struct scene *scene, const char *path)
{
	const int64_t size = memory_system_content(scene->memory, path, NULL, 0);
	struct bytes bytes = {0};

	ck_assert_msg(size >= 0, "no file %s", path);
	bytes.size = (size_t)size;
	bytes.data = malloc(bytes.size + 1);
	ck_assert_ptr_nonnull(bytes.data);
	ck_assert_int_eq(memory_system_content(scene->memory, path, bytes.data, bytes.size), size);
	return bytes;
}

void bytes_free(struct bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct bytes){0};
}

static int count_entry(void *context, const char *name)
{
	(void)name;
	++*(uint32_t *)context;
	return 0;
}

uint32_t scene_entries(const struct scene *scene, const char *folder)
{
	const int fd = system_open(scene->system, SYSTEM_CWD, folder, SYSTEM_WANT_DIRECTORY);
	uint32_t count = 0;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(system_list(scene->system, fd, count_entry, &count), 0);
	system_close(scene->system, fd);
	return count;
}

void scene_add_file(const struct scene *scene, const char *path, const struct bytes *bytes)
{
	ck_assert_int_eq(memory_system_add_file(scene->memory, path, bytes->data, bytes->size), 0);
}

struct container_footer container_footer_of(const struct bytes *container)
{
	struct container_footer footer = {0};
	struct container_header header;

	ASSERT_OK(container_header_decode(container->data, &header, &test_error));
	ASSERT_OK(container_footer_decode(container->data + container->size - CONTAINER_PAGE_SIZE,
					  container->size, container->data, &header, &footer,
					  &test_error));
	return footer;
}

uint8_t *container_record(const struct bytes *container, enum section_type type, uint64_t number)
{
	const struct container_footer footer = container_footer_of(container);
	const struct container_section *const section = container_footer_section(&footer, type);
	const uint64_t offset = number * section->record_size;

	ck_assert_uint_lt(offset, section->size);
	return container->data + footer.index_offset + section->offset + offset;
}

struct bytes container_from(struct build_input *input, const struct bytes *data)
{
	const struct container_header header = {.version = CONTAINER_VERSION};
	struct test_arena arena;
	struct built_index built;
	struct bytes container;
	uint64_t end;

	test_arena_open(&arena, 0);
	ASSERT_OK(index_build(&arena.arena, input, true, &built, &test_error));
	built.footer.version = CONTAINER_VERSION;
	built.footer.alignment = CONTAINER_ALIGNMENT_MIN;
	end = align_up(CONTAINER_PAGE_SIZE + data->size, CONTAINER_PAGE_SIZE);
	built.footer.index_offset = align_up(end + CONTAINER_PAGE_SIZE, INDEX_BLOCK_SIZE);
	end = align_up(built.footer.index_offset + built.image_size, CONTAINER_PAGE_SIZE);
	built.footer.file_size = end + CONTAINER_PAGE_SIZE;
	container.size = built.footer.file_size;
	container.data = calloc(container.size, 1);
	ck_assert_ptr_nonnull(container.data);
	container_header_encode(&header, container.data);
	if (data->size != 0)
		memcpy(container.data + CONTAINER_PAGE_SIZE, data->data, data->size);
	memcpy(container.data + built.footer.index_offset, built.image, built.image_size);
	container_reseal_footer(&container, &built.footer);
	test_arena_close(&arena);
	return container;
}

void container_reseal_footer(const struct bytes *container, const struct container_footer *footer)
{
	struct container_footer sealed = *footer;
	uint8_t *const image = container->data + footer->index_offset;
	struct index_tree tree;

	ck_assert(index_tree_layout(footer->sections_size, &tree));
	sealed.root = index_tree_build(&tree, footer->sections_size, image);
	sealed.header_digest = digest_bytes(container->data, CONTAINER_PAGE_SIZE);
	sealed.content_id = container_content_id(&sealed);
	container_footer_encode(&sealed, container->data + container_footer_copy_offset(&sealed));
	container_footer_encode(&sealed, container->data + container->size - CONTAINER_PAGE_SIZE);
}

void container_reseal(const struct bytes *container)
{
	const struct container_footer footer = container_footer_of(container);

	container_reseal_footer(container, &footer);
}
