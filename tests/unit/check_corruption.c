/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Damaged and hostile containers. Each mutation is tried twice: as it is, which the digests find;
 * and with all digests made to fit again, so that it reaches the code behind them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "engine/write/writer.h"
#include "format/record.h"
#include "tests/support/container_places.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct memory_system *memory;
static struct system *sys;
static struct container_bytes container;
static const struct sample sample = {SAMPLE_FULL, 1};

static void set_up(void)
{
	memory = memory_system_create();
	sys = memory_system_get(memory);
	container = container_bytes_create(&sample);
}

static void tear_down(void)
{
	ck_assert(memory_system_is_clean(memory));
	memory_system_destroy(memory);
	container_bytes_free(&container);
}

/* -------------------------------------------------------------------------------------- judging */

/* The first failure of open, walk and verify. */
static enum cairn_status judge(struct cairn_error *error)
{
	return container_bytes_use(sys, &container, true, NULL, error);
}

/* -------------------------------------------------------------------------------- the catalogue */

enum operation {
	SET,
	ADD,
	XOR,
	SET_FILE_SIZE_PLUS /* `value` may be negative */
};

enum seal {
	SEAL_INDEX, /* tree, root, pages */
	SEAL_DATA   /* digests of chunks and tensors too */
};

struct row {
	const char *name;
	enum area area;
	uint64_t number;
	uint32_t at;
	uint32_t width;
	enum operation operation;
	uint64_t value;
	enum seal seal;
	enum cairn_status plain_status;
	const char *plain_message;
	enum cairn_status status; /* sealed */
	const char *message;
};

#define HEADER_DIFFERS CAIRN_CHECKSUM, "the header page has digest"
#define FOOTER_DIFFERS CAIRN_CHECKSUM, "the footer page has digest"
#define INDEX_DIFFERS  CAIRN_CHECKSUM, "index block at offset"
#define DATA_DIFFERS   CAIRN_CHECKSUM, "chunk 0 at offset"
#define MINUS(value)   ((uint64_t)0 - (value))
#define TOP            ((uint64_t)1 << 63)
#define NOTHING_WRONG  CAIRN_OK, ""

