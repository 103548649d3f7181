/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which model a folder holds.
 */
#ifndef CAIRN_ENGINE_FOLDER_SEARCH_H
#define CAIRN_ENGINE_FOLDER_SEARCH_H

#include <stdint.h>

#include <cairn/error.h>

#include "engine/system/system.h"

enum folder_content {
	FOLDER_FILE,        /* `name` is a file that can be opened by itself */
	FOLDER_BUNDLE,      /* `name` is the table of a TensorFlow V2 checkpoint */
	FOLDER_SAVED_MODEL, /* a SavedModel, whose values are in variables/variables */
	FOLDER_STATE        /* `name` is a state file, which names the latest checkpoint */
};

/* One kind of file that may be the model. */
struct folder_candidates {
	uint32_t count;
	char name[SYSTEM_NAME_SIZE]; /* that with the largest number at its end */
	uint64_t number;
};

struct folder_search {
	struct folder_candidates safetensors_indexes;
	struct folder_candidates models;  /* single files */
	struct folder_candidates bundles; /* TensorFlow's tables */
	struct folder_candidates steps;   /* "checkpoint-500" and the like */
	bool is_cairn;
	bool is_saved_model;
	bool has_state;
	char listed[256]; /* names for a message */
	uint32_t listed_count;
	uint32_t entries;
};

/* Lists the folder and says what to open in it; `*name` is in the search, or static.
 * NOT_A_CHECKPOINT, with a list of what is there, when nothing can be chosen; IO. */
enum cairn_status folder_search(struct folder_search *search, struct system *system, int directory,
				enum folder_content *content, const char **name,
				struct cairn_error *error);

#endif
