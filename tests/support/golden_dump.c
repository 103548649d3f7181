/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container as text, for people who compare: one line for each page, section, record, and for
 * what a reader reads.
 */
#include "tests/support/golden.h"

#include <inttypes.h>
#include <stdlib.h>

#include "engine/read/reader.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/dtype.h"
#include "format/index.h"

struct dump {
	FILE *out;
	const struct cairn_reader *reader;
	const struct index *index;
};

/* --------------------------------------------------------------------------------------- values */

static void print_digest(FILE *out, const char *label, const struct cairn_digest *digest)
{
	char text[DIGEST_TEXT_SIZE];

	digest_text(digest, text);
	fprintf(out, "%s%s", label, text);
}

static void print_hex(FILE *out, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		fprintf(out, "%02x", bytes[i]);
}

/* In double quotes; everything but plain ASCII as \xNN. */
static void print_text(FILE *out, struct cairn_string text)
{
	fputc('"', out);
	for (size_t i = 0; i < text.size; i++) {
		const uint8_t byte = (uint8_t)text.data[i];

		if (byte < 0x20 || byte > 0x7e || byte == '"' || byte == '\\')
			fprintf(out, "\\x%02x", byte);
		else
			fputc(byte, out);
	}
	fputc('"', out);
}

static void print_dims(FILE *out, const uint64_t *dims, uint32_t rank)
{
	fputc('[', out);
	for (uint32_t d = 0; d < rank; d++)
		fprintf(out, "%s%" PRIu64, d == 0 ? "" : ", ", dims[d]);
	fputc(']', out);
}

/* ---------------------------------------------------------------------------------------- pages */

static void dump_pages(const struct dump *dump)
{
	const struct container_header *const header = &dump->reader->header;
	const struct container_footer *const footer = &dump->reader->footer;
	FILE *const out = dump->out;

	fprintf(out, "header: version %" PRIu32 ", incompat 0x%" PRIx64 ", compat 0x%" PRIx64,
		header->version, header->incompat_flags, header->compat_flags);
	fprintf(out, ", save id ");
	print_hex(out, header->save_id, sizeof(header->save_id));
	print_digest(out, ", digest ", &footer->header_digest);
	fprintf(out,
		"\nfooter: index at %" PRIu64 ", index size %" PRIu64 ", sections size %" PRIu64
		", alignment %" PRIu64 ", generation %" PRIu64,
		footer->index_offset, footer->index_size, footer->sections_size, footer->alignment,
		footer->generation);
	print_digest(out, "\n  root ", &footer->root);
	print_digest(out, "\n  content id ", &footer->content_id);
	print_digest(out, "\n  parent id ", &footer->parent_id);
	fprintf(out, "\n  %" PRIu64 " tensors, %" PRIu64 " metadata values\n", footer->tensor_count,
		footer->metadata_count);
	for (uint32_t i = 0; i < footer->section_count; i++)
		fprintf(out,
			"section %" PRIu32 ": at %" PRIu64 ", size %" PRIu64 ", records of %" PRIu32
			"\n",
			footer->sections[i].type, footer->sections[i].offset,
			footer->sections[i].size, footer->sections[i].record_size);
	for (uint32_t i = 0; i < dump->index->tree.level_count; i++)
		fprintf(out, "level %" PRIu32 ": at %" PRIu64 ", size %" PRIu64 "\n", i,
			dump->index->tree.levels[i].offset, dump->index->tree.levels[i].size);
}

/* --------------------------------------------------------------------------------------- slices */

static void dump_extents(const struct dump *dump, const struct slice_record *slice)
{
	for (uint32_t i = 0; i < slice->extent_count; i++) {
		struct extent_record extent;

		GOLDEN_MUST(
			index_extent(dump->index, slice->extent_index + i, &extent, &golden_error));
		fprintf(dump->out,
			"    extent %" PRIu64 ": shard %d, offset %" PRIu64 ", stored %" PRIu64
			", size %" PRIu64 ", stored digest %016" PRIx64 ", codec %d, shuffle %d\n",
			slice->extent_index + i, extent.shard, extent.offset, extent.stored_size,
			extent.size, extent.stored_digest, extent.codec, extent.shuffle);
	}
}

static void dump_chunks(const struct dump *dump, const struct slice_record *slice)
{
	const uint64_t count = slice->digest_kind == DIGEST_NONE
				       ? 0
				       : divide_up(slice->size, slice->chunk_size);

	for (uint64_t i = 0; i < count; i++) {
		const uint8_t *bytes;

		GOLDEN_MUST(index_chunk_digests(dump->index, slice->chunk_index + i, 1, &bytes,
						&golden_error));
		fprintf(dump->out, "    chunk %" PRIu64 ": ", slice->chunk_index + i);
		print_hex(dump->out, bytes, DIGEST_SIZE);
		fputc('\n', dump->out);
	}
}

static void dump_slice(const struct dump *dump, const struct tensor_record *tensor, uint64_t number)
{
	struct slice_record slice;
	const uint64_t *ranges;

	GOLDEN_MUST(index_slice(dump->index, number, &slice, &golden_error));
	fprintf(dump->out, "  slice %" PRIu64 ": ", number);
	if ((slice.flags & SLICE_WHOLE) != 0) {
		fprintf(dump->out, "whole");
	} else {
		GOLDEN_MUST(index_dims(dump->index, slice.ranges_index, 2 * (uint64_t)tensor->rank,
				       &ranges, &golden_error));
		print_dims(dump->out, ranges, 2u * tensor->rank);
	}
	fprintf(dump->out,
		", ranges at %" PRIu64 ", size %" PRIu64 ", storage rank %" PRIu32
		", chunk size %" PRIu32 ", transform %d, check %d, digest %d, value %" PRIu64 "\n",
		slice.ranges_index, slice.size, slice.storage_rank, slice.chunk_size,
		slice.transform, slice.check_kind, slice.digest_kind, slice.check_value);
	dump_extents(dump, &slice);
	dump_chunks(dump, &slice);
}

