/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elements of tensors and of metadata as JSON.
 *
 * Integers are taken from their bytes, since those of 64 bits are no doubles; everything else goes
 * through the library's decoder. A float that was stored with few bits has its exact value, in as
 * few digits as single precision needs.
 */
#include "tools/json_value.h"

#include "tools/cli.h"

static uint64_t load(const void *data, size_t size)
{
	const unsigned char *bytes = data;
	uint64_t value = 0;

	for (size_t i = size; i-- > 0;)
		value = value << 8 | bytes[i];
	return value;
}

/* Two's complement of `size` bytes. */
static int64_t load_signed(const void *data, size_t size)
{
	const unsigned unused = (unsigned)(64 - 8 * size) % 64;
	const uint64_t value = load(data, size) << unused;

	return (int64_t)value >> unused;
}

static bool is_integer(enum cairn_dtype dtype)
{
	return (dtype >= CAIRN_I4_BYTE && dtype <= CAIRN_U2_BYTE) ||
	       (dtype >= CAIRN_QINT8 && dtype <= CAIRN_QINT32);
}

/* One or two numbers. */
static void emit_numbers(struct json_output *json, enum cairn_dtype dtype, const void *data)
{
	const uint32_t count = cairn_dtype_numbers(dtype);
	const bool is_single = dtype != CAIRN_F16 && dtype != CAIRN_C32 && dtype != CAIRN_F64 &&
			       dtype != CAIRN_C128;
	double numbers[2] = {0, 0};

	cairn_dtype_decode(dtype, data, 0, 1, numbers);
	if (is_integer(dtype)) {
		emit_signed(json, (int64_t)numbers[0]);
		return;
	}
	if (count > 1)
		emit_begin_array(json);
	for (uint32_t i = 0; i < count; i++) {
		if (is_single)
			emit_float(json, (float)numbers[i]);
		else
			emit_double(json, numbers[i]);
	}
	if (count > 1)
		emit_end_array(json);
}

void json_element(struct json_output *json, enum cairn_dtype dtype, const void *data, size_t size)
{
	if (dtype == CAIRN_BOOL)
		emit_bool(json, load(data, 1) != 0);
	else if (dtype >= CAIRN_U8 && dtype <= CAIRN_U64)
		emit_unsigned(json, load(data, size));
	else if (dtype >= CAIRN_I8 && dtype <= CAIRN_I64)
		emit_signed(json, load_signed(data, size));
	else if (cairn_dtype_numbers(dtype))
		emit_numbers(json, dtype, data);
	else
		emit_hex(json, data, size);
}

int json_string(struct json_output *json, const struct cairn_tensor *tensor,
		const struct cairn_view *view, uint64_t index)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_string string;
	const enum cairn_status status = cairn_view_string(tensor, view, index, &string, &error);

	if (status != CAIRN_OK)
		return cli_fail(status, &error);
	if (tensor->dtype == CAIRN_STRING && emit_is_text(string))
		emit_string(json, string);
	else
		emit_hex(json, string.data, string.size);
	return CLI_GO_ON;
}
