/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Managers of tf.train.Checkpoint's kind: the subject is a cairn_checkpoint.
 */
#include "engine/train/checkpoint.h"
#include "engine/train/manager.h"
#include "format/error.h"

/* The manager's, behind its subject. */
struct managed_checkpoint {
	struct system *system;
	struct cairn_checkpoint *checkpoint;
	const struct cairn_checkpoint_write_options *write_options;
	const struct cairn_checkpoint_read_options *read_options;
};

static enum cairn_status count(void *context, int64_t *number, struct cairn_error *error)
{
	const struct managed_checkpoint *const managed = context;

	return checkpoint_count_save(managed->checkpoint, number, error);
}

static enum cairn_status begin(void *context, const char *prefix, struct cairn_writer **writer,
			       struct cairn_error *error)
{
	const struct managed_checkpoint *const managed = context;

	return checkpoint_begin_write(managed->checkpoint, prefix, managed->write_options, writer,
				      error);
}

/* What was not matched is the caller's business, as it is TensorFlow's. */
static enum cairn_status restore(void *context, const char *path, struct cairn_error *error)
{
	const struct managed_checkpoint *const managed = context;
	struct cairn_load_status *load = NULL;
	const enum cairn_status status = cairn_checkpoint_restore(
		managed->checkpoint, path, managed->read_options, &load, error);

	cairn_load_status_release(load);
	return status;
}

static void end(void *context)
{
	struct managed_checkpoint *const managed = context;

	system_free(managed->system, managed);
}

enum cairn_status cairn_manager_create(struct cairn_checkpoint *checkpoint, const char *folder,
				       int32_t max_to_keep,
				       const struct cairn_manager_options *options,
				       struct cairn_manager **manager, struct cairn_error *error)
{
	struct manager_subject subject = {
		.count = count, .begin = begin, .restore = restore, .end = end};
	struct managed_checkpoint *managed;

	if (checkpoint == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no checkpoint to manage");
	managed = system_allocate_zeroed(checkpoint->system, sizeof(*managed));
	if (managed == NULL)
		return error_set_memory(error, "a manager");
	managed->system = checkpoint->system;
	managed->checkpoint = checkpoint;
	if (options != NULL) {
		managed->write_options = options->write_options;
		managed->read_options = options->read_options;
	}
	subject.context = managed;
	return manager_create(checkpoint->system, &subject, folder, max_to_keep, options, manager,
			      error);
}
