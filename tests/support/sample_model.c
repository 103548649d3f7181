/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the samples hold, one row a tensor, in byte order of their names.
 */
#include "tests/support/sample_model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <cairn/verify.h>

#include "engine/read/reader.h"
#include "engine/write/writer.h"
#include "format/container.h"
#include "format/digest.h"
#include "format/error.h"

enum tensor_form {
	WHOLE,    /* borrowed memory */
	COPIED,   /* copied by the writer */
	PRODUCED, /* from a callback */
	QUARTERS, /* upper half, lower left, lower right, in this order reversed */
	PARTIAL,  /* the upper half only: incomplete */
	STRINGS,
	ALIAS /* of the tensor that its content is named after */
};

struct sample_tensor {
	const char *name;
	size_t name_size;
	enum cairn_dtype dtype;
	enum tensor_form form;
	uint32_t rank;
	uint64_t dims[2];
	uint64_t size;      /* bytes; of strings what the table of texts makes of it */
	uint8_t content;    /* number that its bytes follow from */
	const char *target; /* of an alias */
};

#define NAME(text) text, sizeof(text) - 1

static const struct sample_tensor tiny_tensors[] = {
	{NAME("alpha"), CAIRN_F64, COPIED, 0, {0}, 8, 1, NULL},
	{NAME("tail"), CAIRN_F32, WHOLE, 1, {16}, 64, 2, NULL},
};

static const struct sample_tensor full_tensors[] = {
	{NAME(""), CAIRN_U8, COPIED, 1, {3}, 3, 3, NULL},
	{NAME("alpha"), CAIRN_F64, COPIED, 0, {0}, 8, 1, NULL},
	{NAME("big"), CAIRN_U8, WHOLE, 2, {70, 1024}, 71680, 4, NULL},
	{NAME("empty"), CAIRN_F32, WHOLE, 2, {0, 3}, 0, 5, NULL},
	{NAME("grid"), CAIRN_F32, QUARTERS, 2, {8, 6}, 192, 6, NULL},
	{NAME("half"), CAIRN_I16, PARTIAL, 2, {4, 4}, 32, 7, NULL},
	{NAME("nul\0name"), CAIRN_I8, WHOLE, 2, {2, 5}, 10, 8, NULL},
	{NAME("opaque"), (enum cairn_dtype)200, WHOLE, 1, {8}, 12, 9, NULL},
	{NAME("packed"), CAIRN_F4_E2M1, WHOLE, 2, {4, 4}, 8, 10, NULL},
	{NAME("produced"), CAIRN_BF16, PRODUCED, 1, {33}, 66, 11, NULL},
	{NAME("strings"), CAIRN_STRING, STRINGS, 1, {3}, 0, 12, NULL},
	{NAME("tied"), CAIRN_U8, ALIAS, 2, {70, 1024}, 71680, 4, "big"},
};

static const struct sample_tensor direct_tensors[] = {
	{NAME("t0"), CAIRN_U8, WHOLE, 2, {64, 1024}, 65536, 20, NULL},
	{NAME("t1"), CAIRN_U8, WHOLE, 2, {64, 1024}, 65536, 21, NULL},
	{NAME("t2"), CAIRN_U8, PRODUCED, 2, {64, 1024}, 65536, 22, NULL},
	{NAME("t3"), CAIRN_U8, WHOLE, 2, {64, 1024}, 65536, 23, NULL},
};

struct sample_table {
	const struct sample_tensor *tensors;
	size_t count;
	size_t metadata_count;
	uint64_t alignment;
};

static const struct sample_table tables[] = {
	[SAMPLE_TINY] = {tiny_tensors, 2, 1, 0},
	[SAMPLE_FULL] = {full_tensors, 12, 3, 0},
	/* an alignment that makes the file large and leaves it mostly empty */
	[SAMPLE_DIRECT] = {direct_tensors, 4, 1, CONTAINER_ALIGNMENT_MAX},
};

enum {
	TEXT_COUNT = 3,
	SIZE_MAX_OF_TENSOR = 71680,
	UNKNOWN_BLOCK_ELEMENTS = 2,
	UNKNOWN_BLOCK_BYTES = 3
};

static const struct cairn_string texts[TEXT_COUNT] = {
	{"", 0}, {"a stone", 7}, {"on\0the trail", 12}};

