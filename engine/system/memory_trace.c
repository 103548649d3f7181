/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder. It shares the blocks that were written with the live files and with every crash
 * state that is built from the trace later: a block is immutable from the moment that it is
 * recorded, since it then has more than one reference.
 */
#include "engine/system/memory_trace.h"

#include <stdlib.h>
#include <string.h>

static void ops_free(struct memory_trace *trace)
{
	for (size_t i = 0; i < trace->count; i++) {
		memory_block_release(trace->ops[i].piece.block);
		free(trace->ops[i].name);
		free(trace->ops[i].to_name);
	}
	free(trace->ops);
}

void memory_trace_fini(struct memory_trace *trace)
{
	ops_free(trace);
	memory_files_fini(&trace->base);
	*trace = (struct memory_trace){0};
}

void memory_trace_start(struct memory_trace *trace, const struct memory_files *files)
{
	memory_trace_fini(trace);
	memory_files_copy(&trace->base, files);
	trace->active = true;
}

/* Takes over what the operation owns. */
static void append(struct memory_trace *trace, const struct memory_trace_op *op)
{
	if (trace->count == trace->capacity) {
		trace->capacity = trace->capacity * 2 + 64;
		trace->ops = memory_must_reallocate(trace->ops,
						    trace->capacity * sizeof(*trace->ops));
	}
	trace->ops[trace->count++] = *op;
}

void memory_trace_inode(struct memory_trace *trace, const struct memory_inode *inode)
{
	if (!trace->active)
		return;
	append(trace,
	       &(struct memory_trace_op){
		       .kind = MEMORY_TRACE_INODE,
		       .inode = inode->number,
		       .inode_kind = inode->kind,
		       .mode = inode->mode,
		       .owner = inode->owner,
		       .name = inode->target != NULL ? memory_must_copy_text(inode->target) : NULL,
	       });
}

void memory_trace_piece(struct memory_trace *trace, uint64_t inode,
			const struct memory_piece *piece)
{
	struct memory_trace_op op = {.kind = MEMORY_TRACE_PIECE, .inode = inode, .piece = *piece};

	if (!trace->active)
		return;
	memory_block_share(piece->block);
	append(trace, &op);
}

void memory_trace_size(struct memory_trace *trace, uint64_t inode, uint64_t size)
{
	if (!trace->active)
		return;
	append(trace,
	       &(struct memory_trace_op){.kind = MEMORY_TRACE_SIZE, .inode = inode, .size = size});
}

void memory_trace_truncate(struct memory_trace *trace, uint64_t inode, uint64_t size)
{
	if (!trace->active)
		return;
	append(trace, &(struct memory_trace_op){
			      .kind = MEMORY_TRACE_TRUNCATE, .inode = inode, .size = size});
}

void memory_trace_add(struct memory_trace *trace, uint64_t directory, const char *name,
		      uint64_t child)
{
	if (!trace->active)
		return;
	append(trace, &(struct memory_trace_op){.kind = MEMORY_TRACE_ADD,
						.inode = directory,
						.child = child,
						.name = memory_must_copy_text(name)});
}

void memory_trace_remove(struct memory_trace *trace, uint64_t directory, const char *name)
{
	if (!trace->active)
		return;
	append(trace, &(struct memory_trace_op){.kind = MEMORY_TRACE_REMOVE,
						.inode = directory,
						.name = memory_must_copy_text(name)});
}

void memory_trace_rename(struct memory_trace *trace, const struct memory_place *from,
			 const struct memory_place *to)
{
	if (!trace->active)
		return;
	append(trace, &(struct memory_trace_op){.kind = MEMORY_TRACE_RENAME,
						.inode = from->directory,
						.child = from->inode,
						.to_directory = to->directory,
						.name = memory_must_copy_text(from->name),
						.to_name = memory_must_copy_text(to->name)});
}

void memory_trace_sync(struct memory_trace *trace, uint64_t inode, bool succeeded)
{
	if (!trace->active)
		return;
	append(trace, &(struct memory_trace_op){.kind = succeeded ? MEMORY_TRACE_SYNC
								  : MEMORY_TRACE_SYNC_FAILED,
						.inode = inode});
}

void memory_trace_mark(struct memory_trace *trace, int marker)
{
	if (!trace->active)
		return;
	append(trace, &(struct memory_trace_op){.kind = MEMORY_TRACE_MARK, .marker = marker});
}
