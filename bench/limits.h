/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this machine can do: the limits that figures are compared with.
 *
 * Each does its work once and returns nanoseconds. They are plain programs without checks, headers
 * or digests, and know nothing of Cairn.
 */
#ifndef BENCH_LIMITS_H
#define BENCH_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* As the engine writes, hashes and reads ahead. */
#define LIMIT_BLOCK_SIZE ((uint64_t)1 << 20)
#define LIMIT_CHUNK_SIZE ((uint64_t)256 << 10)

#define LIMIT_THREADS_MAX 8

/* Memory in huge pages where the system has them, each page touched. Ends the program when there is
 * none. */
void *limit_map(uint64_t size);
void limit_unmap(void *memory, uint64_t size);

/* Reads every word; a byte of every cache line. The results only keep the work from being left
 * out. */
uint64_t limit_sum(const void *data, uint64_t size);
uint64_t limit_touch(const void *data, uint64_t size);

/* Where results go that nobody wants. */
extern volatile uint64_t limit_sink;

double limit_time_sum(const void *data, uint64_t size);
double limit_time_touch(const void *data, uint64_t size);
double limit_time_copy(void *to, const void *from, uint64_t size);

/* XXH3-128 of each chunk, with the vector code that the engine uses. */
double limit_time_hash(const void *data, uint64_t size);

/* The same over a new mapping of the file at `path`, its pages brought in first. Two parts: all of
 * it is returned, the share of bringing in is stored. */
double limit_time_hash_mapped(const char *path, uint64_t size, double *populate_ns);

/* A new file of `size` bytes, reserved, written in blocks with O_DIRECT by so many threads, fsync.
 * The file stays. */
double limit_time_write(const char *path, const void *data, uint64_t size, uint32_t thread_count);

/* A new file of `size` bytes through the page cache: each block is copied to `block`
 * (LIMIT_BLOCK_SIZE bytes), hashed there in pieces of 64 KiB and written. No fsync. The file
 * stays. */
double limit_time_copy_hash_write(const char *path, const void *data, uint64_t size, void *block);

/* Reads a file with O_DIRECT (direct != 0) or through the page cache, in blocks. */
double limit_time_read(const char *path, void *buffer, int direct);

/* ------------------------------------------------------------------------ by several threads */

/* Each of so many threads does its share, side by side with the others. */
double limit_time_copy_threads(void *to, const void *from, uint64_t size, uint32_t thread_count);
double limit_time_hash_threads(const void *data, uint64_t size, uint32_t thread_count);

/* Reads a file with O_DIRECT in blocks of 4 MiB, each thread the next one, to huge pages. */
double limit_time_direct_read_threads(const char *path, uint32_t thread_count);

#endif
