/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The element types: one row each, found by their codes.
 */
#include "format/dtype.h"

#include <string.h>

#include "format/record.h"

static const struct cairn_dtype_info table[] = {
	[CAIRN_BOOL] = {"bool", CAIRN_BOOL, 1, 1, 1},
	[CAIRN_U8] = {"u8", CAIRN_U8, 1, 1, 1},
	[CAIRN_U16] = {"u16", CAIRN_U16, 1, 2, 2},
	[CAIRN_U32] = {"u32", CAIRN_U32, 1, 4, 4},
	[CAIRN_U64] = {"u64", CAIRN_U64, 1, 8, 8},
	[CAIRN_I8] = {"i8", CAIRN_I8, 1, 1, 1},
	[CAIRN_I16] = {"i16", CAIRN_I16, 1, 2, 2},
	[CAIRN_I32] = {"i32", CAIRN_I32, 1, 4, 4},
	[CAIRN_I64] = {"i64", CAIRN_I64, 1, 8, 8},
	[CAIRN_F16] = {"f16", CAIRN_F16, 1, 2, 2},
	[CAIRN_BF16] = {"bf16", CAIRN_BF16, 1, 2, 2},
	[CAIRN_F32] = {"f32", CAIRN_F32, 1, 4, 4},
	[CAIRN_F64] = {"f64", CAIRN_F64, 1, 8, 8},
	[CAIRN_C32] = {"c32", CAIRN_C32, 1, 4, 2},
	[CAIRN_C64] = {"c64", CAIRN_C64, 1, 8, 4},
	[CAIRN_C128] = {"c128", CAIRN_C128, 1, 16, 8},
	[CAIRN_F8_E4M3FN] = {"f8_e4m3fn", CAIRN_F8_E4M3FN, 1, 1, 1},
	[CAIRN_F8_E5M2] = {"f8_e5m2", CAIRN_F8_E5M2, 1, 1, 1},
	[CAIRN_F8_E4M3FNUZ] = {"f8_e4m3fnuz", CAIRN_F8_E4M3FNUZ, 1, 1, 1},
	[CAIRN_F8_E5M2FNUZ] = {"f8_e5m2fnuz", CAIRN_F8_E5M2FNUZ, 1, 1, 1},
	[CAIRN_F8_E4M3B11FNUZ] = {"f8_e4m3b11fnuz", CAIRN_F8_E4M3B11FNUZ, 1, 1, 1},
	[CAIRN_F8_E8M0] = {"f8_e8m0", CAIRN_F8_E8M0, 1, 1, 1},
	[CAIRN_F4_E2M1] = {"f4_e2m1", CAIRN_F4_E2M1, 2, 1, 1},
	[CAIRN_F6_E2M3] = {"f6_e2m3", CAIRN_F6_E2M3, 4, 3, 1},
	[CAIRN_F6_E3M2] = {"f6_e3m2", CAIRN_F6_E3M2, 4, 3, 1},
	[CAIRN_F4_E2M1_BYTE] = {"f4_e2m1_byte", CAIRN_F4_E2M1_BYTE, 1, 1, 1},
	[CAIRN_I4_BYTE] = {"i4_byte", CAIRN_I4_BYTE, 1, 1, 1},
	[CAIRN_U4_BYTE] = {"u4_byte", CAIRN_U4_BYTE, 1, 1, 1},
	[CAIRN_I2_BYTE] = {"i2_byte", CAIRN_I2_BYTE, 1, 1, 1},
	[CAIRN_U2_BYTE] = {"u2_byte", CAIRN_U2_BYTE, 1, 1, 1},
	[CAIRN_QINT8] = {"qint8", CAIRN_QINT8, 1, 1, 1},
	[CAIRN_QUINT8] = {"quint8", CAIRN_QUINT8, 1, 1, 1},
	[CAIRN_QINT16] = {"qint16", CAIRN_QINT16, 1, 2, 2},
	[CAIRN_QUINT16] = {"quint16", CAIRN_QUINT16, 1, 2, 2},
	[CAIRN_QINT32] = {"qint32", CAIRN_QINT32, 1, 4, 4},
	[CAIRN_Q4_0] = {"q4_0", CAIRN_Q4_0, 32, 18, 2},
	[CAIRN_Q4_1] = {"q4_1", CAIRN_Q4_1, 32, 20, 2},
	[CAIRN_Q5_0] = {"q5_0", CAIRN_Q5_0, 32, 22, 2},
	[CAIRN_Q5_1] = {"q5_1", CAIRN_Q5_1, 32, 24, 2},
	[CAIRN_Q8_0] = {"q8_0", CAIRN_Q8_0, 32, 34, 2},
	[CAIRN_Q8_1] = {"q8_1", CAIRN_Q8_1, 32, 36, 4},
	[CAIRN_Q2_K] = {"q2_k", CAIRN_Q2_K, 256, 84, 2},
	[CAIRN_Q3_K] = {"q3_k", CAIRN_Q3_K, 256, 110, 2},
	[CAIRN_Q4_K] = {"q4_k", CAIRN_Q4_K, 256, 144, 2},
	[CAIRN_Q5_K] = {"q5_k", CAIRN_Q5_K, 256, 176, 2},
	[CAIRN_Q6_K] = {"q6_k", CAIRN_Q6_K, 256, 210, 2},
	[CAIRN_Q8_K] = {"q8_k", CAIRN_Q8_K, 256, 292, 4},
	[CAIRN_IQ2_XXS] = {"iq2_xxs", CAIRN_IQ2_XXS, 256, 66, 2},
	[CAIRN_IQ2_XS] = {"iq2_xs", CAIRN_IQ2_XS, 256, 74, 2},
	[CAIRN_IQ3_XXS] = {"iq3_xxs", CAIRN_IQ3_XXS, 256, 98, 2},
	[CAIRN_IQ1_S] = {"iq1_s", CAIRN_IQ1_S, 256, 50, 2},
	[CAIRN_IQ4_NL] = {"iq4_nl", CAIRN_IQ4_NL, 32, 18, 2},
	[CAIRN_IQ3_S] = {"iq3_s", CAIRN_IQ3_S, 256, 110, 2},
	[CAIRN_IQ2_S] = {"iq2_s", CAIRN_IQ2_S, 256, 82, 2},
	[CAIRN_IQ4_XS] = {"iq4_xs", CAIRN_IQ4_XS, 256, 136, 2},
	[CAIRN_IQ1_M] = {"iq1_m", CAIRN_IQ1_M, 256, 56, 2},
	[CAIRN_TQ1_0] = {"tq1_0", CAIRN_TQ1_0, 256, 54, 2},
	[CAIRN_TQ2_0] = {"tq2_0", CAIRN_TQ2_0, 256, 66, 2},
	[CAIRN_MXFP4] = {"mxfp4", CAIRN_MXFP4, 32, 17, 1},
	[CAIRN_NVFP4] = {"nvfp4", CAIRN_NVFP4, 64, 36, 2},
	[CAIRN_Q1_0] = {"q1_0", CAIRN_Q1_0, 128, 18, 2},
	[CAIRN_Q2_0] = {"q2_0", CAIRN_Q2_0, 64, 18, 2},
	[CAIRN_STRING] = {"string", CAIRN_STRING, 1, 0, 8},
	[CAIRN_VARIANT] = {"variant", CAIRN_VARIANT, 1, 0, 8},
	[CAIRN_BYTES] = {"bytes", CAIRN_BYTES, 1, 0, 8},
	[CAIRN_NULL] = {"null", CAIRN_NULL, 1, 0, 1},
};

