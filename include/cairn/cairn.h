/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cairn: a checkpoint storage engine.
 *
 * This header brings in all of the public interface; each of the others may be used alone.
 *
 *     error.h    how functions fail
 *     dtype.h    element types
 *     reader.h   open a checkpoint, find tensors, use them in place
 *     plan.h     bring many tensors in together: prefetch, views, own buffers
 *     writer.h   write a container, atomically and durably
 *     report.h   what a save has saved, beside the checkpoint before
 *     save.h     sharded saves: many writers, one commit; merging; clearing up
 *     stats.h    extremes, mean, NaN and zeros of a tensor
 *     verify.h   check a whole checkpoint
 *     convert.h  from one format to another
 *     diff.h     compare two checkpoints
 *     meta_graph.h  what TensorFlow writes beside a Saver's checkpoints
 *     saver.h    save and restore variables by names, with retention: tf.train.Saver
 *     text.h     a checkpoint as text, and back
 *     edit.h     metadata and names, without rewriting data
 *     state.h    the file `checkpoint`: the checkpoints of a folder, and the latest
 *     graph.h    the object graph of a TensorFlow checkpoint
 *     manager.h  the checkpoints of a training job: what is kept, going on, in the background
 *     async.h    save while the program goes on
 *     variable.h memory of a program whose value is saved and restored
 *     object.h   objects of a program, as TensorFlow's checkpoints know them
 *     checkpoint.h  saving and restoring objects: tf.train.Checkpoint
 *
 * The library never prints, exits, reads the environment, installs a signal handler or keeps global
 * state.
 */
#ifndef CAIRN_CAIRN_H
#define CAIRN_CAIRN_H

#include <cairn/async.h>
#include <cairn/base.h>
#include <cairn/checkpoint.h>
#include <cairn/convert.h>
#include <cairn/diff.h>
#include <cairn/dtype.h>
#include <cairn/edit.h>
#include <cairn/error.h>
#include <cairn/graph.h>
#include <cairn/manager.h>
#include <cairn/meta_graph.h>
#include <cairn/object.h>
#include <cairn/plan.h>
#include <cairn/reader.h>
#include <cairn/report.h>
#include <cairn/save.h>
#include <cairn/saver.h>
#include <cairn/state.h>
#include <cairn/stats.h>
#include <cairn/text.h>
#include <cairn/variable.h>
#include <cairn/verify.h>
#include <cairn/writer.h>

#endif
