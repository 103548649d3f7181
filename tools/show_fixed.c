/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn show, of elements of a fixed size.
 *
 * What is shown is read in runs along the last dimension and gathered: columns depend on all of it.
 * Integers are taken from their bytes, everything else goes through the library's decoder.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/show.h"

/* -------------------------------------------------------------------------------------- reading */

static int read_blocks(struct show *show, const uint64_t *starts, const uint64_t *lengths,
		       uint64_t blocks)
{
	struct cairn_error error = {.code = CAIRN_OK};
	const uint64_t size = blocks * show->tensor.block_bytes;
	const enum cairn_status status = cairn_tensor_read_slice(&show->tensor, starts, lengths,
								 show->at, size, &error);

	show->at += size;
	return status == CAIRN_OK ? CLI_GO_ON : cli_fail(status, &error);
}

/* Blocks [first, first + count) of a long row. */
static int read_row(struct show *show, uint64_t first, uint64_t count)
{
	struct cairn_error error = {.code = CAIRN_OK};
	const uint64_t size = count * show->tensor.block_bytes;
	const enum cairn_status status = cairn_tensor_read(
		&show->tensor, first * show->tensor.block_bytes, show->at, size, &error);

	show->at += size;
	return status == CAIRN_OK ? CLI_GO_ON : cli_fail(status, &error);
}

/* Blocks [first, first + count) along the last dimension; `starts` and `lengths` say which row. */
static int read_run(struct show *show, uint64_t *starts, uint64_t *lengths, uint64_t first,
		    uint64_t count)
{
	const uint32_t last = show->shape.rank - 1;
	const uint32_t elements = show->tensor.block_elements;

	if (show->is_row)
		return read_row(show, first, count);
	starts[last] = show->region.starts[last] + first * elements;
	lengths[last] = count * elements;
	return read_blocks(show, starts, lengths, count);
}

/* What is shown of one row: all of it, or both of its ends. */
static int read_ends(struct show *show, uint64_t *starts, uint64_t *lengths)
{
	const uint32_t last = show->shape.rank - 1;
	uint64_t gap;
	const uint64_t shown = array_shown(&show->shape, last, &gap);
	int result = read_run(show, starts, lengths, 0, gap);

	if (result == CLI_GO_ON && shown > gap)
		result = read_run(show, starts, lengths, array_index(&show->shape, last, gap),
				  shown - gap);
	return result;
}

static int read_edges(struct show *show)
{
	const uint32_t outer = show->shape.rank - 1;
	uint64_t index[CAIRN_RANK_MAX] = {0};
	uint64_t starts[CAIRN_RANK_MAX] = {0};
	uint64_t lengths[CAIRN_RANK_MAX];
	int result;

	do {
		for (uint32_t d = 0; d < outer; d++) {
			starts[d] = show->region.starts[d] + array_index(&show->shape, d, index[d]);
			lengths[d] = 1;
		}
		result = read_ends(show, starts, lengths);
	} while (result == CLI_GO_ON && array_step(&show->shape, outer, index) < outer);
	return result;
}

static int read_shown(struct show *show)
{
	if (!array_shown_count(&show->shape, SHOW_MAX, &show->shown))
		return cli_error(CLI_NO,
				 "'%s': even the edges of this tensor are over %" PRIu64
				 " values; --slice takes a part",
				 show->path, SHOW_MAX);
	show->data = malloc(show->shown * show->tensor.block_bytes + 1);
	show->at = show->data;
	if (!show->data)
		return cli_error(CLI_UNKNOWN, "out of memory");
	if (show->shown == 0)
		return CLI_GO_ON;
	if (!show->shape.summarised && !show->is_row)
		return read_blocks(show, show->region.starts, show->region.lengths, show->shown);
	return read_edges(show);
}

/* -------------------------------------------------------------------------------------- numbers */

static const unsigned char *element_at(const struct show *show, uint64_t number)
{
	return show->data + number * show->tensor.block_bytes;
}

static enum show_kind kind_of(const struct cairn_tensor *tensor)
{
	switch ((int)tensor->dtype) {
	case CAIRN_BOOL:
		return KIND_BOOL;
	case CAIRN_U8:
	case CAIRN_U16:
	case CAIRN_U32:
	case CAIRN_U64:
	case CAIRN_U4_BYTE:
	case CAIRN_U2_BYTE:
	case CAIRN_QUINT8:
	case CAIRN_QUINT16:
		return KIND_UNSIGNED;
	case CAIRN_I8:
	case CAIRN_I16:
	case CAIRN_I32:
	case CAIRN_I64:
	case CAIRN_I4_BYTE:
	case CAIRN_I2_BYTE:
	case CAIRN_QINT8:
	case CAIRN_QINT16:
	case CAIRN_QINT32:
		return KIND_SIGNED;
	default:
		break;
	}
	if (tensor->block_elements != 1 || cairn_dtype_numbers(tensor->dtype) == 0)
		return KIND_BLOCK;
	return cairn_dtype_numbers(tensor->dtype) == 2 ? KIND_COMPLEX : KIND_FLOAT;
}