static const uint8_t scales[12] = {1, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 64};
static const uint8_t step[8] = {7, 1, 2, 3, 4, 5, 6, 7};

/* ------------------------------------------------------------------------------------- contents */

static void fill(uint8_t seed, uint8_t content, uint64_t offset, uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		const uint64_t at = offset + i;

		bytes[i] = (uint8_t)(at * 7 + at / 251 * 13 + content * 31u + seed * 101u + 1);
	}
}

static enum cairn_status produce(void *context, uint64_t offset, void *buffer, size_t size)
{
	memcpy(buffer, (const uint8_t *)context + offset, size);
	return CAIRN_OK;
}

static struct cairn_string name_of(const struct sample_tensor *tensor)
{
	return (struct cairn_string){tensor->name, tensor->name_size};
}

static struct cairn_tensor_spec spec_of(const struct sample_tensor *tensor)
{
	const bool is_known = cairn_dtype_info(tensor->dtype) != NULL;

	return (struct cairn_tensor_spec){
		.name = name_of(tensor),
		.dtype = tensor->dtype,
		.rank = tensor->rank,
		.dims = tensor->dims,
		.block_elements = is_known ? 0 : UNKNOWN_BLOCK_ELEMENTS,
		.block_bytes = is_known ? 0 : UNKNOWN_BLOCK_BYTES,
	};
}

/* What the metadata entry "format" says. */
static struct cairn_string seed_text(uint8_t seed)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

	return (struct cairn_string){letters + seed % 20, 5};
}

/* --------------------------------------------------------------------------------------- saving */

/* One stored slice of a matrix of `width` bytes an element; its bytes are cut out of `matrix` and
 * left at `*free`. */
static enum cairn_status add_slice(struct cairn_writer *writer, const struct sample_tensor *tensor,
				   const uint64_t *starts, const uint64_t *lengths,
				   const uint8_t *matrix, uint8_t **free)
{
	struct cairn_tensor_spec spec = spec_of(tensor);
	const uint64_t width = tensor->size / (tensor->dims[0] * tensor->dims[1]);
	const uint64_t columns = lengths[1] == CAIRN_FULL ? tensor->dims[1] : lengths[1];
	uint8_t *const bytes = *free;

	spec.starts = starts;
	spec.lengths = lengths;
	for (uint64_t row = 0; row < lengths[0]; row++) {
		memcpy(*free, matrix + ((starts[0] + row) * tensor->dims[1] + starts[1]) * width,
		       columns * width);
		*free += columns * width;
	}
	return cairn_writer_add_spec(writer, &spec, bytes, NULL);
}

static enum cairn_status add_slices(struct cairn_writer *writer, const struct sample_tensor *tensor,
				    const uint8_t *matrix, uint8_t **free)
{
	const uint64_t half = tensor->dims[0] / 2;
	const uint64_t middle = tensor->dims[1] / 2;
	const uint64_t starts[3][2] = {{half, middle}, {half, 0}, {0, 0}};
	const uint64_t lengths[3][2] = {{half, middle}, {half, middle}, {half, CAIRN_FULL}};
	enum cairn_status status = CAIRN_OK;

	for (int i = tensor->form == PARTIAL ? 2 : 0; i < 3 && status == CAIRN_OK; i++)
		status = add_slice(writer, tensor, starts[i], lengths[i], matrix, free);
	return status;
}

/* `*free`: room for the bytes of the tensor, twice for one in slices; moved on. */
static enum cairn_status add_tensor(struct cairn_writer *writer, const struct sample_tensor *tensor,
				    uint8_t seed, uint8_t **free)
{
	const struct cairn_tensor_spec spec = spec_of(tensor);
	uint8_t *const bytes = *free;

	fill(seed, tensor->content, 0, bytes, tensor->size);
	*free += tensor->size;
	switch (tensor->form) {
	case COPIED:
		return cairn_writer_add_copy(writer, tensor->name, tensor->dtype, tensor->rank,
					     tensor->dims, bytes, NULL);
	case PRODUCED:
		return cairn_writer_add_callback(writer, &spec, produce, bytes, NULL);
	case QUARTERS:
	case PARTIAL:
		return add_slices(writer, tensor, bytes, free);
	case STRINGS:
		return cairn_writer_add_strings(writer, spec.name, spec.rank, spec.dims, texts,
						NULL);
	case ALIAS:
		return cairn_writer_add_alias(writer, spec.name, cairn_string_from(tensor->target),
					      NULL);
	case WHOLE:
		break;
	}
	return cairn_writer_add_spec(writer, &spec, bytes, NULL);
}

