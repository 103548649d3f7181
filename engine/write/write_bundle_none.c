/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In place of write_bundle.c and write_v1.c, in a build without TensorFlow's formats.
 */
#include "engine/write/writer.h"
#include "format/error.h"

enum cairn_status writer_measure_bundle(struct cairn_writer *writer, struct cairn_error *error)
{
	return writer_save_bundle(writer, error);
}

enum cairn_status writer_save_bundle(struct cairn_writer *writer, struct cairn_error *error)
{
	(void)writer;
	return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
			 "this Cairn was built without TensorFlow");
}

enum cairn_status writer_save_v1(struct cairn_writer *writer, struct cairn_error *error)
{
	return writer_save_bundle(writer, error);
}