/* NumPy has no small floats: they are shown as the single precision that they convert to. */
static enum decimal_source source_of(enum cairn_dtype dtype)
{
	if (dtype == CAIRN_F16 || dtype == CAIRN_C32)
		return DECIMAL_F16;
	return dtype == CAIRN_F64 || dtype == CAIRN_C128 ? DECIMAL_F64 : DECIMAL_F32;
}

/* Integers of 64 bits are no doubles: they are taken from their bytes. */
static uint64_t load_unsigned(const struct show *show, uint64_t number)
{
	const unsigned char *bytes = element_at(show, number);
	double value;

	if (show->tensor.block_bytes == 8) {
		uint64_t bits = 0;
		for (unsigned i = 8; i-- > 0;)
			bits = bits << 8 | bytes[i];
		return bits;
	}
	cairn_dtype_decode(show->tensor.dtype, bytes, 0, 1, &value);
	return value < 0 ? (uint64_t)(int64_t)value : (uint64_t)value;
}

static int int_text(const struct show *show, uint64_t number, char *text)
{
	const uint64_t value = load_unsigned(show, number);

	if (show->kind == KIND_SIGNED)
		return snprintf(text, SHOW_WORD_SIZE, "%*" PRId64, show->int_width, (int64_t)value);
	return snprintf(text, SHOW_WORD_SIZE, "%*" PRIu64, show->int_width, value);
}

static void fit_ints(struct show *show)
{
	int width = 0;

	for (uint64_t i = 0; i < show->shown; i++) {
		const int needed = int_text(show, i, show->word);
		width = needed > width ? needed : width;
	}
	show->int_width = width;
}

static int fit_floats(struct show *show)
{
	const size_t parts = show->kind == KIND_COMPLEX ? 2 : 1;
	double *numbers = calloc(show->shown * parts + 1, sizeof(*numbers));

	if (!numbers)
		return cli_error(CLI_UNKNOWN, "out of memory");
	show->source = source_of(show->tensor.dtype);
	cairn_dtype_decode(show->tensor.dtype, show->data, 0, show->shown, numbers);
	number_style_fit(&show->style, show->source, false, numbers, show->shown, parts);
	if (parts == 2)
		number_style_fit(&show->imaginary, show->source, true, numbers + 1, show->shown, 2);
	free(numbers);
	return CLI_GO_ON;
}

/* ---------------------------------------------------------------------------------------- words */

/* "(1+2j)", or "2j" where there is no real part. */
static size_t complex_scalar(struct show *show, const double *parts)
{
	char real[NUMBER_TEXT_SIZE] = "";
	char imaginary[NUMBER_TEXT_SIZE];
	const bool both = parts[0] < 0 || parts[0] > 0 || parts[0] != parts[0] || signbit(parts[0]);

	if (both)
		number_scalar_text(show->source, false, false, parts[0], real);
	number_scalar_text(show->source, both, false, parts[1], imaginary);
	return (size_t)snprintf(show->word, sizeof(show->word), both ? "(%s%sj)" : "%s%sj", real,
				imaginary);
}

/* The j stands before the blanks behind the imaginary part. */
static size_t complex_text(struct show *show, const double *parts)
{
	char imaginary[NUMBER_TEXT_SIZE];
	size_t used = number_text(&show->style, parts[0], show->word);
	const size_t size = number_text(&show->imaginary, parts[1], imaginary);
	size_t end = size;

	while (end && imaginary[end - 1] == ' ')
		end--;
	memcpy(show->word + used, imaginary, end);
	used += end;
	show->word[used++] = 'j';
	memset(show->word + used, ' ', size - end);
	return used + size - end;
}

static size_t float_word(struct show *show, uint64_t number)
{
	double parts[2] = {0, 0};

	cairn_dtype_decode(show->tensor.dtype, element_at(show, number), 0, 1, parts);
	if (show->shape.rank && show->kind == KIND_FLOAT)
		return number_text(&show->style, parts[0], show->word);
	if (show->shape.rank)
		return complex_text(show, parts);
	if (show->kind == KIND_FLOAT)
		return number_scalar_text(show->source, false, true, parts[0], show->word);
	return complex_scalar(show, parts);
}