static const struct row rows[] = {
	/* magic, version, flags, reserved */
	{"foreign magic", HEADER, 0, 1, 1, SET, 'X', SEAL_INDEX, CAIRN_CORRUPT,
	 "ends like a Cairn container", CAIRN_CORRUPT, "does not begin like one"},
	{"no footer magic", FOOTER, 0, 1, 1, SET, 'X', SEAL_INDEX, CAIRN_TRUNCATED,
	 "no footer page at the end", CAIRN_TRUNCATED, "no footer page at the end"},
	{"version 2", BOTH_PAGES, 0, HEADER_AT_VERSION, 4, SET, 2, SEAL_INDEX, CAIRN_UNSUPPORTED,
	 "the header has format version 2", CAIRN_UNSUPPORTED, "this reader knows version 1"},
	{"version 2 in the footer", FOOTER, 0, FOOTER_AT_VERSION, 4, SET, 2, SEAL_INDEX,
	 FOOTER_DIFFERS, CAIRN_UNSUPPORTED, "the footer has format version 2"},
	{"version 0", BOTH_PAGES, 0, HEADER_AT_VERSION, 4, SET, 0, SEAL_INDEX, CAIRN_UNSUPPORTED,
	 "version 0", CAIRN_UNSUPPORTED, "version 0"},
	{"unknown incompat flag", BOTH_PAGES, 0, HEADER_AT_INCOMPAT, 8, SET, TOP, SEAL_INDEX,
	 CAIRN_UNSUPPORTED, "needs features 0x8000000000000000", CAIRN_UNSUPPORTED,
	 "needs features 0x8000000000000000"},
	{"incompat flag of the footer alone", FOOTER, 0, FOOTER_AT_INCOMPAT, 8, SET, 1, SEAL_INDEX,
	 FOOTER_DIFFERS, CAIRN_CORRUPT, "header and footer disagree"},
	{"unknown compat flag", BOTH_PAGES, 0, HEADER_AT_COMPAT, 8, SET, 4, SEAL_INDEX,
	 FOOTER_DIFFERS, NOTHING_WRONG},
	{"compat flag of the header alone", HEADER, 0, HEADER_AT_COMPAT, 8, SET, 4, SEAL_INDEX,
	 HEADER_DIFFERS, CAIRN_CORRUPT, "header and footer disagree"},
	{"reserved byte of the header", HEADER, 0, 4095, 1, SET, 1, SEAL_INDEX, CAIRN_CORRUPT,
	 "reserved bytes of the header", CAIRN_CORRUPT, "reserved bytes of the header"},
	{"reserved byte of the footer", FOOTER, 0, 4079, 1, SET, 1, SEAL_INDEX, FOOTER_DIFFERS,
	 CAIRN_CORRUPT, "reserved bytes of the footer"},
	{"reserved half of the root", FOOTER, 0, FOOTER_AT_ROOT + 31, 1, SET, 1, SEAL_INDEX,
	 FOOTER_DIFFERS, CAIRN_CORRUPT, "reserved bytes of the footer"},
	{"save id", HEADER, 0, HEADER_AT_SAVE_ID, 8, SET, 5, SEAL_INDEX, HEADER_DIFFERS,
	 NOTHING_WRONG},
	/* sizes of pages and blocks */
	{"header size 0", HEADER, 0, HEADER_AT_SIZE, 4, SET, 0, SEAL_INDEX, CAIRN_CORRUPT,
	 "header size 0", CAIRN_CORRUPT, "header size 0 instead of 4096"},
	{"header size larger", HEADER, 0, HEADER_AT_SIZE, 4, SET, 8192, SEAL_INDEX, CAIRN_CORRUPT,
	 "header size 8192", CAIRN_CORRUPT, "header size 8192 instead of 4096"},
	{"header size past the end", HEADER, 0, HEADER_AT_SIZE, 4, SET, UINT32_MAX, SEAL_INDEX,
	 CAIRN_CORRUPT, "header size 4294967295", CAIRN_CORRUPT, "header size 4294967295"},
	{"footer size", FOOTER, 0, FOOTER_AT_SIZE, 4, SET, 0, SEAL_INDEX, FOOTER_DIFFERS,
	 CAIRN_CORRUPT, "own size is 0"},
	{"index block size", FOOTER, 0, FOOTER_AT_BLOCK_SIZE, 4, SET, 4096, SEAL_INDEX,
	 FOOTER_DIFFERS, CAIRN_CORRUPT, "index block size is 4096"},
	{"kind of the root", FOOTER, 0, FOOTER_AT_ROOT_KIND, 4, SET, 2, SEAL_INDEX, FOOTER_DIFFERS,
	 CAIRN_UNSUPPORTED, "root digest kind 2"},
	{"alignment of 3", FOOTER, 0, FOOTER_AT_ALIGNMENT, 8, SET, 3, SEAL_INDEX, FOOTER_DIFFERS,
	 CAIRN_CORRUPT, "alignment is 3"},
	{"file size smaller", FOOTER, 0, FOOTER_AT_FILE_SIZE, 8, ADD, MINUS(4096), SEAL_INDEX,
	 FOOTER_DIFFERS, CAIRN_CORRUPT, "its footer says"},
	{"file size larger", FOOTER, 0, FOOTER_AT_FILE_SIZE, 8, ADD, 4096, SEAL_INDEX,
	 FOOTER_DIFFERS, CAIRN_TRUNCATED, "its footer says"},
	/* the index and its section table */
	{"index past the end", FOOTER, 0, FOOTER_AT_INDEX_OFFSET, 8, ADD, 65536, SEAL_INDEX,
	 FOOTER_DIFFERS, CAIRN_CORRUPT, "index size is"},
	{"index over the header", FOOTER, 0, FOOTER_AT_INDEX_OFFSET, 8, SET, 0, SEAL_INDEX,
	 FOOTER_DIFFERS, CAIRN_CORRUPT, "index offset is 0"},
	{"index not aligned", FOOTER, 0, FOOTER_AT_INDEX_OFFSET, 8, ADD, MINUS(4096), SEAL_INDEX,
	 FOOTER_DIFFERS, CAIRN_CORRUPT, "index offset is"},
	{"index offset that wraps", FOOTER, 0, FOOTER_AT_INDEX_OFFSET, 8, SET, MINUS(65536),
	 SEAL_INDEX, FOOTER_DIFFERS, CAIRN_CORRUPT, "index size is"},
	{"index size that wraps", FOOTER, 0, FOOTER_AT_INDEX_SIZE, 8, SET, MINUS(65536), SEAL_INDEX,
	 FOOTER_DIFFERS, CAIRN_CORRUPT, "index size is"},
	{"sections larger than the index", FOOTER, 0, FOOTER_AT_SECTIONS_SIZE, 8, ADD, 8,
	 SEAL_INDEX, FOOTER_DIFFERS, CAIRN_CORRUPT, "size of all sections is"},
	{"section missing", FOOTER, 0, FOOTER_AT_SECTION_COUNT, 4, SET, 7, SEAL_INDEX,
	 FOOTER_DIFFERS, CAIRN_CORRUPT, "size of all sections is"},
	{"no sections", FOOTER, 0, FOOTER_AT_SECTION_COUNT, 4, SET, 0, SEAL_INDEX, FOOTER_DIFFERS,
	 CAIRN_CORRUPT, "size of all sections is"},
	{"more sections than the table", FOOTER, 0, FOOTER_AT_SECTION_COUNT, 4, SET, 33, SEAL_INDEX,
	 FOOTER_DIFFERS, CAIRN_CORRUPT, "section count is 33"},
	{"section types out of order", ENTRY, SECTION_NAMES, X_TYPE, 4, SET, SECTION_TENSORS,
	 SEAL_INDEX, FOOTER_DIFFERS, CAIRN_CORRUPT, "section type is 1"},
	{"section offset past the index", ENTRY, SECTION_DIMS, X_OFFSET, 8, SET, TOP, SEAL_INDEX,
	 FOOTER_DIFFERS, CAIRN_CORRUPT, "section offset is"},
	{"section size that wraps", ENTRY, SECTION_DIMS, X_SIZE, 8, SET, MINUS(64), SEAL_INDEX,
	 FOOTER_DIFFERS, CAIRN_CORRUPT, "section size is"},
	{"record of another size", ENTRY, SECTION_SLICES, X_RECORD_SIZE, 4, SET, 32, SEAL_INDEX,
	 FOOTER_DIFFERS, CAIRN_CORRUPT, "has records of 32 bytes"},
	{"half a record", ENTRY, SECTION_REGIONS, X_SIZE, 8, ADD, MINUS(8), SEAL_INDEX,
	 FOOTER_DIFFERS, CAIRN_CORRUPT, "size of all sections"},
	{"more tensors than records", FOOTER, 0, FOOTER_AT_TENSOR_COUNT, 8, SET, TOP, SEAL_INDEX,
	 FOOTER_DIFFERS, CAIRN_CORRUPT, "the footer counts"},
	{"one tensor less", FOOTER, 0, FOOTER_AT_TENSOR_COUNT, 8, ADD, MINUS(1), SEAL_INDEX,
	 FOOTER_DIFFERS, CAIRN_CORRUPT, "the footer counts"},
	{"no tensors", FOOTER, 0, FOOTER_AT_TENSOR_COUNT, 8, SET, 0, SEAL_INDEX, FOOTER_DIFFERS,
	 CAIRN_CORRUPT, "the footer counts 0 tensors"},
	/* where data lie */
	{"extent past the end", EXTENT, E_ALPHA, E_OFFSET, 8, SET_FILE_SIZE_PLUS, MINUS(7),
	 SEAL_INDEX, INDEX_DIFFERS, CAIRN_CORRUPT, "exceeds file size"},
	{"extent that wraps", EXTENT, E_ALPHA, E_OFFSET, 8, SET, MINUS(4), SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "is out of limits"},
	{"extent in the header", EXTENT, E_ALPHA, E_OFFSET, 8, SET, 0, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CHECKSUM, "tensor 'alpha': chunk 0 at offset 0"},
	{"extent in the header, digest right", EXTENT, E_ALPHA, E_OFFSET, 8, SET, 0, SEAL_DATA,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "lies outside the data"},
	{"extent that leaves its bytes behind", EXTENT, E_ALPHA, E_OFFSET, 8, ADD, 4096, SEAL_DATA,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "bytes that belong to nothing"},
	{"extent outside of the region", EXTENT, E_ALPHA, E_OFFSET, 8, SET, 122880 - 64, SEAL_DATA,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "lies in no data region"},
	{"alignment that data do not have", FOOTER, 0, FOOTER_AT_ALIGNMENT, 8, SET, 16384,
	 SEAL_INDEX, FOOTER_DIFFERS, CAIRN_CORRUPT,
	 "data at offset 8192 are not at a multiple of 16384"},
	{"extent of another place", EXTENT, E_ALPHA, E_OFFSET, 8, ADD, 1, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CHECKSUM, "tensor 'alpha': chunk 0"},
	{"extent smaller", EXTENT, E_ALPHA, E_SIZE, 8, SET, 4, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "is out of limits"},
	{"extent of nothing", EXTENT, E_ALPHA, E_STORED_SIZE, 8, SET, 0, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "is out of limits"},
	{"extent larger than the file", EXTENT, E_ALPHA, E_STORED_SIZE, 8, SET, TOP - 1, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "is out of limits"},
	{"extent in a shard that is not there", EXTENT, E_ALPHA, E_SHARD, 2, SET, 1, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "shard 1 of 1"},
	{"unknown codec", EXTENT, E_ALPHA, E_CODEC, 1, SET, 77, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_UNSUPPORTED, "unknown codec 77"},
	{"digest of stored bytes of a raw extent", EXTENT, E_ALPHA, E_STORED_DIGEST, 8, SET, 1,
	 SEAL_INDEX, INDEX_DIFFERS, CAIRN_CORRUPT, "is out of limits"},
	{"codec of a raw extent", EXTENT, E_ALPHA, E_CODEC, 1, SET, 1, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "is out of limits"},
	{"shuffle of a raw extent", EXTENT, E_ALPHA, E_SHUFFLE, 1, SET, 4, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "a raw extent has a byte shuffle"},
	{"reserved byte of an extent", EXTENT, E_ALPHA, E_RESERVED + 11, 1, SET, 1, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "reserved bytes of a extent record"},
	/* shapes and types */
	{"tensor of another size", TENSOR, T_ALPHA, T_SIZE, 8, SET, 16, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "bytes of the tensor are 16 instead of 8"},
	{"dim 0", DIM, D_BIG, 0, 8, SET, 0, SEAL_INDEX, INDEX_DIFFERS, CAIRN_CORRUPT,
	 "tensor 'big': bytes of the tensor are 71680 instead of 0"},
	{"shape that overflows", DIM, D_BIG, 0, 8, SET, TOP, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "its shape has 2^63 elements or more"},
	{"rank over the limit", TENSOR, T_BIG, T_RANK, 1, SET, 255, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "is out of limits: rank 255"},
	{"rank over the dims", TENSOR, T_BIG, T_RANK, 1, SET, 254, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "exceeds its size"},
	{"dims elsewhere", TENSOR, T_BIG, T_DIMS_INDEX, 8, SET, MINUS(1), SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "exceeds its size"},
	{"type with blocks of another", TENSOR, T_ALPHA, T_BLOCK_BYTES, 4, SET, 4, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "type f64 with blocks of 1 elements in 4 bytes, not 1 in 8"},
	{"blocks of no elements", TENSOR, T_OPAQUE, T_BLOCK_ELEMENTS, 4, SET, 0, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "block of 0 elements"},
	{"unknown type of no size", TENSOR, T_OPAQUE, T_BLOCK_BYTES, 4, SET, 0, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "an unknown type has blocks of no size"},
	{"shape that cuts a block", TENSOR, T_OPAQUE, T_BLOCK_ELEMENTS, 4, SET, 3, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "its shape does not fit the blocks"},
	{"type of metadata in a tensor", TENSOR, T_STRINGS, T_DTYPE, 2, SET, CAIRN_BYTES,
	 SEAL_INDEX, INDEX_DIFFERS, CAIRN_CORRUPT, "type bytes, which only metadata may have"},
	{"tensor among the metadata", TENSOR, T_ALPHA, T_NAME_SPACE, 1, SET, 1, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "is in namespace 1 instead of 0"},
	{"unknown packing", TENSOR, T_PACKED, T_PACKING, 1, SET, 2, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "packing 2"},
	{"unknown flag", TENSOR, T_ALPHA, T_FLAGS, 4, SET, 4, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "unknown flags 0x4"},
	{"whole and incomplete", TENSOR, T_EMPTY, T_FLAGS, 4, SET, 1, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "whole, and flagged incomplete"},
	{"incomplete and said to be whole", TENSOR, T_HALF, T_FLAGS, 4, SET, 0, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "the stored slices hold 16 of the 32 bytes"},
	{"digest of another tensor", TENSOR, T_ALPHA, T_DIGEST, 8, XOR, 1, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "its digest is not that of its chunk digests"},
	{"digest denied", TENSOR, T_ALPHA, T_DIGEST_KIND, 1, SET, 0, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, ""},
	{"reserved byte of a tensor", TENSOR, T_ALPHA, T_RESERVED2 + 7, 1, SET, 1, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "reserved bytes of a tensor record"},
	/* names */
	{"name over the limit", TENSOR, T_ALPHA, T_NAME_SIZE, 4, SET, (1u << 20) + 1, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "1048577"},
	{"name outside of the names", TENSOR, T_ALPHA, T_NAME_OFFSET, 8, SET, MINUS(2), SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "exceeds its size"},
	{"name of a neighbour's bytes", TENSOR, T_ALPHA, T_NAME_SIZE, 4, SET, 6, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "is not in its place in the order of names"},
	{"name not UTF-8", NAME, 0, 1, 1, SET, 0xff, SEAL_INDEX, INDEX_DIFFERS, CAIRN_CORRUPT,
	 "the name is not UTF-8"},
	{"names out of order", NAME, 0, 0, 1, SET, 'z', SEAL_INDEX, INDEX_DIFFERS, CAIRN_CORRUPT,
	 "is not in its place in the order of names"},
	/* slices */
	{"slice count over the slices", TENSOR, T_GRID, T_SLICE_COUNT, 4, SET, 65536, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, ""},
	{"slice count over the limit", TENSOR, T_GRID, T_SLICE_COUNT, 4, SET, UINT32_MAX,
	 SEAL_INDEX, INDEX_DIFFERS, CAIRN_CORRUPT, "4294967295 slices"},
	{"slices elsewhere", TENSOR, T_GRID, T_SLICE_INDEX, 8, SET, TOP, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, ""},
	{"slice that leaves the shape", DIM, D_GRID_RANGES, 0, 8, SET, 5, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "tensor 'grid': the ranges of a stored slice"},
	{"slice that wraps", DIM, D_GRID_RANGES, 0, 8, SET, MINUS(2), SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "tensor 'grid': the ranges of a stored slice"},
	{"slices that overlap", DIM, D_GRID_RANGES, 0, 8, SET, 3, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "the stored slices hold 104 of the 96 bytes"},
	{"ranges elsewhere", SLICE, S_GRID, S_RANGES_INDEX, 8, SET, MINUS(1), SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, ""},
	{"one of several slices whole", SLICE, S_GRID, S_FLAGS, 1, SET, 1, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, ""},
	{"extents elsewhere", SLICE, S_BIG, S_EXTENT_INDEX, 8, SET, MINUS(1), SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "exceeds its size"},
	{"more extents than there are", SLICE, S_BIG, S_EXTENT_COUNT, 4, SET, UINT32_MAX,
	 SEAL_INDEX, INDEX_DIFFERS, CAIRN_CORRUPT, ""},
	{"no extents", SLICE, S_BIG, S_EXTENT_COUNT, 4, SET, 0, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "its extents hold 0 bytes instead of 71680"},
	{"slice of another size", SLICE, S_BIG, S_SIZE, 8, ADD, 1, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "its extents hold 71680 bytes instead of 71681"},
	{"chunk digests elsewhere", SLICE, S_BIG, S_CHUNK_INDEX, 8, SET, MINUS(1), SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "chunk digests"},
	{"chunk digests that wrap", SLICE, S_BIG, S_CHUNK_INDEX, 8, SET, (uint64_t)1 << 60,
	 SEAL_INDEX, INDEX_DIFFERS, CAIRN_CORRUPT, "chunk digests"},
	{"chunk size 0", SLICE, S_BIG, S_CHUNK_SIZE, 4, SET, 0, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "in chunks of 0"},
	{"chunk size over the limit", SLICE, S_BIG, S_CHUNK_SIZE, 4, SET, 1u << 31, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "in chunks of 2147483648"},
	{"transform", SLICE, S_BIG, S_TRANSFORM, 1, SET, TRANSFORM_SWAP, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_UNSUPPORTED, "unknown element transform 1"},
	{"unknown transform", SLICE, S_BIG, S_TRANSFORM, 1, SET, 200, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_UNSUPPORTED, "unknown element transform 200"},
	{"unknown digest kind", SLICE, S_BIG, S_DIGEST_KIND, 1, SET, 2, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_UNSUPPORTED, "unknown digest kind 2"},
	{"check of a foreign format", SLICE, S_BIG, S_CHECK_KIND, 1, SET, CHECK_CRC32C, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "that only sidecars may have"},
	{"transform value without a transform", SLICE, S_BIG, S_TRANSFORM_VALUE, 1, SET, 1,
	 SEAL_INDEX, INDEX_DIFFERS, CAIRN_CORRUPT, "a transform value that no transform uses"},
	/* aliases */
	{"alias of itself", TENSOR, T_TIED, T_ALIAS_OF, 8, SET, T_TIED, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "which is not before it"},
	{"alias of a tensor behind it", TENSOR, T_TIED, T_ALIAS_OF, 8, SET, MINUS(1), SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "which is not before it"},
	{"alias of another shape", TENSOR, T_TIED, T_ALIAS_OF, 8, SET, T_ALPHA, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "has another type or shape"},
	{"scalar in slices", SLICE, 1, S_FLAGS, 1, SET, 0, SEAL_INDEX, INDEX_DIFFERS, CAIRN_CORRUPT,
	 "of 8 bytes do not fit shape and type"},
	{"alias with slices", TENSOR, T_TIED, T_SLICE_COUNT, 4, SET, 1, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, ""},
	{"alias with another digest", TENSOR, T_TIED, T_DIGEST, 8, XOR, 1, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "an alias with another digest"},
	{"alias that is incomplete", TENSOR, T_TIED, T_FLAGS, 4, SET, 3, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "an alias is incomplete"},
	{"alias_of of a tensor that is none", TENSOR, T_TIED, T_FLAGS, 4, SET, 0, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "the stored slices hold 0"},
	/* strings */
	{"end offsets out of order", DATA, E_STRINGS, 8, 8, SET, 100, SEAL_DATA, DATA_DIFFERS,
	 CAIRN_CORRUPT, "string 1 runs from 0 to 100"},
	{"end offset that wraps", DATA, E_STRINGS, 0, 8, SET, MINUS(1), SEAL_DATA, DATA_DIFFERS,
	 CAIRN_CORRUPT, "string 0 runs from 0 to 18446744073709551615"},
	{"last end offset before the end", DATA, E_STRINGS, 16, 8, ADD, MINUS(1), SEAL_DATA,
	 DATA_DIFFERS, CAIRN_CORRUPT, "bytes of strings instead of"},
	{"strings without their offsets", TENSOR, T_STRINGS, T_SIZE, 8, SET, 23, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "bytes of a string tensor are 23"},
	/* metadata */
	{"metadata of rank 2", TENSOR, T_SCALES, T_RANK, 1, SET, 2, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, ""},
	{"metadata among the tensors", TENSOR, T_FORMAT, T_NAME_SPACE, 1, SET, 0, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, "is in namespace 0 instead of 1"},
	/* data and their digests */
	{"a byte of data", DATA, E_BIG, 0, 1, XOR, 1, SEAL_INDEX, CAIRN_CHECKSUM,
	 "tensor 'big': chunk 0 at offset 8192", CAIRN_CHECKSUM, "chunk 0 at offset 8192"},
	{"a byte of the second chunk", DATA, E_BIG, 65536, 1, XOR, 1, SEAL_INDEX, CAIRN_CHECKSUM,
	 "tensor 'big': chunk 1 at offset 73728", CAIRN_CHECKSUM, "chunk 1 at offset 73728"},
	{"a byte of a slice", DATA, E_GRID, 3, 1, XOR, 1, SEAL_INDEX, CAIRN_CHECKSUM,
	 "tensor 'grid': chunk 0", CAIRN_CHECKSUM, "tensor 'grid': chunk 0"},
	{"a byte of data, digests right", DATA, E_BIG, 0, 1, XOR, 1, SEAL_DATA, CAIRN_CHECKSUM,
	 "tensor 'big': chunk 0", NOTHING_WRONG},
	{"a chunk digest", CHUNK_DIGEST, 2, 0, 1, XOR, 1, SEAL_INDEX, INDEX_DIFFERS, CAIRN_CHECKSUM,
	 "tensor 'big': chunk 0"},
	{"padding", DATA, E_ALPHA, 8, 1, SET, 1, SEAL_DATA, CAIRN_CORRUPT,
	 "bytes that belong to nothing", CAIRN_CORRUPT, "are not zero"},
	/* shards and regions */
	{"foreign shard", SHARD, 0, 12, 1, SET, SHARD_FOREIGN, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "the kind of a shard is 2"},
	{"shard with a name", SHARD, 0, 8, 4, SET, 1, SEAL_INDEX, INDEX_DIFFERS, CAIRN_CORRUPT, ""},
	{"reserved byte of a shard", SHARD, 0, 111, 1, SET, 1, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "reserved bytes of a shard record"},
	{"region over the header", REGION, 0, R_OFFSET, 8, SET, 0, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "overlaps its neighbour or leaves the data"},
	{"region past the data", REGION, 0, R_SIZE, 8, SET, TOP, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "overlaps its neighbour or leaves the data"},
	{"region that leaves data out", REGION, 0, R_SIZE, 8, SET, 4096, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "lies in no data region"},
	{"unknown kind of region", REGION, 0, R_KIND, 4, SET, 3, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "the kind of a region is 3"},
	{"opaque region over the data", REGION, 0, R_KIND, 4, SET, REGION_OPAQUE, SEAL_INDEX,
	 INDEX_DIFFERS, CAIRN_CORRUPT, ""},
	{"reserved byte of a region", REGION, 0, R_RESERVED, 1, SET, 1, SEAL_INDEX, INDEX_DIFFERS,
	 CAIRN_CORRUPT, "reserved bytes of a region record"},
};