static enum cairn_status add_metadata(struct cairn_writer *writer, const struct sample *sample)
{
	const uint64_t three = 3;
	enum cairn_status status;

	status = cairn_writer_set_metadata_string(writer, cairn_string_from("format"),
						  seed_text(sample->seed), NULL);
	if (tables[sample->kind].metadata_count == 1 || status != CAIRN_OK)
		return status;
	status = cairn_writer_set_metadata(writer, cairn_string_from("step"), CAIRN_I64, 0, NULL,
					   step, NULL);
	if (status != CAIRN_OK)
		return status;
	return cairn_writer_set_metadata(writer, cairn_string_from("scales"), CAIRN_F32, 1, &three,
					 scales, NULL);
}

static uint64_t data_size(const struct sample_table *table)
{
	uint64_t size = 0;

	for (size_t i = 0; i < table->count; i++)
		size += 2 * table->tensors[i].size;
	return size;
}

enum cairn_status sample_begin(struct system *system, const char *path, const struct sample *sample,
			       uint32_t flags, struct sample_save *save, struct cairn_error *error)
{
	const struct sample_table *const table = &tables[sample->kind];
	const struct cairn_writer_options options = {.flags = flags,
						     .chunk_size = CHUNK_SIZE_MIN,
						     .alignment = table->alignment,
						     .generation = sample->seed};
	uint8_t *free_bytes;
	enum cairn_status status;

	save->data = malloc(data_size(table));
	if (save->data == NULL)
		abort();
	status = writer_create(system, path, &options, &save->writer, error);
	if (status != CAIRN_OK)
		return status;
	free_bytes = save->data;
	for (size_t i = 0; i < table->count && status == CAIRN_OK; i++)
		status = add_tensor(save->writer, &table->tensors[i], sample->seed, &free_bytes);
	if (status == CAIRN_OK)
		status = add_metadata(save->writer, sample);
	return CAIRN_OK; /* finish returns what an add call did */
}

enum cairn_status sample_finish(struct sample_save *save, struct cairn_error *error)
{
	return cairn_writer_finish(save->writer, error);
}

void sample_end(struct sample_save *save)
{
	cairn_writer_destroy(save->writer);
	free(save->data);
	*save = (struct sample_save){0};
}

enum cairn_status sample_write(struct system *system, const char *path, const struct sample *sample,
			       uint32_t flags, struct cairn_error *error)
{
	struct sample_save save = {0};
	enum cairn_status status;

	status = sample_begin(system, path, sample, flags, &save, error);
	if (status == CAIRN_OK)
		status = sample_finish(&save, error);
	sample_end(&save);
	return status;
}

/* ------------------------------------------------------------------------------------ comparing */

static enum cairn_status differs(const char *what, const struct sample_tensor *tensor,
				 struct cairn_error *error)
{
	return error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET, "sample: %s of %s", what,
			 quote(name_of(tensor)).text);
}

static enum cairn_status compare_view(const struct sample_tensor *tensor, uint8_t seed,
				      const struct cairn_view *view, uint64_t offset, uint64_t size,
				      struct cairn_error *error)
{
	static uint8_t expected[SIZE_MAX_OF_TENSOR];

	fill(seed, tensor->content, offset, expected, size);
	if (view->size != size || memcmp(view->data, expected, size) != 0)
		return differs("another view", tensor, error);
	return CAIRN_OK;
}

static enum cairn_status compare_strings(const struct cairn_tensor *found,
					 const struct sample_tensor *tensor,
					 struct cairn_error *error)
{
	struct cairn_view view = {0};
	struct cairn_string text;
	enum cairn_status status;