static size_t block_word(struct show *show, uint64_t number)
{
	const unsigned char *bytes = element_at(show, number);
	const uint32_t size = show->tensor.block_bytes;
	const uint32_t most = (SHOW_WORD_SIZE - 8) / 2;
	size_t used = 0;

	for (uint32_t i = 0; i < size && i < most; i++)
		used += (size_t)snprintf(show->word + used, 3, "%02x", bytes[i]);
	if (size > most)
		used += (size_t)snprintf(show->word + used, 4, "...");
	return used;
}

/* An array_element. */
static size_t fixed_word(void *context, uint64_t number, struct cairn_string *text)
{
	struct show *show = context;
	size_t size = 0;

	switch (show->kind) {
	case KIND_BOOL:
		size = (size_t)snprintf(show->word, sizeof(show->word), "%s",
					!*element_at(show, number) ? "False"
					: show->shape.rank         ? " True"
								   : "True");
		break;
	case KIND_UNSIGNED:
	case KIND_SIGNED:
		size = (size_t)int_text(show, number, show->word);
		break;
	case KIND_FLOAT:
	case KIND_COMPLEX:
		size = float_word(show, number);
		break;
	case KIND_BLOCK:
		size = block_word(show, number);
		break;
	}
	*text = (struct cairn_string){show->word, size};
	return size;
}

/* --------------------------------------------------------------------------------- fixed values */

/* Blocks of a type that are no numbers, or share bytes: what the hex stands for. */
static void note_blocks(const struct show *show)
{
	const struct cairn_tensor *tensor = &show->tensor;
	char dtype[CLI_DTYPE_SIZE];

	cli_note("%s: %" PRIu32 " element%s in each block of %" PRIu32
		 " byte%s, shown in hex as stored",
		 cli_dtype_name(tensor->dtype, dtype), tensor->block_elements,
		 cli_plural(tensor->block_elements), tensor->block_bytes,
		 cli_plural(tensor->block_bytes));
}

static bool is_whole(const struct show *show)
{
	for (uint32_t d = 0; d < show->tensor.rank; d++) {
		if (show->region.lengths[d] != show->tensor.dims[d])
			return false;
	}
	return true;
}

/* Which blocks are meant, in which shape. The library refuses slices that cut blocks. */
static int set_shape(struct show *show)
{
	const struct cairn_tensor *tensor = &show->tensor;
	const uint32_t elements = tensor->block_elements;
	const uint32_t last = tensor->rank - 1; /* not used without one */
	uint64_t dims[CAIRN_RANK_MAX];
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_view view;

	memcpy(dims, show->region.lengths, tensor->rank * sizeof(*dims));
	if (elements == 1) {
		array_shape_set(&show->shape, tensor->rank, dims);
		return CLI_GO_ON;
	}
	if (tensor->rank && tensor->dims[last] % elements == 0 && dims[last] % elements == 0 &&
	    show->region.starts[last] % elements == 0) {
		dims[last] /= elements;
		array_shape_set(&show->shape, tensor->rank, dims);
		return CLI_GO_ON;
	}
	if (!is_whole(show)) {
		const enum cairn_status status = cairn_tensor_view_slice(
			tensor, show->region.starts, show->region.lengths, &view, &error);
		if (status != CAIRN_OK)
			return cli_fail(status, &error);
		cairn_view_release(&view);
		return cli_error(CLI_NO, "'%s': this slice cuts blocks of %" PRIu32 " elements",
				 show->path, elements);
	}
	show->is_row = true;
	dims[0] = tensor->size / tensor->block_bytes;
	array_shape_set(&show->shape, 1, dims);
	return CLI_GO_ON;
}

int show_fixed(struct show *show)
{
	int result = set_shape(show);

	show->kind = kind_of(&show->tensor);
	if (result == CLI_GO_ON)
		result = read_shown(show);
	if (result != CLI_GO_ON)
		return result;
	if (show->kind == KIND_SIGNED || show->kind == KIND_UNSIGNED)
		fit_ints(show);
	if (show->kind == KIND_FLOAT || show->kind == KIND_COMPLEX)
		result = fit_floats(show);
	if (result != CLI_GO_ON)
		return result;
	if (show->kind == KIND_BLOCK)
		note_blocks(show);
	array_print(stdout, &show->shape, fixed_word, show);
	return CLI_DONE;
}
