/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of fields in the messages of TensorFlow's first format, and which of them holds the
 * values of a type. For tensorflow_v1*.c only.
 */
#ifndef CAIRN_FORMAT_TENSORFLOW_V1_FIELDS_H
#define CAIRN_FORMAT_TENSORFLOW_V1_FIELDS_H

#include <stdbool.h>

#include <cairn/dtype.h>

#include "format/protobuf.h"

enum v1_field {
	ENTRY_META = 1, /* SavedTensorSlices */
	ENTRY_DATA = 2,
	META_TENSOR = 1, /* SavedTensorSliceMeta */
	META_VERSIONS = 2,
	TENSOR_NAME = 1, /* SavedSliceMeta */
	TENSOR_SHAPE = 2,
	TENSOR_TYPE = 3,
	TENSOR_SLICE = 4,
	DATA_NAME = 1, /* SavedSlice */
	DATA_SLICE = 2,
	DATA_VALUES = 3 /* a TensorProto */
};

enum value_field {
	VALUES_FLOAT = 5,
	VALUES_DOUBLE = 6,
	VALUES_INT = 7,
	VALUES_STRING = 8,
	VALUES_COMPLEX64 = 9,
	VALUES_INT64 = 10,
	VALUES_BOOL = 11,
	VALUES_COMPLEX128 = 12,
	VALUES_HALF = 13,
	VALUES_UINT32 = 16,
	VALUES_UINT64 = 17
};

struct value_kind {
	enum cairn_dtype dtype;
	enum value_field field;
	enum proto_type type;
	uint32_t width;   /* bytes of an element */
	uint32_t numbers; /* of an element */
	bool is_signed;   /* as varints: widened with its sign */
	bool is_written;  /* TensorFlow's writer takes it */
};

/* NULL: the format has no values of the type. */
const struct value_kind *v1_find_kind(enum cairn_dtype dtype);

#endif