	status = cairn_tensor_view(found, &view, error);
	for (uint64_t i = 0; i < TEXT_COUNT && status == CAIRN_OK; i++) {
		status = cairn_view_string(found, &view, i, &text, error);
		if (status == CAIRN_OK && (text.size != texts[i].size ||
					   memcmp(text.data, texts[i].data, text.size) != 0))
			status = differs("another text", tensor, error);
	}
	cairn_view_release(&view);
	return status;
}

static enum cairn_status compare_whole(const struct cairn_tensor *found,
				       const struct sample_tensor *tensor, uint8_t seed,
				       struct cairn_error *error)
{
	struct cairn_view view = {0};
	enum cairn_status status;

	status = cairn_tensor_view(found, &view, error);
	if (status == CAIRN_OK)
		status = compare_view(tensor, seed, &view, 0, tensor->size, error);
	cairn_view_release(&view);
	return status;
}

/* A row in the upper half of a matrix, as a view and as a copy. */
static enum cairn_status compare_row(const struct cairn_tensor *found,
				     const struct sample_tensor *tensor, uint8_t seed,
				     struct cairn_error *error)
{
	const uint64_t starts[2] = {1, 0};
	const uint64_t lengths[2] = {1, CAIRN_FULL};
	const uint64_t row = tensor->size / (tensor->dims[0] == 0 ? 1 : tensor->dims[0]);
	uint8_t copy[SIZE_MAX_OF_TENSOR / 64];
	struct cairn_view view = {0};
	enum cairn_status status;

	if (tensor->rank != 2 || tensor->size == 0)
		return CAIRN_OK;
	status = cairn_tensor_view_slice(found, starts, lengths, &view, error);
	if (status == CAIRN_OK)
		status = compare_view(tensor, seed, &view, row, row, error);
	cairn_view_release(&view);
	if (status != CAIRN_OK)
		return status;
	status = cairn_tensor_read_slice(found, starts, lengths, copy, row, error);
	view = (struct cairn_view){.data = copy, .size = row};
	return status == CAIRN_OK ? compare_view(tensor, seed, &view, row, row, error) : status;
}

/* A lower right corner: no run of bytes of the file. */
static enum cairn_status compare_corner(const struct cairn_tensor *found,
					const struct sample_tensor *tensor, uint8_t seed,
					struct cairn_error *error)
{
	const uint64_t starts[2] = {tensor->dims[0] - 2, tensor->dims[1] - 2};
	const uint64_t lengths[2] = {2, 2};
	struct cairn_view view = {0};
	struct cairn_view row;
	enum cairn_status status;

	if (tensor->form == PARTIAL || tensor->rank != 2 || tensor->size == 0)
		return CAIRN_OK;
	status = cairn_tensor_view_slice(found, starts, lengths, &view, error);
	for (uint64_t i = 0; i < 2 && status == CAIRN_OK; i++) {
		const uint64_t width = tensor->size / tensor->dims[0];
		const uint64_t size = view.size / 2;

		row = (struct cairn_view){.data = (const uint8_t *)view.data + i * size,
					  .size = size};
		status = compare_view(tensor, seed, &row, (starts[0] + i + 1) * width - size, size,
				      error);
	}
	cairn_view_release(&view);
	return status;
}

/* Some bytes around the middle. */
static enum cairn_status compare_range(const struct cairn_tensor *found,
				       const struct sample_tensor *tensor, uint8_t seed,
				       struct cairn_error *error)
{
	const uint64_t offset = tensor->form == PARTIAL ? 0 : tensor->size / 3;
	const uint64_t size = tensor->size / 2;
	uint8_t copy[SIZE_MAX_OF_TENSOR];
	const struct cairn_view view = {.data = copy, .size = size};
	enum cairn_status status;

	status = cairn_tensor_read(found, offset, copy, size, error);
	return status == CAIRN_OK ? compare_view(tensor, seed, &view, offset, size, error) : status;
}

/* Every stored slice says where it lies. */
static enum cairn_status compare_stored(const struct cairn_tensor *found,
					const struct sample_tensor *tensor,
					struct cairn_error *error)
{
	const uint32_t count = tensor->form == QUARTERS ? 3 : 1;
	struct cairn_stored_slice slice;
	enum cairn_status status = CAIRN_OK;
	uint64_t total = 0;