static uint8_t *place_of(enum area area, uint64_t number)
{
	return container_place(&container, area, number);
}

static void apply(const struct row *row, uint8_t *place)
{
	const uint64_t old = field_load(place, row->width);

	switch (row->operation) {
	case SET:
		field_store(place, row->width, row->value);
		break;
	case ADD:
		field_store(place, row->width, old + row->value);
		break;
	case XOR:
		field_store(place, row->width, old ^ row->value);
		break;
	case SET_FILE_SIZE_PLUS:
		field_store(place, row->width, container.size + row->value);
		break;
	}
}

static void mutate(const struct row *row)
{
	if (row->area == BOTH_PAGES) {
		apply(row, place_of(HEADER, 0) + row->at);
		apply(row, place_of(FOOTER, 0) + row->at);
	} else {
		apply(row, place_of(row->area, row->number) + row->at);
	}
}

static void assert_verdict(const char *name, const char *how, enum cairn_status expected,
			   const char *message)
{
	struct cairn_error error = {0};
	const enum cairn_status status = judge(&error);

	ck_assert_msg(status == expected && strstr(error.message, message) != NULL,
		      "%s, %s: %s \"%s\" instead of %s \"...%s...\"", name, how,
		      cairn_status_name(status), error.message, cairn_status_name(expected),
		      message);
}

