/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scratch folder and what lies in it; facts from /proc; the model that cases work on.
 *
 * Files that take long to make stay for the next run. They are recognised by name and by what is in
 * them; `bench_cairn --clean` removes them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/limits.h"

/* ---------------------------------------------------------------------------------------- files */

struct path scratch_path(const struct bench *bench, const char *name)
{
	struct path path;

	snprintf(path.text, sizeof(path.text), "%s/%s", bench->scratch, name);
	return path;
}

uint64_t scratch_free(const struct bench *bench)
{
	struct statvfs facts;

	return statvfs(bench->scratch, &facts) ? 0 : (uint64_t)facts.f_bavail * facts.f_frsize;
}

void scratch_remove(const char *path)
{
	if (unlink(path) != 0 && errno != ENOENT)
		bench_fail("%s: %s", path, strerror(errno));
}

void scratch_remove_checkpoint(const char *path)
{
	struct cairn_error error = {.code = CAIRN_OK};
	const enum cairn_status status = cairn_remove(path, &error);

	if (status != CAIRN_NOT_FOUND)
		bench_must(status, &error);
}

static int open_file(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		bench_fail("%s: %s", path, strerror(errno));
	return fd;
}

void scratch_warm(const char *path)
{
	static char buffer[1 << 20];
	const int fd = open_file(path);

	while (read(fd, buffer, sizeof(buffer)) > 0)
		continue;
	close(fd);
}

/* Pages of the file that are in memory, asked of the kernel through a mapping. */
static size_t count_resident(const char *path, int fd)
{
	static unsigned char states[1 << 16];
	const size_t step = sizeof(states) * 4096;
	size_t resident = 0;
	struct stat facts;
	uint8_t *map;

	if (fstat(fd, &facts) != 0)
		bench_fail("%s: %s", path, strerror(errno));
	const size_t size = (size_t)facts.st_size;
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	for (size_t at = 0; map != MAP_FAILED && at < size; at += step) {
		const size_t piece = size - at < step ? size - at : step;

		if (mincore(map + at, piece, states) != 0)
			break;
		for (size_t i = 0; i < (piece + 4095) / 4096; i++)
			resident += states[i] & 1;
	}
	if (map != MAP_FAILED)
		munmap(map, size);
	return resident;
}

/* Dirty pages cannot be dropped: they are written first. */
void scratch_drop(const char *path)
{
	const int fd = open_file(path);
	size_t resident;

	if (fsync(fd) != 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
		bench_fail("%s: cannot be dropped from memory", path);
	resident = count_resident(path, fd);
	if (resident != 0)
		bench_say("%s: %zu pages stayed in memory: not quite cold", path, resident);
	close(fd);
}

uint64_t proc_bytes(const char *path, const char *label)
{
	FILE *const file = fopen(path, "r");
	char line[256];
	uint64_t kib = 0;

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, label, strlen(label)) == 0) {
			kib = strtoull(line + strlen(label), NULL, 10);
			break;
		}
	}
	fclose(file);
	return kib * 1024;
}

struct cairn_reader *bench_open(const char *path)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_reader *reader = NULL;

	bench_must(cairn_reader_open(path, NULL, &reader, &error), &error);
	return reader;
}

/* ---------------------------------------------------------------------------------------- model */

/* Adds a tensor; `columns` 0: a vector. */
static void add_tensor(struct model *model, size_t *count, const char *name, uint64_t rows,
		       uint64_t columns)
{
	struct model_tensor *const tensor = &model->tensors[(*count)++];

	snprintf(tensor->name, sizeof(tensor->name), "%s", name);
	tensor->rank = columns ? 2 : 1;
	tensor->dims[0] = rows;
	tensor->dims[1] = columns;
	tensor->offset = model->size;
	tensor->size = rows * (columns ? columns : 1) * sizeof(float);
	model->size += tensor->size;
}

static void add_layer(struct model *model, size_t *count, unsigned int layer)
{
	static const struct {
		const char *name;
		uint64_t rows;
		uint64_t columns;
	} parts[] = {
		{"ln_1.weight", 768, 0},           {"ln_1.bias", 768, 0},
		{"attn.c_attn.weight", 768, 2304}, {"attn.c_attn.bias", 2304, 0},
		{"attn.c_proj.weight", 768, 768},  {"attn.c_proj.bias", 768, 0},
		{"ln_2.weight", 768, 0},           {"ln_2.bias", 768, 0},
		{"mlp.c_fc.weight", 768, 3072},    {"mlp.c_fc.bias", 3072, 0},
		{"mlp.c_proj.weight", 3072, 768},  {"mlp.c_proj.bias", 768, 0},
	};
	char name[48];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(name, sizeof(name), "h.%u.%s", layer, parts[i].name);
		add_tensor(model, count, name, parts[i].rows, parts[i].columns);
	}
}

/* splitmix64: fast, and without a pattern that storage could make use of. */
static void fill_with_noise(void *data, uint64_t size)
{
	uint8_t *const bytes = data;
	uint64_t state = 1;

	for (uint64_t at = 0; at + sizeof(state) <= size; at += sizeof(state)) {
		uint64_t word = state += UINT64_C(0x9e3779b97f4a7c15);

		word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
		word ^= word >> 31;
		memcpy(bytes + at, &word, sizeof(word));
	}
}

void model_make(struct model *model)
{
	size_t count = 0;

	*model = (struct model){.size = 0};
	add_tensor(model, &count, "wte.weight", 50257, 768);
	add_tensor(model, &count, "wpe.weight", 1024, 768);
	for (unsigned int layer = 0; layer < 12; layer++)
		add_layer(model, &count, layer);
	add_tensor(model, &count, "ln_f.weight", 768, 0);
	add_tensor(model, &count, "ln_f.bias", 768, 0);
	model->data = limit_map(model->size);
	fill_with_noise(model->data, model->size);
}

void model_free(struct model *model)
{
	limit_unmap(model->data, model->size);
	*model = (struct model){.size = 0};
}

void model_save_as(const struct model *model, const char *path,
		   const struct cairn_writer_options *options)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_writer *writer = NULL;

	bench_must(cairn_writer_create(path, options, &writer, &error), &error);
	for (size_t i = 0; i < MODEL_TENSORS; i++) {
		const struct model_tensor *const tensor = &model->tensors[i];

		bench_must(cairn_writer_add(writer, tensor->name, CAIRN_F32, tensor->rank,
					    tensor->dims, model->data + tensor->offset, &error),
			   &error);
	}
	bench_must(cairn_writer_finish(writer, &error), &error);
	cairn_writer_destroy(writer);
}

void model_save(const struct model *model, const char *path, uint32_t thread_count)
{
	const struct cairn_writer_options options = {.thread_count = thread_count};

	model_save_as(model, path, &options);
}

/* Always made anew: it takes half a second, and then it is what this build writes. */
struct path model_file(const struct bench *bench, const struct model *model)
{
	const struct path path = scratch_path(bench, "model.cairn");

	scratch_remove(path.text);
	model_save(model, path.text, 0);
	scratch_warm(path.text);
	return path;
}
