/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sorted table of keys and values that TensorFlow's indexes are, and its first format's files:
 * that of LevelDB without filters, keys in byte order.
 *
 * The reader walks over a table that lies in memory, or that it is given block by block. Everything
 * in it is checked on the way: the CRC of every block, handles, restarts, the order of all keys.
 * Data blocks follow each other in the file, so that a table takes no more time and memory than its
 * bytes (decoded, if they are compressed) can be worth.
 *
 * The writer makes the bytes that TensorFlow's makes of the same entries.
 */
#ifndef CAIRN_FORMAT_TENSORFLOW_TABLE_H
#define CAIRN_FORMAT_TENSORFLOW_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/base.h>
#include <cairn/error.h>

#include "format/arena.h"

#define TABLE_FOOTER_SIZE  48u
#define TABLE_MAGIC        UINT64_C(0xdb4775248b80fb57) /* the last 8 bytes, little-endian */
#define TABLE_TRAILER_SIZE 5u /* behind each block: compression, CRC of block and compression */

/* A block of entries is closed when it has so many bytes. */
#define TABLE_BLOCK_SIZE 262144u

/* Entries of a block of which only the first has its key in full. */
#define TABLE_RESTART_INTERVAL 16u

enum table_compression {
	TABLE_PLAIN = 0,
	TABLE_SNAPPY = 1
};

/* -------------------------------------------------------------------------------------- reading */

/* Walks over the entries of one block: the reader's own. */
struct table_cursor {
	const uint8_t *block; /* decoded */
	uint64_t block_size;
	const uint8_t *next; /* the next entry */
	const uint8_t *end;  /* of the entries: restarts follow */
	uint32_t restart_count;
	uint32_t restart_next; /* number of the first restart that was not met yet */
	uint64_t offset;       /* of the block in the file */
	bool plain;            /* the block is where the file has it */
	bool has_key;
	uint8_t *key; /* of the last entry; between two blocks what divides them */
	uint64_t key_size;
	uint64_t key_capacity;
	uint64_t shareable; /* bytes of it that the next entry may share */
	uint64_t keys_size; /* bytes of all keys of the block so far */
	uint8_t *decoded;   /* room for a compressed block */
	uint64_t decoded_capacity;
};

/*
 * Where blocks come from that are not in memory: puts `*bytes` at `size` bytes from `offset` on,
 * which are in the file. They stay until the next call with the same `is_index`: the block that
 * lists the others is needed all the time, of the others one.
 */
struct table_source {
	enum cairn_status (*fetch)(void *context, bool is_index, uint64_t offset, uint64_t size,
				   const uint8_t **bytes, struct cairn_error *error);
	void *context;
};

struct table_reader {
	struct arena *arena;
	struct table_source source; /* without a function: the bytes */
	const uint8_t *bytes;       /* borrowed, untrusted */
	uint64_t size;
	struct table_cursor index;
	struct table_cursor data;
	uint64_t blocks_end; /* behind the last data block so far */
};

/* Valid until the next call. */
struct table_entry {
	struct cairn_string key;
	const uint8_t *value; /* of a table in memory in its bytes, when `offset` is known */
	uint64_t value_size;
	uint64_t offset; /* of the value in the file; CAIRN_ERROR_NO_OFFSET: it was compressed */
};

/*
 * `bytes` are all of the file; they and the arena must live as long as the reader. TRUNCATED below
 * the size of a footer, CORRUPT, CHECKSUM, UNSUPPORTED (compression), NO_MEMORY.
 */
enum cairn_status table_open(struct table_reader *reader, struct arena *arena, const uint8_t *bytes,
			     uint64_t size, struct cairn_error *error);

/* The same of a table of `size` bytes that lies elsewhere; and what `fetch` returns. */
enum cairn_status table_open_source(struct table_reader *reader, struct arena *arena,
				    const struct table_source *source, uint64_t size,
				    struct cairn_error *error);

/* The next entry, by keys that ascend strictly; `found` is false behind the last one. As
 * table_open, and LIMIT when keys share more than a writer's can. After a failure the reader is of
 * no use. */
enum cairn_status table_next(struct table_reader *reader, struct table_entry *entry, bool *found,
			     struct cairn_error *error);

/* -------------------------------------------------------------------------------------- writing */

/* A block that is being put together: the writer's own. */
struct table_block {
	uint8_t *bytes;
	uint64_t size;
	uint64_t capacity;
	uint32_t *restarts;
	uint64_t restart_count;
	uint64_t restart_capacity;
	uint32_t interval;
	uint32_t since_restart; /* entries since the last one, itself included */
	struct cairn_string last;
};

struct table_writer {
	struct arena *arena;
	uint64_t block_size;
	uint8_t *bytes; /* of the finished blocks */
	uint64_t size;
	uint64_t capacity;
	struct table_block data;
	struct table_block index;
	struct cairn_string last; /* the last key */
	bool has_key;
	bool pending; /* the last block is not in the index yet */
	uint64_t pending_offset;
	uint64_t pending_size;
};

/* `block_size` is TABLE_BLOCK_SIZE but for tests. NO_MEMORY. */
enum cairn_status table_writer_open(struct table_writer *writer, struct arena *arena,
				    uint64_t block_size, struct cairn_error *error);

/* The key is borrowed until the table is finished, the value is copied. INVALID_ARGUMENT when keys
 * do not ascend, LIMIT from 2 GiB up, NO_MEMORY. */
enum cairn_status table_writer_add(struct table_writer *writer, struct cairn_string key,
				   const uint8_t *value, uint64_t value_size,
				   struct cairn_error *error);

/* The whole table, in the arena. NO_MEMORY. */
enum cairn_status table_writer_finish(struct table_writer *writer, uint8_t **bytes, uint64_t *size,
				      struct cairn_error *error);

#endif