	if (found->slice_count != count)
		return differs("another number of stored slices", tensor, error);
	for (uint32_t i = 0; i < count && status == CAIRN_OK; i++) {
		status = cairn_tensor_stored_slice(found, i, &slice, error);
		if (status == CAIRN_OK && slice.has_digest == 0)
			status = differs("no digest", tensor, error);
		total += slice.size;
	}
	if (status == CAIRN_OK && tensor->form != STRINGS &&
	    total != (tensor->form == PARTIAL ? tensor->size / 2 : tensor->size))
		status = differs("other stored sizes", tensor, error);
	return status;
}

static enum cairn_status compare_facts(const struct cairn_tensor *found,
				       const struct sample_tensor *tensor,
				       struct cairn_error *error)
{
	const bool incomplete = (found->flags & CAIRN_TENSOR_INCOMPLETE) != 0;

	if (found->name.size != tensor->name_size ||
	    memcmp(found->name.data, tensor->name, tensor->name_size) != 0)
		return differs("another name", tensor, error);
	if (found->dtype != tensor->dtype || found->rank != tensor->rank ||
	    memcmp(found->dims, tensor->dims, tensor->rank * sizeof(uint64_t)) != 0 ||
	    incomplete != (tensor->form == PARTIAL))
		return differs("another type, shape or flag", tensor, error);
	if (tensor->form != STRINGS && found->size != tensor->size)
		return differs("another size", tensor, error);
	return CAIRN_OK;
}

static enum cairn_status compare_data(const struct cairn_tensor *found,
				      const struct sample_tensor *tensor, uint8_t seed,
				      struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	if (tensor->form == STRINGS)
		return compare_strings(found, tensor, error);
	if (tensor->form != PARTIAL)
		status = compare_whole(found, tensor, seed, error);
	if (status == CAIRN_OK && tensor->dtype != CAIRN_F4_E2M1)
		status = compare_row(found, tensor, seed, error);
	if (status == CAIRN_OK && tensor->dtype != CAIRN_F4_E2M1)
		status = compare_corner(found, tensor, seed, error);
	return status == CAIRN_OK ? compare_range(found, tensor, seed, error) : status;
}

static enum cairn_status compare_tensor(const struct cairn_reader *reader, uint64_t number,
					const struct sample *sample, struct cairn_error *error)
{
	const struct sample_tensor *const tensor = &tables[sample->kind].tensors[number];
	struct cairn_tensor met;
	struct cairn_tensor found;
	enum cairn_status status;

	if ((status = cairn_reader_tensor_at(reader, number, &met, error)) != CAIRN_OK ||
	    (status = compare_facts(&met, tensor, error)) != CAIRN_OK ||
	    (status = cairn_reader_find_string(reader, name_of(tensor), &found, error)) !=
		    CAIRN_OK ||
	    (status = compare_facts(&found, tensor, error)) != CAIRN_OK ||
	    (status = compare_data(&found, tensor, sample->seed, error)) != CAIRN_OK)
		return status;
	return compare_stored(&met, tensor, error);
}

static enum cairn_status compare_text(const struct cairn_reader *reader, struct cairn_string key,
				      struct cairn_string expected, struct cairn_error *error)
{
	struct cairn_tensor value;
	struct cairn_view view = {0};
	struct cairn_string text = {0};
	enum cairn_status status;

	status = cairn_reader_metadata_find(reader, key, &value, error);
	if (status == CAIRN_OK)
		status = cairn_tensor_view(&value, &view, error);
	if (status == CAIRN_OK)
		status = cairn_view_string(&value, &view, 0, &text, error);
	if (status == CAIRN_OK &&
	    (text.size != expected.size || memcmp(text.data, expected.data, text.size) != 0))
		status = error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET,
				   "sample: another text in the metadata");
	cairn_view_release(&view);
	return status;
}

static enum cairn_status compare_metadata_at(const struct cairn_reader *reader, uint64_t number,
					     const uint8_t *expected, uint64_t size,
					     struct cairn_error *error)
{
	struct cairn_tensor value;
	struct cairn_view view = {0};
	enum cairn_status status;

	status = cairn_reader_metadata_at(reader, number, &value, error);
	if (status == CAIRN_OK)
		status = cairn_tensor_view(&value, &view, error);
	if (status == CAIRN_OK && (view.size != size || memcmp(view.data, expected, size) != 0))
		status = error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET,
				   "sample: another value in the metadata");
	cairn_view_release(&view);
	return status;
}

