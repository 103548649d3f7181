/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing a MetaGraphDef: fields are copied as they lie there, but for those that are to change. A
 * message that has one of these in it is measured, then written: its size comes before it.
 *
 * Five kinds of messages lie in each other here, and no more, whatever the file says.
 */
#include <string.h>

#include "format/error.h"
#include "format/meta_graph.h"
#include "format/meta_graph_fields.h"
#include "format/protobuf.h"

struct change {
	const struct meta_graph_changes *changes;
	const char *problem; /* what could not be read; NULL: nothing */
	bool saver_is_put;
};

/* Puts a message without its old parts. */
typedef void (*put_function)(struct change *change, struct proto_writer *writer,
			     const uint8_t *bytes, uint64_t size);

/* A field that holds a message to be changed. */
static void put_inner(struct change *change, struct proto_writer *writer,
		      const struct proto_field *field, put_function put)
{
	struct proto_writer measured = {0};

	put(change, &measured, field->bytes, field->size);
	proto_put_head(writer, field->number, measured.size);
	put(change, writer, field->bytes, field->size);
}

static void finish(struct change *change, const struct proto_reader *reader)
{
	if (change->problem == NULL)
		change->problem = reader->problem;
}

static void put_node(struct change *change, struct proto_writer *writer, const uint8_t *bytes,
		     uint64_t size)
{
	struct proto_reader reader;
	struct proto_field field;

	proto_reader_init(&reader, bytes, size);
	for (const uint8_t *start = bytes; proto_next(&reader, &field); start = reader.next) {
		if (!proto_is(&field, NODE_DEVICE, PROTO_BYTES))
			proto_put_raw(writer, start, (uint64_t)(reader.next - start));
	}
	finish(change, &reader);
}

/* Puts a message, in which fields of one number are messages to be changed. */
static void put_with(struct change *change, struct proto_writer *writer, const uint8_t *bytes,
		     uint64_t size, uint32_t number, put_function put)
{
	struct proto_reader reader;
	struct proto_field field;

	proto_reader_init(&reader, bytes, size);
	for (const uint8_t *start = bytes; proto_next(&reader, &field); start = reader.next) {
		if (proto_is(&field, number, PROTO_BYTES))
			put_inner(change, writer, &field, put);
		else
			proto_put_raw(writer, start, (uint64_t)(reader.next - start));
	}
	finish(change, &reader);
}

static void put_function_def(struct change *change, struct proto_writer *writer,
			     const uint8_t *bytes, uint64_t size)
{
	put_with(change, writer, bytes, size, FUNCTION_NODE, put_node);
}

static void put_library(struct change *change, struct proto_writer *writer, const uint8_t *bytes,
			uint64_t size)
{
	put_with(change, writer, bytes, size, LIBRARY_FUNCTION, put_function_def);
}

static void put_graph(struct change *change, struct proto_writer *writer, const uint8_t *bytes,
		      uint64_t size)
{
	struct proto_reader reader;
	struct proto_field field;

	proto_reader_init(&reader, bytes, size);
	for (const uint8_t *start = bytes; proto_next(&reader, &field); start = reader.next) {
		if (proto_is(&field, GRAPH_NODE, PROTO_BYTES))
			put_inner(change, writer, &field, put_node);
		else if (proto_is(&field, GRAPH_LIBRARY, PROTO_BYTES))
			put_inner(change, writer, &field, put_library);
		else
			proto_put_raw(writer, start, (uint64_t)(reader.next - start));
	}
	finish(change, &reader);
}

/* ------------------------------------------------------------------------------------ top level */

static bool is_kept(struct change *change, const struct proto_field *entry)
{
	const struct meta_graph_changes *const changes = change->changes;
	struct cairn_string name = {"", 0};
	struct proto_reader reader;
	struct proto_field field;

	if (!changes->choose_collections)
		return true;
	proto_reader_init(&reader, entry->bytes, entry->size);
	while (proto_next(&reader, &field)) {
		if (proto_is(&field, ENTRY_KEY, PROTO_BYTES))
			name = (struct cairn_string){(const char *)field.bytes, field.size};
	}
	finish(change, &reader);
	for (uint64_t i = 0; i < changes->collection_count; i++) {
		const struct cairn_string *const kept = &changes->collections[i];

		if (kept->size == name.size &&
		    (name.size == 0 || memcmp(kept->data, name.data, name.size) == 0))
			return true;
	}
	return false;
}

/* In place of the old one, or where it comes by its number. */
static void put_saver(struct change *change, struct proto_writer *writer)
{
	const struct cairn_string *const saver = change->changes->saver_def;

	if (saver != NULL && !change->saver_is_put)
		proto_put_bytes(writer, META_SAVER, saver->data, saver->size);
	change->saver_is_put = true;
}

static void put_field(struct change *change, struct proto_writer *writer,
		      const struct proto_field *field, const uint8_t *start, uint64_t size)
{
	const struct meta_graph_changes *const changes = change->changes;

	if (field->number >= META_SAVER)
		put_saver(change, writer);
	if (proto_is(field, META_SAVER, PROTO_BYTES) && changes->saver_def != NULL)
		return;
	if (proto_is(field, META_COLLECTION, PROTO_BYTES) && !is_kept(change, field))
		return;
	if (proto_is(field, META_GRAPH, PROTO_BYTES) && changes->clear_devices)
		put_inner(change, writer, field, put_graph);
	else
		proto_put_raw(writer, start, size);
}

static void put_all(struct change *change, struct proto_writer *writer, struct cairn_string message)
{
	struct proto_reader reader;
	struct proto_field field;
	const uint8_t *start = (const uint8_t *)message.data;

	change->saver_is_put = false;
	proto_reader_init(&reader, start, message.size);
	for (; proto_next(&reader, &field); start = reader.next)
		put_field(change, writer, &field, start, (uint64_t)(reader.next - start));
	put_saver(change, writer);
	finish(change, &reader);
}

enum cairn_status meta_graph_change(struct cairn_string message,
				    const struct meta_graph_changes *changes, struct arena *arena,
				    struct cairn_string *result, struct cairn_error *error)
{
	struct change change = {.changes = changes};
	struct proto_writer writer = {0};
	uint8_t *bytes;

	put_all(&change, &writer, message);
	if (change.problem != NULL)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "the MetaGraph cannot be changed: %s", change.problem);
	if (writer.size > META_GRAPH_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "the MetaGraph would have 2 GiB or more");
	bytes = arena_allocate(arena, writer.size);
	if (bytes == NULL)
		return error_set_memory(error, "a MetaGraph");
	writer = (struct proto_writer){bytes, writer.size, 0};
	put_all(&change, &writer, message);
	*result = (struct cairn_string){(const char *)bytes, writer.size};
	return CAIRN_OK;
}
