/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text form of a checkpoint: written out of any that can be read, and packed into a container
 * again. FORMAT.md, "Text form", says what it looks like.
 *
 * The text of a container that Cairn wrote in one piece packs to identical bytes; that of anything
 * else to a container with the same tensors, slices, aliases and metadata. It can be edited in
 * between: places and digests follow from it and are not in it.
 *
 * Nothing of the size of a tensor, or of the text, is ever in memory.
 */
#ifndef CAIRN_TEXT_H
#define CAIRN_TEXT_H

#include <cairn/base.h>
#include <cairn/error.h>
#include <cairn/reader.h>
#include <cairn/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How values are written. Strings are always text. */
enum cairn_text_data {
	/* numbers up to `numbers_max` elements, Base64 for what is larger or has no numbers */
	CAIRN_TEXT_AUTO = 0,
	CAIRN_TEXT_NUMBERS = 1, /* numbers wherever there are any */
	CAIRN_TEXT_BASE64 = 2,
	/* like AUTO, but what would be Base64 goes to a second file, as it is */
	CAIRN_TEXT_BESIDE = 3,
	/* like AUTO, but a digest instead of Base64: to look at or compare, not to pack */
	CAIRN_TEXT_DIGESTS = 4
};

/* Takes the next bytes that were written. Anything but CAIRN_OK ends the work with that status. */
typedef enum cairn_status (*cairn_consume)(void *context, const void *bytes, size_t size);

struct cairn_dump_options {
	size_t size; /* sizeof(struct cairn_dump_options); 0 means version 1 of this struct */
	enum cairn_text_data data;
	uint32_t reserved_count;
	uint64_t numbers_max; /* elements; 0: 1024 */

	/* With CAIRN_TEXT_BESIDE: the name of the second file, which lies in the folder of the
	 * text, without any folder, and who takes its bytes. */
	const char *beside_name;
	cairn_consume beside;
	void *beside_context;

	uint64_t reserved[8]; /* zero */
};

/*
 * Writes the text of a checkpoint: tensors and metadata in the order in which they were added to
 * the container, of other checkpoints in the order in which they are stored. Every byte is verified
 * on the way. Returns what reading returns; what `consume` returned; INVALID_ARGUMENT (options);
 * CORRUPT (elements of a string tensor that are not in order); NO_MEMORY.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_dump(const struct cairn_reader *reader,
						      cairn_consume consume, void *context,
						      const struct cairn_dump_options *options,
						      struct cairn_error *error);

struct cairn_pack_options {
	size_t size; /* sizeof(struct cairn_pack_options); 0 means version 1 of this struct */
	int replace; /* replace a file that has the path already; without it: EXISTS */
	uint32_t thread_count;   /* 0: chosen; at most 64 */
	cairn_progress progress; /* or NULL */
	void *progress_context;
	uint64_t reserved[8]; /* zero */
};

struct cairn_pack_report {
	uint64_t tensor_count;
	uint64_t metadata_count;
	struct cairn_digest content_id; /* of what was written */
	/* that of the container that the text was made of; zero when it says none */
	struct cairn_digest expected_id;
	uint64_t reserved[8];
};

/*
 * Writes the container that the text in the file `text` stands for to `path`: atomic and durable as
 * cairn_writer_finish. The file is read twice, so that it cannot be a pipe; it is taken for
 * hostile. A second file that it names is opened in its folder, never through a link. `report` may
 * be NULL.
 *
 * CORRUPT: the message says in which line what is wrong; also: a tensor twice, slices that
 * disagree, an alias of nothing. TRUNCATED (the second file is too short), LIMIT (a line over 16
 * MiB), UNSUPPORTED (a later version of the form; a text without values), NOT_FOUND,
 * NOT_A_CHECKPOINT (no text form, no regular file), and what cairn_writer_finish returns.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_pack(const char *text, const char *path,
						      const struct cairn_pack_options *options,
						      struct cairn_pack_report *report,
						      struct cairn_error *error);

#ifdef __cplusplus
}
#endif

#endif