enum cairn_status sample_compare(const struct cairn_reader *reader, const struct sample *sample,
				 struct cairn_error *error)
{
	const struct sample_table *const table = &tables[sample->kind];
	struct cairn_reader_info info = {.size = sizeof(info)};
	enum cairn_status status = CAIRN_OK;

	cairn_reader_info(reader, &info);
	if (info.tensor_count != table->count || info.metadata_count != table->metadata_count ||
	    info.generation != sample->seed)
		return error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET,
				 "sample: %" PRIu64 " tensors, %" PRIu64
				 " metadata entries, generation %" PRIu64,
				 info.tensor_count, info.metadata_count, info.generation);
	for (uint64_t i = 0; i < table->count && status == CAIRN_OK; i++)
		status = compare_tensor(reader, i, sample, error);
	if (status == CAIRN_OK)
		status = compare_text(reader, cairn_string_from("format"), seed_text(sample->seed),
				      error);
	if (table->metadata_count == 1 || status != CAIRN_OK)
		return status;
	status = compare_metadata_at(reader, 1, scales, sizeof(scales), error);
	return status == CAIRN_OK ? compare_metadata_at(reader, 2, step, sizeof(step), error)
				  : status;
}

/* ------------------------------------------------------------------------------------ verifying */

static int keep_problem(void *context, const struct cairn_problem *problem)
{
	error_set(context, problem->code, problem->offset, "%s", problem->message);
	return 1;
}

enum cairn_status sample_verify(const struct cairn_reader *reader, struct cairn_error *error)
{
	struct cairn_error found = {0};
	const struct cairn_verify_options options = {.on_problem = keep_problem,
						     .problem_context = &found};
	struct cairn_verify_report report = {0};
	const enum cairn_status status = cairn_reader_verify(reader, &options, &report, error);

	if (found.code == CAIRN_OK)
		return status;
	if (error != NULL)
		*error = found;
	return found.code;
}

/* -------------------------------------------------------------------------------------- walking */

/* Keeps the first failure. */
struct walk {
	const struct cairn_reader *reader;
	struct cairn_error first;
};

static bool went_well(struct walk *walk, enum cairn_status status, const struct cairn_error *error)
{
	if (status != CAIRN_OK &&
	    (walk->first.code == CAIRN_OK || status == CAIRN_MISMATCH)) /* worse than an error */
		walk->first = *error;
	return status == CAIRN_OK;
}

/* Reads the first byte, the last, and some between them, for the sanitizer's eyes. */
static void touch(const void *data, uint64_t size)
{
	const uint8_t *const bytes = data;
	volatile uint8_t sum = 0;

	for (uint64_t i = 0; i < size; i += 64)
		sum = (uint8_t)(sum + bytes[i]);
	if (size != 0)
		sum = (uint8_t)(sum + bytes[size - 1]);
}

static void walk_strings(struct walk *walk, const struct cairn_tensor *tensor,
			 const struct cairn_view *view)
{
	struct cairn_error error = {0};
	struct cairn_string text;

	for (uint64_t i = 0; i < tensor->element_count; i++) {
		if (!went_well(walk, cairn_view_string(tensor, view, i, &text, &error), &error))
			return;
		touch(text.data, text.size);
	}
}

/* A view that is said to be verified has the digest that the index holds, where that is plain to
 * see: one slice of one chunk. */
static enum cairn_status check_claim(const struct cairn_tensor *tensor,
				     const struct cairn_view *view, struct cairn_error *error)
{
	const struct cairn_digest found = digest_bytes(view->data, view->size);
	struct cairn_stored_slice slice = {0};

	if ((view->flags & CAIRN_VIEW_VERIFIED) == 0 || tensor->slice_count != 1 ||
	    view->size == 0 || view->size > CHUNK_SIZE_MIN ||
	    cairn_tensor_stored_slice(tensor, 0, &slice, NULL) != CAIRN_OK)
		return CAIRN_OK;
	if (slice.has_digest != 0 && digest_equal(&found, &slice.digest))
		return CAIRN_OK;
	return error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET,
			 "sample: a view of %s claims to be verified", quote(tensor->name).text);
}

