/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two pages that hold a container together: the header page at its start and the footer page at
 * its end.
 *
 * Pure functions over bytes. FORMAT.md, "Header page" and "Footer page", is the specification.
 */
#ifndef CAIRN_FORMAT_CONTAINER_H
#define CAIRN_FORMAT_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/base.h>
#include <cairn/error.h>

#define CONTAINER_VERSION    1u
#define CONTAINER_PAGE_SIZE  4096u
#define CONTAINER_MAGIC_SIZE 8u

/* The index of a sharded checkpoint, in its folder. */
#define INDEX_NAME "index.cairn"

/* The index image starts at a multiple of this, and is digested in blocks of this size. */
#define INDEX_BLOCK_SIZE 65536u

/* Data of this size and up is aligned to the container's alignment, smaller data to
 * CONTAINER_SMALL_ALIGNMENT. */
#define CONTAINER_LARGE_SIZE      65536u
#define CONTAINER_SMALL_ALIGNMENT 64u
#define CONTAINER_ALIGNMENT_MIN   4096u
#define CONTAINER_ALIGNMENT_MAX   (2u << 20)

#define CHUNK_SIZE_MIN     65536u
#define CHUNK_SIZE_MAX     (64u << 20)
#define CHUNK_SIZE_DEFAULT (256u << 10)

/* Every size and offset in a container is below this. */
#define CONTAINER_SIZE_MAX ((uint64_t)1 << 63)

#define TENSOR_COUNT_MAX ((uint64_t)UINT32_MAX)
#define SHARD_COUNT_MAX  65535u
#define SLICE_COUNT_MAX  65536u

/* Readers refuse incompat flags that they do not know and ignore compat flags. */
enum container_incompat {
	CONTAINER_INCOMPAT_FOREIGN = 1u << 0 /* a sidecar: shards are foreign files */
};
#define CONTAINER_INCOMPAT_KNOWN ((uint64_t)CONTAINER_INCOMPAT_FOREIGN)

/* On disk; never renumbered. */
enum section_type {
	SECTION_TENSORS = 1,
	SECTION_NAMES = 2,
	SECTION_DIMS = 3,
	SECTION_SLICES = 4,
	SECTION_EXTENTS = 5,
	SECTION_CHUNK_DIGESTS = 6,
	SECTION_SHARDS = 7,
	SECTION_REGIONS = 8
	/* 16 parity, 17 SHA-256 per chunk, 18 statistics, 19 name hashes: reserved */
};
#define SECTION_KNOWN_COUNT 8u
#define SECTION_TABLE_MAX   32u
#define SECTION_ALIGNMENT   64u

struct container_header {
	uint32_t version;
	uint64_t incompat_flags;
	uint64_t compat_flags;
	uint8_t save_id[16];
};

struct container_section {
	uint32_t type;
	uint32_t record_size; /* bytes of a record; 1 for names */
	uint64_t offset;      /* from the start of the index image */
	uint64_t size;        /* bytes */
};

struct container_footer {
	uint32_t version;
	uint64_t incompat_flags;
	uint64_t compat_flags;
	struct cairn_digest header_digest; /* of the header page */
	uint64_t file_size;
	uint64_t index_offset;
	uint64_t index_size;      /* sections and digest tree */
	uint64_t sections_size;   /* sections alone: the tree follows */
	uint64_t alignment;       /* of data from CONTAINER_LARGE_SIZE up */
	struct cairn_digest root; /* of the digest tree */
	struct cairn_digest content_id;
	struct cairn_digest parent_id;
	uint64_t generation;
	uint64_t tensor_count;
	uint64_t metadata_count;
	uint32_t section_count;
	struct container_section sections[SECTION_TABLE_MAX];
};

/* True when the bytes (at least CONTAINER_MAGIC_SIZE) begin a header or a footer page. */
bool container_has_header_magic(const uint8_t *bytes);
bool container_has_footer_magic(const uint8_t *bytes);

void container_header_encode(const struct container_header *header,
			     uint8_t page[CONTAINER_PAGE_SIZE]);

/* NOT_A_CHECKPOINT (magic), UNSUPPORTED (version, incompat flags), CORRUPT. Offsets in errors are
 * from the start of the container. */
enum cairn_status container_header_decode(const uint8_t page[CONTAINER_PAGE_SIZE],
					  struct container_header *header,
					  struct cairn_error *error);

/* Computes content_id from the other fields. */
struct cairn_digest container_content_id(const struct container_footer *footer);

/* Fills what follows from the container around the index: version, sizes, digest of the header
 * page, content id. */
void container_footer_seal(struct container_footer *footer,
			   const uint8_t header_page[CONTAINER_PAGE_SIZE], uint64_t index_offset,
			   uint64_t file_size);

/* Encodes with the page's own digest. */
void container_footer_encode(const struct container_footer *footer,
			     uint8_t page[CONTAINER_PAGE_SIZE]);

/*
 * Checks the page's own digest before anything else is believed, then every field against the
 * container's size (`file_size`, from the file system), the header page and its decoded form.
 * TRUNCATED (no footer magic at the end, or the sizes differ), CHECKSUM, UNSUPPORTED, CORRUPT.
 */
enum cairn_status container_footer_decode(const uint8_t page[CONTAINER_PAGE_SIZE],
					  uint64_t file_size,
					  const uint8_t header_page[CONTAINER_PAGE_SIZE],
					  const struct container_header *header,
					  struct container_footer *footer,
					  struct cairn_error *error);

/* The known section of that type (always there in a decoded footer). */
const struct container_section *container_footer_section(const struct container_footer *footer,
							 enum section_type type);

/* Where the footer's copy lies. */
uint64_t container_footer_copy_offset(const struct container_footer *footer);

#endif
