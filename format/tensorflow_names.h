/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of the files that TensorFlow's checkpoints consist of.
 */
#ifndef CAIRN_FORMAT_TENSORFLOW_NAMES_H
#define CAIRN_FORMAT_TENSORFLOW_NAMES_H

#include <cairn/base.h>

/* `prefix`.index and `prefix`.data-00000-of-00002, shards counted from 0 (prefix, %u, %u). */
#define BUNDLE_INDEX_SUFFIX ".index"
#define BUNDLE_DATA_NAME    "%s.data-%05u-of-%05u"

/* The folder of a SavedModel holds this, and its values under this prefix. */
#define SAVED_MODEL_NAME   "saved_model.pb"
#define SAVED_MODEL_FOLDER "variables"
#define SAVED_MODEL_VALUES "variables.index"

/* The state file of a folder of checkpoints, unless its writer chose another name. */
#define STATE_NAME "checkpoint"

#endif