static void walk_view(struct walk *walk, const struct cairn_tensor *tensor)
{
	struct cairn_error error = {0};
	struct cairn_view view = {0};

	if (!went_well(walk, cairn_tensor_view(tensor, &view, &error), &error))
		return;
	went_well(walk, check_claim(tensor, &view, &error), &error);
	touch(view.data, view.size);
	if (tensor->block_bytes == 0 && tensor->dtype != CAIRN_NULL)
		walk_strings(walk, tensor, &view);
	cairn_view_release(&view);
}

/* Everything but the first and the last element of each dimension. */
static void walk_slice(struct walk *walk, const struct cairn_tensor *tensor)
{
	uint64_t starts[CAIRN_RANK_MAX];
	uint64_t lengths[CAIRN_RANK_MAX];
	struct cairn_error error = {0};
	struct cairn_view view = {0};
	enum cairn_status status;

	for (uint32_t d = 0; d < tensor->rank; d++) {
		starts[d] = tensor->dims[d] > 2 ? 1 : 0;
		lengths[d] = tensor->dims[d] > 2 ? tensor->dims[d] - 2 : CAIRN_FULL;
	}
	status = cairn_tensor_view_slice(tensor, starts, lengths, &view, &error);
	if (status == CAIRN_OK)
		touch(view.data, view.size);
	if (status != CAIRN_UNSUPPORTED) /* strings and packed types are not cut */
		went_well(walk, status, &error);
	cairn_view_release(&view);
}

static void walk_bytes(struct walk *walk, const struct cairn_tensor *tensor)
{
	struct cairn_error error = {0};
	uint8_t byte;

	if (tensor->size == 0)
		return;
	went_well(walk, cairn_tensor_read(tensor, 0, &byte, 1, &error), &error);
	went_well(walk, cairn_tensor_read(tensor, tensor->size - 1, &byte, 1, &error), &error);
}

static void walk_stored(struct walk *walk, const struct cairn_tensor *tensor)
{
	struct cairn_error error = {0};
	struct cairn_stored_slice slice = {0};

	for (uint32_t i = 0; i < tensor->slice_count; i++) {
		if (!went_well(walk, cairn_tensor_stored_slice(tensor, i, &slice, &error), &error))
			return;
		if (slice.extents != NULL)
			touch(slice.extents, 2 * tensor->rank * sizeof(uint64_t));
	}
}

static void walk_tensor(struct walk *walk, const struct cairn_tensor *tensor)
{
	touch(tensor->name.data, tensor->name.size);
	touch(tensor->dims, tensor->rank * sizeof(uint64_t));
	if ((tensor->flags & CAIRN_TENSOR_INCOMPLETE) == 0) {
		walk_view(walk, tensor);
		walk_slice(walk, tensor);
		walk_bytes(walk, tensor);
	}
	walk_stored(walk, tensor);
}

typedef enum cairn_status (*tensor_getter)(const struct cairn_reader *, uint64_t,
					   struct cairn_tensor *, struct cairn_error *);
typedef enum cairn_status (*tensor_finder)(const struct cairn_reader *, struct cairn_string,
					   struct cairn_tensor *, struct cairn_error *);

static void walk_all(struct walk *walk, uint64_t count, tensor_getter get, tensor_finder find)
{
	struct cairn_error error = {0};
	struct cairn_tensor tensor;
	struct cairn_tensor found;

	for (uint64_t i = 0; i < count; i++) {
		if (!went_well(walk, get(walk->reader, i, &tensor, &error), &error))
			continue;
		walk_tensor(walk, &tensor);
		if (went_well(walk, find(walk->reader, tensor.name, &found, &error), &error))
			walk_tensor(walk, &found);
	}
}

enum cairn_status sample_walk(const struct cairn_reader *reader, struct cairn_error *error)
{
	struct walk walk = {.reader = reader};

	walk_all(&walk, cairn_reader_tensor_count(reader), cairn_reader_tensor_at,
		 cairn_reader_find_string);
	walk_all(&walk, cairn_reader_metadata_count(reader), cairn_reader_metadata_at,
		 cairn_reader_metadata_find);
	if (walk.first.code != CAIRN_OK && error != NULL)
		*error = walk.first;
	return walk.first.code;
}
