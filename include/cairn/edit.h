/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Editing: metadata and the names of tensors, without rewriting data.
 *
 * A published file is never changed: a new one is written that shares the bytes of the old one
 * where the file system can share them (reflinks), and copies them within the kernel where it
 * cannot, and is then published over the old one, old or new at every moment. Readers that have the
 * old one open keep it.
 *
 * Of a sharded checkpoint only the index is written; its shards, which know the names that they
 * were saved with, stay as they are.
 */
#ifndef CAIRN_EDIT_H
#define CAIRN_EDIT_H

#include <cairn/base.h>
#include <cairn/convert.h>
#include <cairn/dtype.h>
#include <cairn/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A metadata value: as the set_metadata functions of writer.h have it. */
struct cairn_metadata_value {
	struct cairn_string key;
	enum cairn_dtype dtype;
	uint32_t rank; /* 0 or 1 */
	const uint64_t *dims;
	const void *data;                   /* of types of a fixed size; CAIRN_NULL has none */
	const struct cairn_string *strings; /* of CAIRN_STRING and CAIRN_BYTES */
	uint64_t reserved[4];               /* zero */
};

struct cairn_edit_options {
	size_t size; /* sizeof(struct cairn_edit_options); 0 means version 1 of this struct */
	const struct cairn_metadata_value *set; /* new keys, and values of keys that are there */
	const struct cairn_string *unset;       /* keys that are there */
	const struct cairn_rename *renames;     /* as in a conversion; see convert.h */
	uint32_t set_count;
	uint32_t unset_count;
	uint32_t rename_count;
	uint32_t dry_run;     /* not 0: everything but writing */
	uint64_t reserved[8]; /* zero */
};

struct cairn_edit_report {
	uint64_t tensors_renamed;
	uint64_t metadata_set;
	uint64_t metadata_unset;
	uint64_t data_bytes;    /* that the new file shares with the old one, or copied */
	uint64_t index_bytes;   /* that were written anew */
	uint64_t parts_dropped; /* sections and opaque regions of a later version, which are not
				   known and were left out */
	struct cairn_digest content_id;
	uint64_t reserved[8];
};

/*
 * Edits the checkpoint at `path`, a container or a sharded checkpoint. `report` may be NULL.
 *
 * INVALID_ARGUMENT (nothing to do; a wrong pattern, key or value), NOT_FOUND (no such checkpoint; a
 * key to unset, or a pattern, that is not there), EXISTS (tensors that would get the same name; a
 * key twice), UNSUPPORTED (another format: cairn_convert can do it on the way to another path; a
 * shard of a sharded checkpoint, whose index knows it by its content), BUSY (it was replaced
 * meanwhile), what reading the index returns, what publishing returns.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_edit(const char *path,
						      const struct cairn_edit_options *options,
						      struct cairn_edit_report *report,
						      struct cairn_error *error);

#ifdef __cplusplus
}
#endif

#endif
