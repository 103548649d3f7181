/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recognising files. Nothing is believed here: an opener checks what it is given. What cannot be
 * opened is named, with the path to pass instead where there is one.
 */
#include "engine/read/identify.h"

#include <inttypes.h>
#include <string.h>

#include "format/bytes.h"
#include "format/container.h"
#include "format/error.h"
#include "format/safetensors.h"
#include "format/tensorflow_names.h"
#include "format/tensorflow_table.h"

/* A beginning that says what a file is. */
struct signature {
	const char *bytes;
	size_t size;
	enum cairn_status status;
	const char *message;
};

static const struct signature signatures[] = {
	{"GGUF", 4, CAIRN_UNSUPPORTED, "a GGUF file, which this version cannot read"},
	{"PK\x03\x04", 4, CAIRN_UNSUPPORTED,
	 "a zip archive (PyTorch or NumPy .npz, perhaps), which this version cannot read"},
	{"PK\x05\x06", 4, CAIRN_UNSUPPORTED,
	 "an empty zip archive, which this version cannot read"},
	{"\x93NUMPY", 6, CAIRN_UNSUPPORTED, "a NumPy array, which this version cannot read"},
	{"\x89HDF\r\n", 6, CAIRN_NOT_A_CHECKPOINT, "an HDF5 file, which Cairn does not read"},
	{"version https://git-lfs", 23, CAIRN_NOT_A_CHECKPOINT,
	 "a Git LFS pointer, not the model itself: fetch it with 'git lfs pull'"},
	{"\x1f\x8b", 2, CAIRN_NOT_A_CHECKPOINT, "compressed with gzip: unpack it first"},
	{"\x28\xb5\x2f\xfd", 4, CAIRN_NOT_A_CHECKPOINT, "compressed with zstd: unpack it first"},
	{"<!DOCTYPE", 9, CAIRN_NOT_A_CHECKPOINT, "a web page: the download went wrong"},
	{"<!doctype", 9, CAIRN_NOT_A_CHECKPOINT, "a web page: the download went wrong"},
	{"<html", 5, CAIRN_NOT_A_CHECKPOINT, "a web page: the download went wrong"},
	{"\x80\x02", 2, CAIRN_NOT_A_CHECKPOINT,
	 "a bare Python pickle, which Cairn does not execute"},
	{"\x80\x03", 2, CAIRN_NOT_A_CHECKPOINT,
	 "a bare Python pickle, which Cairn does not execute"},
	{"\x80\x04", 2, CAIRN_NOT_A_CHECKPOINT,
	 "a bare Python pickle, which Cairn does not execute"},
	{"\x80\x05", 2, CAIRN_NOT_A_CHECKPOINT,
	 "a bare Python pickle, which Cairn does not execute"},
	{"\x7f"
	 "ELF",
	 4, CAIRN_NOT_A_CHECKPOINT, "a program, not a checkpoint"},
};

static size_t bytes_in_page(const struct file *file)
{
	return file->size < CONTAINER_PAGE_SIZE ? file->size : CONTAINER_PAGE_SIZE;
}

bool path_ends_with(const char *path, const char *suffix)
{
	const size_t size = strlen(path);
	const size_t suffix_size = strlen(suffix);

	return size >= suffix_size && strcmp(path + size - suffix_size, suffix) == 0;
}

/* A foreign beginning in front of a Cairn footer: one of the two is wrong, or meant to deceive. */
static enum cairn_status check_end(const struct file *file, struct cairn_error *error)
{
	uint8_t magic[CONTAINER_MAGIC_SIZE];
	const uint64_t offset = file->size - CONTAINER_PAGE_SIZE;
	enum cairn_status status;

	if (file->size < 2 * (uint64_t)CONTAINER_PAGE_SIZE)
		return CAIRN_OK;
	status = file_read(file, offset, magic, sizeof(magic), error);
	if (status == CAIRN_OK && container_has_footer_magic(magic))
		status = error_set(error, CAIRN_CORRUPT, 0,
				   "it ends like a Cairn container at offset %" PRIu64
				   ", but does not begin like one",
				   offset);
	return status;
}

static const struct signature *find_signature(const uint8_t *page, size_t size)
{
	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
		if (size >= signatures[i].size &&
		    memcmp(page, signatures[i].bytes, signatures[i].size) == 0)
			return &signatures[i];
	}
	return NULL;
}

