/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restoring the objects of a checkpoint: one run over its root and what is attached to it.
 */
#include "engine/train/checkpoint.h"

#include "format/error.h"

static enum cairn_status check_options(const struct cairn_checkpoint_read_options *options,
				       struct cairn_error *error)
{
	if (options->size == 0 || options->size >= sizeof(*options))
		return CAIRN_OK;
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
			 "read options of %zu bytes, not %zu", options->size, sizeof(*options));
}

/*
 * The order of restores is that of time, so that it holds between objects that nothing connects
 * yet: the clock that is never set. Where it stands still, those of one root are counted.
 */
static uint64_t next_uid(const struct cairn_checkpoint *checkpoint)
{
	const uint64_t now = system_monotonic(checkpoint->system);
	const uint64_t last = checkpoint->roots->root->update_uid;

	return now > last ? now : last + 1;
}

/* An attached object is the node that is the root's child of its name. */
static enum cairn_status bind_attached(struct run *run, struct restore *restore,
				       const struct edge *attached, struct cairn_error *error)
{
	struct cairn_graph_node root;
	struct cairn_graph_child child;
	enum cairn_status status = cairn_graph_node(restore->graph, 0, &root, error);

	for (uint64_t i = 0; status == CAIRN_OK && i < root.child_count; i++) {
		status = cairn_graph_child(restore->graph, 0, i, &child, error);
		if (status != CAIRN_OK || !strings_equal(child.name, attached->name))
			continue;
		status = run_bind(run, restore, (uint32_t)child.node, attached->object, error);
		return status == CAIRN_OK ? run_match(run, error) : status;
	}
	return status;
}

static enum cairn_status match_objects(struct run *run, struct restore *restore,
				       const struct roots *roots, struct cairn_error *error)
{
	enum cairn_status status = run_bind(run, restore, 0, roots->root, error);

	if (status == CAIRN_OK)
		status = run_match(run, error);
	for (uint32_t i = 0; i < roots->attached_count && status == CAIRN_OK; i++) {
		if (roots->attached[i].object != roots->root)
			status = bind_attached(run, restore, &roots->attached[i], error);
	}
	return status;
}

static enum cairn_status match_names(struct run *run, struct restore *restore,
				     const struct roots *roots, struct cairn_error *error)
{
	const enum cairn_status status = run_add_named(run, restore, roots, error);

	return status == CAIRN_OK ? run_match(run, error) : status;
}

static enum cairn_status run_restore(struct restore *restore, const struct roots *roots,
				     struct cairn_error *error)
{
	enum cairn_status status;
	struct run run;

	run_begin(&run, restore->system);
	status = restore->graph != NULL ? match_objects(&run, restore, roots, error)
					: match_names(&run, restore, roots, error);
	if (status == CAIRN_OK)
		status = run_give_values(&run, error);
	return run_end(&run, status);
}

static enum cairn_status read_path(struct cairn_checkpoint *checkpoint, const char *path,
				   const struct cairn_checkpoint_read_options *options,
				   struct cairn_load_status **status, struct cairn_error *error)
{
	struct restore *restore;
	enum cairn_status result = restore_open(checkpoint->system, path, next_uid(checkpoint),
						options, &restore, error);

	if (result != CAIRN_OK)
		return result;
	/* the status first: nothing can fail after values were written */
	result = load_status_create(checkpoint,
				    restore->graph != NULL ? CAIRN_LOAD_OBJECTS : CAIRN_LOAD_NAMES,
				    restore, status, error);
	if (result == CAIRN_OK)
		result = run_restore(restore, checkpoint->roots, error);
	restore_release(restore);
	return result;
}

enum cairn_status cairn_checkpoint_read(struct cairn_checkpoint *checkpoint, const char *path,
					const struct cairn_checkpoint_read_options *options,
					struct cairn_load_status **status,
					struct cairn_error *error)
{
	static const struct cairn_checkpoint_read_options defaults;
	struct cairn_load_status *made = NULL;
	enum cairn_status result;

	if (options == NULL)
		options = &defaults;
	result = check_options(options, error);
	if (result != CAIRN_OK)
		return result;
	if (path == NULL)
		return load_status_create(checkpoint, CAIRN_LOAD_NOTHING, NULL, status, error);
	result = read_path(checkpoint, path, options, &made, error);
	if (result == CAIRN_OK)
		*status = made;
	else
		cairn_load_status_release(made);
	return result;
}

enum cairn_status cairn_checkpoint_restore(struct cairn_checkpoint *checkpoint, const char *path,
					   const struct cairn_checkpoint_read_options *options,
					   struct cairn_load_status **status,
					   struct cairn_error *error)
{
	struct cairn_load_status *made = NULL;
	struct cairn_object *counter;
	enum cairn_status result = cairn_checkpoint_read(checkpoint, path, options, &made, error);

	if (result == CAIRN_OK)
		result = checkpoint_make_counter(checkpoint, &counter, error);
	if (result == CAIRN_OK)
		*status = made;
	else
		cairn_load_status_release(made);
	return result;
}
