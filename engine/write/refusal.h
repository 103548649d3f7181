/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of what a target cannot express: the first few by name, the rest counted, so that one
 * attempt tells all.
 */
#ifndef CAIRN_ENGINE_REFUSAL_H
#define CAIRN_ENGINE_REFUSAL_H

#include <stdint.h>

#include <cairn/base.h>
#include <cairn/error.h>

/* Room for the list in a message. */
#define REFUSAL_TEXT_SIZE 400

/* Starts zeroed. */
struct refusal {
	char text[REFUSAL_TEXT_SIZE];
	uint64_t count;
	uint64_t listed;
};

/* Adds "tensor 'w' (why)". `kind` is "tensor", "metadata" ... or NULL, then `why` stands alone. */
void refusal_add(struct refusal *refusal, const char *kind, struct cairn_string name,
		 const char *why);

/* OK when nothing was added; else UNSUPPORTED: "safetensors cannot hold tensor 'w' (why), ... and 3
 * more". */
enum cairn_status refusal_status(const struct refusal *refusal, const char *format,
				 struct cairn_error *error);

#endif
