/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A saver's variables as one checkpoint: which writer that takes, and what it is told.
 *
 * Variables are added by name, as TensorFlow does, and values lie in that order.
 */
#include <stdio.h>
#include <string.h>

#include "engine/train/saver.h"
#include "engine/write/save.h"
#include "engine/write/writer.h"
#include "format/dtype.h"
#include "format/error.h"

static enum cairn_status add_variable(struct cairn_writer *writer, const struct saver_variable *own,
				      uint32_t shard, struct cairn_error *error)
{
	const struct cairn_variable *const variable = &own->variable;
	const struct cairn_tensor_spec spec = {
		.name = own->name,
		.dtype = variable->dtype,
		.rank = variable->rank,
		.dims = variable->dims,
		.starts = variable->starts,
		.lengths = variable->lengths,
		.shard = shard,
	};

	if (variable->produce != NULL)
		return cairn_writer_add_callback(writer, &spec, variable->produce,
						 variable->context, error);
	if (variable->data == NULL && own->element_count != 0)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "variable %s has no value to save: it can only be restored",
				 saver_variable_name(own).text);
	if (dtype_is_variable(variable->dtype))
		return cairn_writer_add_variable_spec(writer, &spec, variable->data, error);
	return cairn_writer_add_spec(writer, &spec, variable->data, error);
}

static struct cairn_writer_options writer_options(const struct cairn_saver *saver)
{
	return (struct cairn_writer_options){
		.size = sizeof(struct cairn_writer_options),
		.flags = CAIRN_WRITER_REPLACE,
		.thread_count = saver->options.thread_count,
		.progress = saver->options.progress,
		.progress_context = saver->options.progress_context,
	};
}

/* Adds all, and finishes. */
static enum cairn_status write_all(const struct cairn_saver *saver, struct cairn_writer *writer,
				   struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < saver->variable_count && status == CAIRN_OK; i++)
		status = add_variable(writer, saver->variables[i], saver->variables[i]->shard,
				      error);
	if (status == CAIRN_OK)
		status = saver->options.format == CAIRN_SAVER_TENSORFLOW_V1
				 ? writer_finish_v1(writer, saver->def.sharded, error)
				 : cairn_writer_finish(writer, error);
	cairn_writer_destroy(writer);
	return status;
}

static enum cairn_status write_container(const struct cairn_saver *saver, const char *prefix,
					 struct cairn_error *error)
{
	const struct cairn_writer_options options = writer_options(saver);
	struct cairn_writer *writer = NULL;
	char path[CAIRN_PATH_SIZE + sizeof(".cairn")];
	enum cairn_status status;

	snprintf(path, sizeof(path), "%s.cairn", prefix);
	status = writer_create(saver->system, path, &options, &writer, error);
	return status == CAIRN_OK ? write_all(saver, writer, error) : status;
}

/* Of either of TensorFlow's formats. */
static enum cairn_status write_bundle(const struct cairn_saver *saver, const char *prefix,
				      struct cairn_error *error)
{
	struct cairn_writer_options options = writer_options(saver);
	struct cairn_writer *writer = NULL;
	enum cairn_status status;

	options.target = CAIRN_TARGET_TENSORFLOW;
	options.shard_count = saver->shard_count;
	status = writer_create(saver->system, prefix, &options, &writer, error);
	return status == CAIRN_OK ? write_all(saver, writer, error) : status;
}

static enum cairn_status write_shard(const struct cairn_saver *saver, struct cairn_save *save,
				     uint32_t shard, struct cairn_error *error)
{
	struct cairn_writer_options options = writer_options(saver);
	struct cairn_writer *writer = NULL;
	enum cairn_status status;

	options.flags = 0;
	status = cairn_save_writer(save, shard, 0, &options, &writer, error);
	if (status != CAIRN_OK)
		return status;
	for (uint64_t i = 0; i < saver->variable_count && status == CAIRN_OK; i++) {
		if (saver->variables[i]->shard == shard)
			status = add_variable(writer, saver->variables[i], 0, error);
	}
	if (status == CAIRN_OK)
		status = cairn_writer_finish(writer, error);
	cairn_writer_destroy(writer);
	return status;
}

static enum cairn_status write_shards(const struct cairn_saver *saver, const char *prefix,
				      struct cairn_error *error)
{
	const struct cairn_save_options options = {.size = sizeof(options),
						   .rank_count = saver->shard_count,
						   .replace = 1,
						   .allow_incomplete = 1};
	struct cairn_save *save = NULL;
	enum cairn_status status;

	status = save_begin_anonymous(saver->system, prefix, &options, &save, error);
	for (uint32_t shard = 0; shard < saver->shard_count && status == CAIRN_OK; shard++)
		status = write_shard(saver, save, shard, error);
	if (status == CAIRN_OK)
		status = cairn_save_commit(save, error);
	cairn_save_destroy(save);
	return status;
}

enum cairn_status saver_write(const struct cairn_saver *saver, const char *prefix,
			      struct cairn_error *error)
{
	switch (saver->options.format) {
	case CAIRN_SAVER_TENSORFLOW_V1:
	case CAIRN_SAVER_TENSORFLOW_V2:
		return write_bundle(saver, prefix, error);
	case CAIRN_SAVER_CAIRN:
	default:
		return saver->def.sharded ? write_shards(saver, prefix, error)
					  : write_container(saver, prefix, error);
	}
}
