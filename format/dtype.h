/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of element types behind <cairn/dtype.h>, and what the formats call them.
 */
#ifndef CAIRN_FORMAT_DTYPE_H
#define CAIRN_FORMAT_DTYPE_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/dtype.h>

/* string, variant, bytes: u64 end offsets, then the bytes. */
bool dtype_is_variable(enum cairn_dtype dtype);

/* Only metadata may have it. */
bool dtype_is_metadata_only(enum cairn_dtype dtype);

/* How its blocks lie when a writer has the choice (enum packing_scope): by row for the blocks of
 * GGUF, flat for all others, also for unknown types. */
uint8_t dtype_packing(enum cairn_dtype dtype);

/* safetensors' name ("F32"), or NULL when it has none. Static. */
const char *dtype_safetensors_name(enum cairn_dtype dtype);

/* The type that safetensors calls so; false when there is none. */
bool dtype_from_safetensors(struct cairn_string name, enum cairn_dtype *dtype);

/* The place of the type in safetensors' order, by which its writer sorts descending. Only for types
 * that have a name there. */
int dtype_safetensors_order(enum cairn_dtype dtype);

/* The type of a DataType of TensorFlow's; false when there is none that can be stored, or none that
 * is known. */
bool dtype_from_tensorflow(uint32_t number, enum cairn_dtype *dtype);

/* The other way; false when TensorFlow has no such type. */
bool dtype_tensorflow_number(enum cairn_dtype dtype, uint32_t *number);

/* TensorFlow's name ("float"), or NULL when it has none. Static. */
const char *dtype_tensorflow_name(enum cairn_dtype dtype);

#endif
