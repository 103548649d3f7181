/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tensor a command line means, and which part of it: names with suggestions, `--slice`.
 */
#ifndef CAIRN_TOOLS_SELECTION_H
#define CAIRN_TOOLS_SELECTION_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/reader.h>

/* A part of a tensor, every dimension explicit. */
struct region {
	uint64_t starts[CAIRN_RANK_MAX];
	uint64_t lengths[CAIRN_RANK_MAX];
	uint32_t rank;
};

/* The region of the whole tensor. */
void region_whole(const struct cairn_tensor *tensor, struct region *region);

bool region_is_empty(const struct region *region);

/* Returns CLI_GO_ON when the text is a slice of some tensor; else the exit status, after saying
 * what is wrong. */
int selection_check_slice(const char *command, const char *slice);

/* Makes the slice, whose syntax was checked, explicit for this tensor: CAIRN_FULL becomes a length.
 * An empty slice is the whole tensor. Returns CLI_GO_ON or the exit status. */
int selection_resolve(const char *path, const char *slice, const struct cairn_tensor *tensor,
		      struct region *region);

/* The tensor of that name, with a suggestion when there is none. Returns CLI_GO_ON or the exit
 * status. */
int selection_find(const char *path, const struct cairn_reader *reader, const char *name,
		   struct cairn_tensor *tensor);

/* The nth tensor in byte order of names. Returns CLI_GO_ON or the exit status. */
int selection_find_nth(const char *path, const struct cairn_reader *reader, uint64_t nth,
		       struct cairn_tensor *tensor);

/* Says so when a path that cannot be opened was probably swapped with a name: `cairn cat wte.weight
 * model.cairn` is an easy mistake. */
void selection_note_order(const char *path, const char *name);

#endif