/* In the order of the official reader's enumeration. */
static const struct {
	const char *name;
	enum cairn_dtype dtype;
} safetensors_names[] = {
	{"BOOL", CAIRN_BOOL},
	{"F4", CAIRN_F4_E2M1},
	{"F6_E2M3", CAIRN_F6_E2M3},
	{"F6_E3M2", CAIRN_F6_E3M2},
	{"U8", CAIRN_U8},
	{"I8", CAIRN_I8},
	{"F8_E5M2", CAIRN_F8_E5M2},
	{"F8_E4M3", CAIRN_F8_E4M3FN},
	{"F8_E8M0", CAIRN_F8_E8M0},
	{"F8_E4M3FNUZ", CAIRN_F8_E4M3FNUZ},
	{"F8_E5M2FNUZ", CAIRN_F8_E5M2FNUZ},
	{"I16", CAIRN_I16},
	{"U16", CAIRN_U16},
	{"F16", CAIRN_F16},
	{"BF16", CAIRN_BF16},
	{"I32", CAIRN_I32},
	{"U32", CAIRN_U32},
	{"F32", CAIRN_F32},
	{"C64", CAIRN_C64},
	{"F64", CAIRN_F64},
	{"I64", CAIRN_I64},
	{"U64", CAIRN_U64},
};