/* "x.data-00000-of-00002": the prefix's size; 0 for any other name. */
static size_t data_file_prefix(const char *name)
{
	static const char form[] = ".data-00000-of-00000";
	const size_t size = strlen(name);
	const char *const end = size < sizeof(form) ? "" : name + size - (sizeof(form) - 1);

	if (*end == '\0')
		return 0;
	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		if (form[i] == '0' ? end[i] < '0' || end[i] > '9' : end[i] != form[i])
			return 0;
	}
	return (size_t)(end - name);
}

/* A file that ends like a table of TensorFlow's. */
static bool is_table(const struct file *file)
{
	uint8_t magic[8];

	return file->size >= TABLE_FOOTER_SIZE &&
	       file_read(file, file->size - sizeof(magic), magic, sizeof(magic), NULL) ==
		       CAIRN_OK &&
	       load_u64(magic) == TABLE_MAGIC;
}

/* Files of a TensorFlow V2 checkpoint, which is opened by the prefix of their names. OK: it is
 * none. */
static enum cairn_status refuse_tensorflow(const struct file *file, const char *path,
					   struct cairn_error *error)
{
	const size_t prefix = data_file_prefix(path);
	const size_t table = strlen(path) - (path_ends_with(path, BUNDLE_INDEX_SUFFIX)
						     ? strlen(BUNDLE_INDEX_SUFFIX)
						     : 0);

	if (prefix != 0)
		return error_set(error, CAIRN_NOT_A_CHECKPOINT, 0,
				 "a data file of a TensorFlow checkpoint: pass its prefix, %s",
				 quote((struct cairn_string){path, prefix}).text);
	if (path[table] != '\0' && is_table(file))
		return error_set(error, CAIRN_NOT_A_CHECKPOINT, 0,
				 "the index of a TensorFlow checkpoint: pass its prefix, %s",
				 quote((struct cairn_string){path, table}).text);
	return CAIRN_OK;
}

static enum cairn_status refuse(const struct file *file, const char *path, const uint8_t *page,
				struct cairn_error *error)
{
	const struct signature *const signature = find_signature(page, bytes_in_page(file));

	if (file->size == 0)
		return error_set(error, CAIRN_TRUNCATED, 0, "an empty file");
	if (signature != NULL)
		return error_set(error, signature->status, 0, "%s", signature->message);
	if (path_ends_with(path, BUNDLE_INDEX_SUFFIX))
		return error_set(error, CAIRN_NOT_A_CHECKPOINT, 0,
				 "by its name the index of a TensorFlow checkpoint, but it does "
				 "not end like one");
	return error_set(error, CAIRN_NOT_A_CHECKPOINT, 0,
			 "none of the formats that Cairn knows (Cairn, safetensors, TensorFlow) "
			 "looks like this");
}

enum cairn_status identify(const struct file *file, const char *path, const uint8_t *page,
			   enum file_kind *kind, struct cairn_error *error)
{
	const size_t size = bytes_in_page(file);
	enum cairn_status status;

	if (size >= CONTAINER_MAGIC_SIZE && container_has_header_magic(page)) {
		*kind = FILE_CONTAINER;
		return CAIRN_OK;
	}
	status = check_end(file, error);
	if (status != CAIRN_OK)
		return status;
	if (path_ends_with(path, SAFETENSORS_INDEX_SUFFIX))
		*kind = FILE_SAFETENSORS_INDEX;
	else if (path_ends_with(path, ".safetensors") || safetensors_probe(page, size, file->size))
		*kind = FILE_SAFETENSORS;
	else
		*kind = FILE_OTHER;
	if (*kind == FILE_SAFETENSORS && find_signature(page, size) != NULL &&
	    !safetensors_probe(page, size, file->size))
		*kind = FILE_OTHER; /* whatever its name says */
	if (*kind == FILE_OTHER) {
		status = refuse_tensorflow(file, path, error);
		if (status == CAIRN_OK && is_table(file))
			*kind = FILE_TENSORFLOW_V1;
	}
	return status == CAIRN_OK && *kind == FILE_OTHER ? refuse(file, path, page, error) : status;
}