/* -------------------------------------------------------------------------------------- content */

static void dump_strings(const struct dump *dump, const struct cairn_tensor *tensor,
			 const struct cairn_view *view)
{
	for (uint64_t i = 0; i < tensor->element_count; i++) {
		struct cairn_string string;

		GOLDEN_MUST(cairn_view_string(tensor, view, i, &string, &golden_error));
		fprintf(dump->out, "  [%" PRIu64 "] ", i);
		print_text(dump->out, string);
		fputc('\n', dump->out);
	}
}

/* What a reader reads: the first bytes, and the digest of all. */
static void dump_content(const struct dump *dump, const struct cairn_tensor *tensor)
{
	struct cairn_view view = {0};
	struct cairn_digest digest;

	if ((tensor->flags & CAIRN_TENSOR_INCOMPLETE) != 0) {
		fprintf(dump->out, "  content: incomplete\n");
		return;
	}
	GOLDEN_MUST(cairn_tensor_view(tensor, &view, &golden_error));
	digest = digest_bytes(view.data, view.size);
	print_digest(dump->out, "  content: digest ", &digest);
	fprintf(dump->out, ", begins ");
	print_hex(dump->out, view.data, view.size < 24 ? view.size : 24);
	fputc('\n', dump->out);
	if (dtype_is_variable(tensor->dtype))
		dump_strings(dump, tensor, &view);
	cairn_view_release(&view);
}

/* -------------------------------------------------------------------------------------- tensors */

static void dump_record(const struct dump *dump, uint64_t number,
			const struct tensor_record *record, const struct cairn_tensor *tensor)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(tensor->dtype);

	fprintf(dump->out, "%s %" PRIu64 ": ",
		record->name_space == NAME_SPACE_TENSOR ? "tensor" : "metadata", number);
	print_text(dump->out, tensor->name);
	fprintf(dump->out, ", type %d %s, dims ", record->dtype,
		info == NULL ? "(unknown)" : info->name);
	print_dims(dump->out, tensor->dims, tensor->rank);
	fprintf(dump->out,
		" at %" PRIu64 ", size %" PRIu64 ", blocks of %" PRIu32 " in %" PRIu32
		", packing %d, flags %" PRIu32 ", slices %" PRIu32 " from %" PRIu64,
		record->dims_index, record->size, record->block_elements, record->block_bytes,
		record->packing, record->flags, record->slice_count, record->slice_index);
	if ((record->flags & TENSOR_ALIAS) != 0)
		fprintf(dump->out, ", alias of %" PRIu64, record->alias_of);
	fprintf(dump->out, ", digest %d", record->digest_kind);
	print_digest(dump->out, " ", &record->digest);
	fputc('\n', dump->out);
}

static void dump_tensor(const struct dump *dump, uint64_t number)
{
	struct tensor_record record;
	struct cairn_tensor tensor;

	GOLDEN_MUST(index_tensor_in_order(dump->index, number, &record, &golden_error));
	GOLDEN_MUST(reader_describe(dump->reader, number, &record, &tensor, &golden_error));
	dump_record(dump, number, &record, &tensor);
	for (uint32_t i = 0; i < record.slice_count; i++)
		dump_slice(dump, &record, record.slice_index + i);
	dump_content(dump, &tensor);
}

/* ----------------------------------------------------------------------------------------- rest */

static void dump_shards(const struct dump *dump)
{
	for (uint64_t i = 0; i < dump->index->shard_count; i++) {
		struct shard_record shard;
		struct cairn_string name;

		GOLDEN_MUST(index_shard(dump->index, i, &shard, &golden_error));
		GOLDEN_MUST(index_name(dump->index, shard.name_offset, shard.name_size, &name,
				       &golden_error));
		fprintf(dump->out, "shard %" PRIu64 ": kind %d, name at %" PRIu64 " ", i,
			shard.kind, shard.name_offset);
		print_text(dump->out, name);
		fputc('\n', dump->out);
	}
}

static void dump_regions(const struct dump *dump)
{
	for (uint64_t i = 0; i < dump->index->region_count; i++) {
		struct region_record region;

		GOLDEN_MUST(index_region(dump->index, i, &region, &golden_error));
		fprintf(dump->out,
			"region %" PRIu64 ": kind %" PRIu32 ", at %" PRIu64 ", size %" PRIu64
			", section type %" PRIu32 ", digest ",
			i, region.kind, region.offset, region.size, region.section_type);
		print_hex(dump->out, region.digest.bytes, DIGEST_SIZE);
		fputc('\n', dump->out);
	}
}

void golden_dump(const uint8_t *container, size_t size, FILE *out)
{
	const struct cairn_digest digest = digest_bytes(container, size);
	struct cairn_reader *reader = NULL;
	struct dump dump = {.out = out};

	GOLDEN_MUST(cairn_reader_open_memory(container, size, NULL, &reader, &golden_error));
	dump.reader = reader;
	dump.index = &reader->index;
	fprintf(out, "file: %zu bytes", size);
	print_digest(out, ", digest ", &digest);
	fputc('\n', out);
	dump_pages(&dump);
	for (uint64_t i = 0; i < dump.index->tensor_count + dump.index->metadata_count; i++)
		dump_tensor(&dump, i);
	dump_shards(&dump);
	dump_regions(&dump);
	cairn_reader_close(reader);
}
