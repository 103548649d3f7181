/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `cairn show` works on, between its files.
 */
#ifndef CAIRN_TOOLS_SHOW_H
#define CAIRN_TOOLS_SHOW_H

#include <stdbool.h>
#include <stdio.h>

#include <cairn/reader.h>

#include "tools/array_text.h"
#include "tools/number_text.h"
#include "tools/selection.h"

/* Six along each of eight dimensions; more is nothing to look at. */
#define SHOW_MAX UINT64_C(2000000)

/* Room for the text of a number or a block. */
#define SHOW_WORD_SIZE 1024

/* How elements of a fixed size are shown. */
enum show_kind {
	KIND_BOOL,
	KIND_UNSIGNED,
	KIND_SIGNED,
	KIND_FLOAT,
	KIND_COMPLEX,
	KIND_BLOCK
};

struct show {
	const char *path;
	const char *slice; /* as given, or NULL */
	uint64_t nth;      /* UINT64_MAX: not given */
	bool json;
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct region region; /* what is shown of it, in elements */

	/* Of elements of a fixed size. Blocks are counted along the last dimension where they are
	 * whole there; else they are one long row. */
	enum show_kind kind;
	bool is_row;
	struct array_shape shape; /* of what is shown, in blocks */
	uint64_t shown;
	unsigned char *data; /* owned; the blocks that are shown */
	unsigned char *at;   /* where the next one goes */

	enum decimal_source source;
	struct number_style style;
	struct number_style imaginary;
	int int_width;
	char word[SHOW_WORD_SIZE];

	/* Of strings. */
	struct cairn_view view;
	FILE *quoted;      /* owned; writes quoted_text */
	char *quoted_text; /* owned */
	size_t quoted_size;
};

/* Prints elements of a fixed size. Returns the exit status. */
int show_fixed(struct show *show);

#endif