/* By number; 0 is no type, 20 (resource) cannot be stored. */
static const struct {
	const char *name;
	uint32_t number;
	enum cairn_dtype dtype;
} tensorflow_types[] = {
	{"float", 1, CAIRN_F32},
	{"double", 2, CAIRN_F64},
	{"int32", 3, CAIRN_I32},
	{"uint8", 4, CAIRN_U8},
	{"int16", 5, CAIRN_I16},
	{"int8", 6, CAIRN_I8},
	{"string", 7, CAIRN_STRING},
	{"complex64", 8, CAIRN_C64},
	{"int64", 9, CAIRN_I64},
	{"bool", 10, CAIRN_BOOL},
	{"qint8", 11, CAIRN_QINT8},
	{"quint8", 12, CAIRN_QUINT8},
	{"qint32", 13, CAIRN_QINT32},
	{"bfloat16", 14, CAIRN_BF16},
	{"qint16", 15, CAIRN_QINT16},
	{"quint16", 16, CAIRN_QUINT16},
	{"uint16", 17, CAIRN_U16},
	{"complex128", 18, CAIRN_C128},
	{"half", 19, CAIRN_F16},
	{"variant", 21, CAIRN_VARIANT},
	{"uint32", 22, CAIRN_U32},
	{"uint64", 23, CAIRN_U64},
	{"float8_e5m2", 24, CAIRN_F8_E5M2},
	{"float8_e4m3fn", 25, CAIRN_F8_E4M3FN},
	{"float8_e4m3fnuz", 26, CAIRN_F8_E4M3FNUZ},
	{"float8_e4m3b11fnuz", 27, CAIRN_F8_E4M3B11FNUZ},
	{"float8_e5m2fnuz", 28, CAIRN_F8_E5M2FNUZ},
	{"int4", 29, CAIRN_I4_BYTE},
	{"uint4", 30, CAIRN_U4_BYTE},
	{"int2", 31, CAIRN_I2_BYTE},
	{"uint2", 32, CAIRN_U2_BYTE},
	{"float4_e2m1fn", 33, CAIRN_F4_E2M1_BYTE},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct cairn_dtype_info *cairn_dtype_info(enum cairn_dtype dtype)
{
	return (size_t)dtype < COUNT(table) && table[dtype].name != NULL ? &table[dtype] : NULL;
}

static bool equals(struct cairn_string string, const char *text)
{
	return string.size == strlen(text) &&
	       (string.size == 0 || memcmp(string.data, text, string.size) == 0);
}

const struct cairn_dtype_info *cairn_dtype_from_name(struct cairn_string name)
{
	for (size_t i = 0; i < COUNT(table); i++) {
		if (table[i].name != NULL && equals(name, table[i].name))
			return &table[i];
	}
	return NULL;
}

bool dtype_is_variable(enum cairn_dtype dtype)
{
	return dtype == CAIRN_STRING || dtype == CAIRN_VARIANT || dtype == CAIRN_BYTES;
}

bool dtype_is_metadata_only(enum cairn_dtype dtype)
{
	return dtype == CAIRN_BYTES || dtype == CAIRN_NULL;
}

uint8_t dtype_packing(enum cairn_dtype dtype)
{
	return dtype >= CAIRN_Q4_0 && dtype <= CAIRN_Q2_0 ? PACKING_ROW : PACKING_FLAT;
}

const char *dtype_safetensors_name(enum cairn_dtype dtype)
{
	for (size_t i = 0; i < COUNT(safetensors_names); i++) {
		if (safetensors_names[i].dtype == dtype)
			return safetensors_names[i].name;
	}
	return NULL;
}

bool dtype_from_safetensors(struct cairn_string name, enum cairn_dtype *dtype)
{
	for (size_t i = 0; i < COUNT(safetensors_names); i++) {
		if (equals(name, safetensors_names[i].name)) {
			*dtype = safetensors_names[i].dtype;
			return true;
		}
	}
	return false;
}

int dtype_safetensors_order(enum cairn_dtype dtype)
{
	for (size_t i = 0; i < COUNT(safetensors_names); i++) {
		if (safetensors_names[i].dtype == dtype)
			return (int)i;
	}
	return -1;
}

bool dtype_from_tensorflow(uint32_t number, enum cairn_dtype *dtype)
{
	for (size_t i = 0; i < COUNT(tensorflow_types); i++) {
		if (tensorflow_types[i].number == number) {
			*dtype = tensorflow_types[i].dtype;
			return true;
		}
	}
	return false;
}

bool dtype_tensorflow_number(enum cairn_dtype dtype, uint32_t *number)
{
	for (size_t i = 0; i < COUNT(tensorflow_types); i++) {
		if (tensorflow_types[i].dtype == dtype) {
			*number = tensorflow_types[i].number;
			return true;
		}
	}
	return false;
}

const char *dtype_tensorflow_name(enum cairn_dtype dtype)
{
	for (size_t i = 0; i < COUNT(tensorflow_types); i++) {
		if (tensorflow_types[i].dtype == dtype)
			return tensorflow_types[i].name;
	}
	return NULL;
}