START_TEST(mutation_is_found_by_the_digests)
{
	mutate(&rows[_i]);
	assert_verdict(rows[_i].name, "as it is", rows[_i].plain_status, rows[_i].plain_message);
}
END_TEST

START_TEST(mutation_is_found_behind_the_digests)
{
	mutate(&rows[_i]);
	if (rows[_i].seal == SEAL_DATA)
		container_bytes_seal_data(&container);
	else
		container_bytes_seal(&container);
	assert_verdict(rows[_i].name, "sealed", rows[_i].status, rows[_i].message);
}
END_TEST

/* ------------------------------------------------------------------------------ whole-file rows */

struct size_row {
	size_t size;
	enum cairn_status status;
	const char *message;
};

static const struct size_row size_rows[] = {
	{0, CAIRN_TRUNCATED, "an empty file"},
	{1, CAIRN_NOT_A_CHECKPOINT, "none of the formats"},
	{7, CAIRN_NOT_A_CHECKPOINT, "none of the formats"},
	{8, CAIRN_TRUNCATED, "8 bytes are less than any container has"},
	{4095, CAIRN_TRUNCATED, "less than any container has"},
	{4096, CAIRN_TRUNCATED, "less than any container has"},
	{8191, CAIRN_TRUNCATED, "less than any container has"},
	{16383, CAIRN_TRUNCATED, "less than any container has"},
	{16384, CAIRN_TRUNCATED, "no footer page at the end of its 16384 bytes"},
	{65536, CAIRN_TRUNCATED, "no footer page at the end"},
};

