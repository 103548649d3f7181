/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Element types.
 *
 * One type for each way that a known format stores elements. `block_elements` elements take
 * `block_bytes` bytes; everything but the packed and the quantised types has one element a block.
 * The numbers are those on disk (FORMAT.md) and never change.
 */
#ifndef CAIRN_DTYPE_H
#define CAIRN_DTYPE_H

#include <cairn/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum cairn_dtype {
	/* whole-byte numbers */
	CAIRN_BOOL = 1,
	CAIRN_U8 = 2,
	CAIRN_U16 = 3,
	CAIRN_U32 = 4,
	CAIRN_U64 = 5,
	CAIRN_I8 = 6,
	CAIRN_I16 = 7,
	CAIRN_I32 = 8,
	CAIRN_I64 = 9,
	CAIRN_F16 = 10,
	CAIRN_BF16 = 11,
	CAIRN_F32 = 12,
	CAIRN_F64 = 13,
	CAIRN_C32 = 14,
	CAIRN_C64 = 15,
	CAIRN_C128 = 16,
	/* 8-bit floats */
	CAIRN_F8_E4M3FN = 24,
	CAIRN_F8_E5M2 = 25,
	CAIRN_F8_E4M3FNUZ = 26,
	CAIRN_F8_E5M2FNUZ = 27,
	CAIRN_F8_E4M3B11FNUZ = 28,
	CAIRN_F8_E8M0 = 29,
	/* packed below a byte, first element in the low bits */
	CAIRN_F4_E2M1 = 32,
	CAIRN_F6_E2M3 = 33,
	CAIRN_F6_E3M2 = 34,
	/* below a byte, stored one element a byte (TensorFlow) */
	CAIRN_F4_E2M1_BYTE = 40,
	CAIRN_I4_BYTE = 41,
	CAIRN_U4_BYTE = 42,
	CAIRN_I2_BYTE = 43,
	CAIRN_U2_BYTE = 44,
	/* quantised whole-byte numbers (TensorFlow, torch) */
	CAIRN_QINT8 = 48,
	CAIRN_QUINT8 = 49,
	CAIRN_QINT16 = 50,
	CAIRN_QUINT16 = 51,
	CAIRN_QINT32 = 52,
	/* GGUF's quantised blocks: opaque */
	CAIRN_Q4_0 = 64,
	CAIRN_Q4_1 = 65,
	CAIRN_Q5_0 = 66,
	CAIRN_Q5_1 = 67,
	CAIRN_Q8_0 = 68,
	CAIRN_Q8_1 = 69,
	CAIRN_Q2_K = 70,
	CAIRN_Q3_K = 71,
	CAIRN_Q4_K = 72,
	CAIRN_Q5_K = 73,
	CAIRN_Q6_K = 74,
	CAIRN_Q8_K = 75,
	CAIRN_IQ2_XXS = 76,
	CAIRN_IQ2_XS = 77,
	CAIRN_IQ3_XXS = 78,
	CAIRN_IQ1_S = 79,
	CAIRN_IQ4_NL = 80,
	CAIRN_IQ3_S = 81,
	CAIRN_IQ2_S = 82,
	CAIRN_IQ4_XS = 83,
	CAIRN_IQ1_M = 84,
	CAIRN_TQ1_0 = 85,
	CAIRN_TQ2_0 = 86,
	CAIRN_MXFP4 = 87,
	CAIRN_NVFP4 = 88,
	CAIRN_Q1_0 = 89,
	CAIRN_Q2_0 = 90,
	/* of variable size: u64 end offsets, then the bytes */
	CAIRN_STRING = 112,
	CAIRN_VARIANT = 113,
	CAIRN_BYTES = 114,
	CAIRN_NULL = 115 /* metadata only: no bytes at all */
};

struct cairn_dtype_info {
	const char *name; /* canonical lower-case name, e.g. "bf16"; static */
	enum cairn_dtype dtype;
	uint32_t block_elements; /* elements in a block */
	uint32_t block_bytes;    /* bytes of a block; 0 for types of variable size and for null */
	uint32_t alignment;      /* bytes: what a pointer to its elements must be a multiple of */
};

/* What is known about a type; NULL for a number that is none (a type of a newer version). Static.
 */
CAIRN_API const struct cairn_dtype_info *cairn_dtype_info(enum cairn_dtype dtype);

/* The type of a canonical name ("f32"); NULL when there is none of that name. Static. */
CAIRN_API const struct cairn_dtype_info *cairn_dtype_from_name(struct cairn_string name);

/* Numbers in an element of the type: 1; 2 of complex types, real and imaginary; 0 where elements
 * are no numbers (GGUF's blocks, strings, unknown types). */
CAIRN_API uint32_t cairn_dtype_numbers(enum cairn_dtype dtype);

/*
 * What elements stand for: elements [first, first + count) of those that begin at `elements` (as a
 * view has them, of any alignment), each as the double that equals it. Only integers of 64 bits are
 * rounded, to the nearest double. `numbers` has room for count * cairn_dtype_numbers(dtype).
 * Returns how many were written: 0 for types without numbers.
 */
CAIRN_API uint64_t cairn_dtype_decode(enum cairn_dtype dtype, const void *elements, uint64_t first,
				      size_t count, double *numbers);

#ifdef __cplusplus
}
#endif

#endif