START_TEST(short_files_are_truncated)
{
	const struct size_row *const row = &size_rows[_i];
	struct cairn_error error = {0};
	struct cairn_reader *reader = NULL;

	ck_assert_int_eq(memory_system_add_file(memory, "m", container.bytes, row->size), 0);
	ck_assert_int_eq(reader_open_path(sys, "m", NULL, &reader, &error), row->status);
	ck_assert_msg(strstr(error.message, row->message) != NULL &&
			      strncmp(error.message, "'m': ", 5) == 0,
		      "%s", error.message);
	ck_assert_ptr_null(reader);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	struct cairn_error error = {0};
	struct cairn_reader *reader = NULL;

	ck_assert_int_eq(memory_system_add_directory(memory, "folder"), 0);
	ck_assert_int_eq(memory_system_add_special(memory, "fifo"), 0);
	ck_assert_int_eq(reader_open_path(sys, "folder", NULL, &reader, &error),
			 CAIRN_NOT_A_CHECKPOINT);
	ck_assert_ptr_nonnull(strstr(error.message, "an empty directory"));
	ck_assert_int_eq(reader_open_path(sys, "fifo", NULL, &reader, &error),
			 CAIRN_NOT_A_CHECKPOINT);
	ck_assert_ptr_nonnull(strstr(error.message, "not a regular file"));
	ck_assert_int_eq(reader_open_path(sys, "nothing", NULL, &reader, &error), CAIRN_NOT_FOUND);
	ck_assert_ptr_null(reader);
}
END_TEST

START_TEST(two_tensors_of_one_name_are_corrupt)
{
	uint8_t *const names = place_of(NAME, 0);

	/* "alpha", "big", "empty" ...: the second becomes as long as the first, and the same */
	field_store(place_of(TENSOR, T_BIG) + T_NAME_SIZE, 4, 5);
	memcpy(names + 5, "alpha", 5);
	container_bytes_seal(&container);
	assert_verdict("duplicate name", "sealed", CAIRN_CORRUPT, "in the order of names");
}
END_TEST

START_TEST(extents_that_share_bytes_are_corrupt)
{
	uint8_t *const extent = place_of(EXTENT, E_ALPHA);

	/* nothing is left behind, so that only the sharing is wrong */
	memset(place_of(DATA, E_ALPHA), 0, 8);
	field_store(extent + E_OFFSET, 8, field_load(place_of(EXTENT, E_BIG) + E_OFFSET, 8));
	container_bytes_seal_data(&container);
	assert_verdict("shared bytes", "sealed", CAIRN_CORRUPT, "two extents share the bytes");
}
END_TEST

START_TEST(slices_that_overlap_are_corrupt_in_a_check_of_the_index)
{
	const struct cairn_reader_options options = {.flags = CAIRN_OPEN_CHECK_INDEX};
	struct cairn_error error = {0};

	field_store(place_of(DIM, D_GRID_RANGES), 8, 3);
	container_bytes_seal(&container);
	ck_assert_int_eq(container_bytes_use(sys, &container, false, &options, &error),
			 CAIRN_CORRUPT);
	ck_assert_ptr_nonnull(strstr(error.message, "tensor 'grid': two of its slices overlap"));
}
END_TEST

START_TEST(an_alias_of_an_alias_is_corrupt)
{
	uint8_t *const strings = place_of(TENSOR, T_STRINGS);

	memcpy(strings + T_DTYPE, place_of(TENSOR, T_TIED) + T_DTYPE, 2);
	field_store(strings + T_FLAGS, 4, TENSOR_ALIAS);
	field_store(place_of(TENSOR, T_TIED) + T_ALIAS_OF, 8, T_STRINGS);
	container_bytes_seal(&container);
	assert_verdict("alias of an alias", "sealed", CAIRN_CORRUPT, "");
}
END_TEST

/* Digests that fit prove no good will: a writer would pass on what no writer makes. */
START_TEST(strings_out_of_order_are_not_copied)
{
	struct cairn_reader *reader = NULL;
	struct cairn_writer *writer = NULL;
	struct cairn_tensor strings;
	struct cairn_error error = {0};

	field_store(place_of(DATA, E_STRINGS), 8, _i == 0 ? UINT64_MAX : 100);
	container_bytes_seal_data(&container);
	ck_assert_int_eq(
		reader_open_bytes(sys, container.bytes, container.size, NULL, &reader, NULL),
		CAIRN_OK);
	ck_assert_int_eq(cairn_reader_tensor_at(reader, T_STRINGS, &strings, NULL), CAIRN_OK);
	ck_assert_int_eq(writer_create(sys, "copy.cairn", NULL, &writer, NULL), CAIRN_OK);
	ck_assert_int_eq(
		cairn_writer_add_tensor(writer, (struct cairn_string){NULL, 0}, &strings, &error),
		CAIRN_CORRUPT);
	ck_assert_ptr_nonnull(strstr(error.message, "the end offsets of the elements of tensor"));
	cairn_writer_destroy(writer);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_tensor_without_checked_slices_is_not_called_verified)
{
	uint8_t *const slice = place_of(SLICE, S_BIG);
	struct cairn_reader *reader = NULL;
	struct cairn_tensor tensor;
	struct cairn_view view = {0};

	/* the slice says that it has no digests, the tensor that it has one */
	field_store(slice + S_DIGEST_KIND, 1, DIGEST_NONE);
	field_store(slice + S_CHECK_KIND, 1, CHECK_NONE);
	container.bytes[field_load(place_of(EXTENT, E_BIG) + E_OFFSET, 8)] ^= 1;
	container_bytes_seal(&container);
	ck_assert_int_eq(
		reader_open_bytes(sys, container.bytes, container.size, NULL, &reader, NULL),
		CAIRN_OK);
	ck_assert_int_eq(cairn_reader_find(reader, "big", &tensor, NULL), CAIRN_OK);
	if (cairn_tensor_view(&tensor, &view, NULL) == CAIRN_OK)
		ck_assert_uint_eq(view.flags & CAIRN_VIEW_VERIFIED, 0);
	cairn_view_release(&view);
	ck_assert_int_ne(sample_verify(reader, NULL), CAIRN_OK);
	cairn_reader_close(reader);
}
END_TEST

/* ---------------------------------------------------------------------------------------- suite */

static Suite *corruption_suite(void)
{
	Suite *suite = suite_create("corruption");
	TCase *tcase = tcase_create("corruption");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, mutation_is_found_by_the_digests, 0, (int)COUNT(rows));
	tcase_add_loop_test(tcase, mutation_is_found_behind_the_digests, 0, (int)COUNT(rows));
	tcase_add_loop_test(tcase, short_files_are_truncated, 0, (int)COUNT(size_rows));
	tcase_add_test(tcase, what_is_no_file_is_refused);
	tcase_add_test(tcase, two_tensors_of_one_name_are_corrupt);
	tcase_add_test(tcase, extents_that_share_bytes_are_corrupt);
	tcase_add_test(tcase, slices_that_overlap_are_corrupt_in_a_check_of_the_index);
	tcase_add_test(tcase, an_alias_of_an_alias_is_corrupt);
	tcase_add_loop_test(tcase, strings_out_of_order_are_not_copied, 0, 2);
	tcase_add_test(tcase, a_tensor_without_checked_slices_is_not_called_verified);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(corruption_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
