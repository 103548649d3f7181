/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a safetensors header. All of it is untrusted: nothing is allocated but in proportion to
 * header bytes that are there, no range is believed before it was compared with its neighbours and
 * the file.
 *
 * The checks are those of the official reader in its order: sizes, JSON and schema, then for each
 * tensor by offset that it begins where the one before ended and that its range is what shape and
 * type need, then that the file ends with the last one. So there are no holes, no overlaps and no
 * bytes that belong to nobody.
 */
#include "format/safetensors.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "format/bytes.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/index.h"
#include "format/json.h"
#include "format/shape.h"
#include "format/sort_array.h"

/* Bytes of `"":{"dtype":"U8","shape":[],"data_offsets":[0,0]}`: no tensor takes fewer. */
#define ENTRY_SIZE_MIN 49u

/* A file that announces a longer header than this is something else. */
#define PROBE_HEADER_SIZE_MAX ((uint64_t)1 << 32)

#define METADATA_KEY "__metadata__"

/* --------------------------------------------------------------------------- sizes, before JSON */

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

bool safetensors_probe(const uint8_t *bytes, size_t count, uint64_t file_size)
{
	uint64_t header_size;
	size_t at = SAFETENSORS_PREFIX_SIZE;

	if (count <= SAFETENSORS_PREFIX_SIZE)
		return false;
	header_size = load_u64(bytes);
	if (header_size < 2 || header_size > PROBE_HEADER_SIZE_MAX)
		return false;
	while (at < count && at - SAFETENSORS_PREFIX_SIZE < header_size && is_blank(bytes[at]))
		at++;
	if (at - SAFETENSORS_PREFIX_SIZE == header_size)
		return false;
	/* so far only blanks: the length alone has to convince */
	if (at == count)
		return header_size <= file_size - SAFETENSORS_PREFIX_SIZE;
	return bytes[at] == '{';
}

static enum cairn_status check_header_size(uint64_t header_size, uint64_t file_size,
					   struct cairn_error *error)
{
	if (header_size > SAFETENSORS_HEADER_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, 0,
				 "the header has %" PRIu64 " bytes, %u are allowed", header_size,
				 SAFETENSORS_HEADER_SIZE_MAX);
	if (!range_within(SAFETENSORS_PREFIX_SIZE, header_size, file_size))
		return error_set(error, CAIRN_TRUNCATED, file_size,
				 "the header ends at %" PRIu64 ", but the file has only %" PRIu64
				 " bytes",
				 SAFETENSORS_PREFIX_SIZE + header_size, file_size);
	return CAIRN_OK;
}

enum cairn_status safetensors_header_size(const uint8_t *bytes, size_t count, uint64_t file_size,
					  uint64_t *header_size, struct cairn_error *error)
{
	enum cairn_status status;
	uint64_t size;

	if (count < SAFETENSORS_PREFIX_SIZE || file_size < SAFETENSORS_PREFIX_SIZE)
		return error_set(
			error, CAIRN_TRUNCATED, count,
			"the file has %" PRIu64 " bytes, the length of the header alone takes %u",
			file_size < count ? file_size : (uint64_t)count, SAFETENSORS_PREFIX_SIZE);
	size = load_u64(bytes);
	status = check_header_size(size, file_size, error);
	if (status == CAIRN_OK)
		*header_size = size;
	return status;
}

/* ----------------------------------------------------------------------------------- the schema */

/* While parsing. The arrays of `header` are in the arena; the dims of the tensor that is being read
 * are here first. */
struct parse {
	struct arena *arena;
	struct json_reader json;
	struct safetensors_header header;
	uint64_t tensor_capacity;
	uint64_t metadata_capacity;
	bool metadata_seen;
	struct cairn_string last_dtype_name; /* a model has few types: spares looking them up */
	enum cairn_dtype last_dtype;
	uint64_t dims[CAIRN_RANK_MAX];
	struct cairn_error *error;
};

static enum cairn_status next(struct parse *parse, struct json_token *token)
{
	return json_next(&parse->json, token, parse->error);
}

/* `what` is of the wrong kind. */
static enum cairn_status wrong_kind(const struct parse *parse, const struct json_token *token,
				    const char *what, const char *wanted)
{
	return error_set(parse->error, CAIRN_CORRUPT, token->offset,
			 "%s at offset %" PRIu64 " is %s, not %s", what, token->offset,
			 json_kind_name(token->kind), wanted);
}

static enum cairn_status next_of_kind(struct parse *parse, enum json_kind kind, const char *what,
				      struct json_token *token)
{
	const enum cairn_status status = next(parse, token);

	if (status == CAIRN_OK && token->kind != kind)
		return wrong_kind(parse, token, what, json_kind_name(kind));
	return status;
}

/* The string that a token stands for, of at most CAIRN_NAME_SIZE_MAX bytes. */
static enum cairn_status read_name(struct parse *parse, const struct json_token *token,
				   const char *what, struct cairn_string *name)
{
	const enum cairn_status status = json_token_string(token, parse->arena, name, parse->error);

	if (status == CAIRN_OK && name->size > CAIRN_NAME_SIZE_MAX)
		return error_set(parse->error, CAIRN_LIMIT, token->offset,
				 "%s at offset %" PRIu64 " has %zu bytes, %u are allowed", what,
				 token->offset, name->size, CAIRN_NAME_SIZE_MAX);
	return status;
}

/* ------------------------------------------------------------------------------------- metadata */

static enum cairn_status parse_pair(struct parse *parse, const struct json_token *key)
{
	struct safetensors_header *const header = &parse->header;
	struct safetensors_pair *pairs;
	struct json_token value;
	enum cairn_status status;

	if (header->metadata_count == SAFETENSORS_METADATA_COUNT_MAX)
		return error_set(parse->error, CAIRN_LIMIT, key->offset,
				 "more than %u metadata entries", SAFETENSORS_METADATA_COUNT_MAX);
	pairs = arena_grow(parse->arena, header->metadata, &parse->metadata_capacity,
			   header->metadata_count + 1, sizeof(*pairs));
	if (pairs == NULL)
		return error_set_memory(parse->error, "metadata");
	header->metadata = pairs;
	status = read_name(parse, key, "the metadata key", &pairs[header->metadata_count].key);
	if (status == CAIRN_OK)
		status = next_of_kind(parse, JSON_TOKEN_STRING, "a metadata value", &value);
	if (status == CAIRN_OK)
		status = json_token_string(&value, parse->arena,
					   &pairs[header->metadata_count].value, parse->error);
	header->metadata_count += status == CAIRN_OK ? 1 : 0;
	return status;
}

static enum cairn_status parse_metadata(struct parse *parse, const struct json_token *key)
{
	struct json_token token;
	enum cairn_status status;

	if (parse->metadata_seen)
		return error_set(parse->error, CAIRN_CORRUPT, key->offset,
				 METADATA_KEY " is there twice, again at offset %" PRIu64,
				 key->offset);
	parse->metadata_seen = true;
	status = next(parse, &token);
	if (status != CAIRN_OK || token.kind == JSON_TOKEN_NULL)
		return status;
	if (token.kind != JSON_TOKEN_OBJECT_BEGIN)
		return wrong_kind(parse, &token, METADATA_KEY, "an object");
	for (;;) {
		status = next(parse, &token);
		if (status != CAIRN_OK || token.kind == JSON_TOKEN_OBJECT_END)
			return status;
		status = parse_pair(parse, &token);
		if (status != CAIRN_OK)
			return status;
	}
}

/* -------------------------------------------------------------------------------------- tensors */

static enum cairn_status parse_dtype(struct parse *parse, struct safetensors_tensor *tensor)
{
	struct json_token token;
	struct cairn_string name;
	enum cairn_status status = next_of_kind(parse, JSON_TOKEN_STRING, "dtype", &token);

	if (status == CAIRN_OK)
		status = json_token_string(&token, parse->arena, &name, parse->error);
	if (status != CAIRN_OK)
		return status;
	if (name.size != parse->last_dtype_name.size ||
	    memcmp(name.data, parse->last_dtype_name.data, name.size) != 0) {
		if (!dtype_from_safetensors(name, &parse->last_dtype))
			return error_set(parse->error, CAIRN_UNSUPPORTED, token.offset,
					 "dtype %s at offset %" PRIu64 " is unknown",
					 quote(name).text, token.offset);
		parse->last_dtype_name = name;
	}
	tensor->dtype = parse->last_dtype;
	return CAIRN_OK;
}

static enum cairn_status whole_number(const struct parse *parse, const struct json_token *token,
				      const char *what, uint64_t *value)
{
	if (json_token_u64(token, value))
		return CAIRN_OK;
	if (token->kind != JSON_TOKEN_NUMBER)
		return wrong_kind(parse, token, what, "a whole number");
	return error_set(parse->error, CAIRN_CORRUPT, token->offset,
			 "%s at offset %" PRIu64 " is %s, not a whole number from 0 to 2^64-1",
			 what, token->offset, quote(token->text).text);
}

/* Reads the numbers of a shape into parse->dims. */
static enum cairn_status parse_dims(struct parse *parse, uint32_t *rank)
{
	struct json_token token;
	uint32_t count = 0;
	enum cairn_status status = next_of_kind(parse, JSON_TOKEN_ARRAY_BEGIN, "shape", &token);

	while (status == CAIRN_OK) {
		status = next(parse, &token);
		if (status != CAIRN_OK || token.kind == JSON_TOKEN_ARRAY_END)
			break;
		if (count == CAIRN_RANK_MAX)
			return error_set(parse->error, CAIRN_LIMIT, token.offset,
					 "the shape has more than %d dimensions", CAIRN_RANK_MAX);
		status = whole_number(parse, &token, "a dimension", &parse->dims[count++]);
	}
	*rank = count;
	return status;
}

static enum cairn_status parse_shape(struct parse *parse, struct safetensors_tensor *tensor)
{
	uint32_t rank = 0;
	const uint64_t *dims;
	const enum cairn_status status = parse_dims(parse, &rank);

	if (status != CAIRN_OK)
		return status;
	dims = arena_copy(parse->arena, parse->dims, rank * sizeof(*dims));
	if (dims == NULL)
		return error_set_memory(parse->error, "a shape");
	tensor->rank = (uint8_t)rank;
	tensor->dims = dims;
	return CAIRN_OK;
}

static enum cairn_status parse_offsets(struct parse *parse, struct safetensors_tensor *tensor)
{
	struct json_token token;
	enum cairn_status status = next_of_kind(parse, JSON_TOKEN_ARRAY_BEGIN, "data_offsets",
						&token);

	if (status == CAIRN_OK)
		status = next(parse, &token);
	if (status == CAIRN_OK)
		status = whole_number(parse, &token, "the first of two data_offsets",
				      &tensor->begin);
	if (status == CAIRN_OK)
		status = next(parse, &token);
	if (status == CAIRN_OK)
		status = whole_number(parse, &token, "the second of two data_offsets",
				      &tensor->end);
	if (status == CAIRN_OK)
		status = next(parse, &token);
	if (status == CAIRN_OK && token.kind != JSON_TOKEN_ARRAY_END)
		return error_set(
			parse->error, CAIRN_CORRUPT, token.offset,
			"data_offsets has more than two members, the third at offset %" PRIu64,
			token.offset);
	return status;
}

/* What an entry has to have; other members are skipped. */
static const struct field {
	const char *name;
	enum cairn_status (*parse)(struct parse *parse, struct safetensors_tensor *tensor);
} fields[] = {
	{"dtype", parse_dtype},
	{"shape", parse_shape},
	{"data_offsets", parse_offsets},
};

enum {
	FIELD_COUNT = sizeof(fields) / sizeof(fields[0])
};

static uint32_t find_field(const struct json_token *key)
{
	uint32_t number = 0;

	while (number < FIELD_COUNT && !json_token_is(key, fields[number].name))
		number++;
	return number;
}

static enum cairn_status parse_field(struct parse *parse, const struct json_token *key,
				     struct safetensors_tensor *tensor, uint32_t *seen)
{
	const uint32_t number = find_field(key);

	if (number == FIELD_COUNT)
		return json_skip(&parse->json, key, parse->error);
	if ((*seen & 1u << number) != 0)
		return error_set(parse->error, CAIRN_CORRUPT, key->offset,
				 "%s is there twice, again at offset %" PRIu64, fields[number].name,
				 key->offset);
	*seen |= 1u << number;
	return fields[number].parse(parse, tensor);
}

static enum cairn_status check_complete(const struct parse *parse, uint32_t seen, uint64_t offset)
{
	for (uint32_t i = 0; i < FIELD_COUNT; i++) {
		if ((seen & 1u << i) == 0)
			return error_set(parse->error, CAIRN_CORRUPT, offset,
					 "%s is missing before offset %" PRIu64, fields[i].name,
					 offset);
	}
	return CAIRN_OK;
}

static enum cairn_status parse_info(struct parse *parse, struct safetensors_tensor *tensor)
{
	struct json_token token;
	uint32_t seen = 0;
	enum cairn_status status = next_of_kind(parse, JSON_TOKEN_OBJECT_BEGIN, "its entry",
						&token);

	while (status == CAIRN_OK) {
		status = next(parse, &token);
		if (status == CAIRN_OK && token.kind == JSON_TOKEN_OBJECT_END)
			return check_complete(parse, seen, token.offset);
		if (status == CAIRN_OK)
			status = parse_field(parse, &token, tensor, &seen);
	}
	return status;
}

static enum cairn_status parse_tensor(struct parse *parse, const struct json_token *key)
{
	struct safetensors_tensor tensor = {.key_offset = (uint32_t)key->offset};
	enum cairn_status status = read_name(parse, key, "the tensor name", &tensor.name);

	if (status != CAIRN_OK)
		return status;
	status = parse_info(parse, &tensor);
	if (status != CAIRN_OK)
		return error_prefix_tensor(parse->error, status, tensor.name);
	assert(parse->header.tensor_count < parse->tensor_capacity);
	parse->header.tensors[parse->header.tensor_count++] = tensor;
	return CAIRN_OK;
}

/* ----------------------------------------------------------------------------------- the header */

/* Of eight bytes those that are '{'. */
static uint32_t braces_in(uint64_t word)
{
	static const uint64_t low_bits = 0x7f7f7f7f7f7f7f7f;
	const uint64_t difference = word ^ 0x7b7b7b7b7b7b7b7b;

	/* the top bit of a byte stays clear only where the difference is zero */
	return (uint32_t)__builtin_popcountll(
		~(((difference & low_bits) + low_bits) | difference | low_bits));
}

/*
 * Every tensor has a brace of its own and takes ENTRY_SIZE_MIN bytes: both bound their number, and
 * so the memory that is allocated at once, by what is there.
 */
static uint64_t tensor_count_max(const char *json, uint64_t size)
{
	const uint64_t entries = size / ENTRY_SIZE_MIN + 1;
	uint64_t braces = size % 8; /* the last bytes are not looked at */

	for (uint64_t i = 0; i + 8 <= size; i += 8)
		braces += braces_in(load_u64((const uint8_t *)json + i));
	return braces < entries ? braces : entries;
}

static enum cairn_status allocate_tensors(struct parse *parse, const char *json, uint64_t size)
{
	const uint64_t count = tensor_count_max(json, size);

	parse->header.tensors = arena_allocate(parse->arena,
					       count * sizeof(struct safetensors_tensor));
	if (parse->header.tensors == NULL)
		return error_set_memory(parse->error, "the tensors of a header");
	parse->tensor_capacity = count;
	return CAIRN_OK;
}

static enum cairn_status parse_members(struct parse *parse)
{
	struct json_token token;
	enum cairn_status status = next_of_kind(parse, JSON_TOKEN_OBJECT_BEGIN, "the header",
						&token);

	while (status == CAIRN_OK) {
		status = next(parse, &token);
		if (status != CAIRN_OK || token.kind == JSON_TOKEN_OBJECT_END)
			break;
		status = json_token_is(&token, METADATA_KEY) ? parse_metadata(parse, &token)
							     : parse_tensor(parse, &token);
	}
	return status == CAIRN_OK ? next(parse, &token) : status; /* the end */
}

/* ---------------------------------------------------------------------------------------- names */

static bool same_name(struct cairn_string a, struct cairn_string b)
{
	return index_name_compare(a, b) == 0;
}

static enum cairn_status sort_metadata(struct parse *parse)
{
	struct safetensors_pair *const pairs = parse->header.metadata;
	const uint64_t count = parse->header.metadata_count;
	uint32_t *order;

	if (count == 0)
		return CAIRN_OK;
	order = sort_order_by_name(parse->arena, &pairs->key, sizeof(*pairs), count);
	if (order == NULL)
		return error_set_memory(parse->error, "sorting metadata");
	sort_apply(pairs, count, sizeof(*pairs), order);
	for (uint64_t i = 1; i < count; i++) {
		if (same_name(pairs[i - 1].key, pairs[i].key))
			return error_set(parse->error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
					 "metadata key %s is there twice",
					 quote(pairs[i].key).text);
	}
	return CAIRN_OK;
}

static enum cairn_status twice(const struct parse *parse, const struct safetensors_tensor *a,
			       const struct safetensors_tensor *b)
{
	const bool a_first = a->key_offset < b->key_offset;
	const uint32_t first = a_first ? a->key_offset : b->key_offset;
	const uint32_t second = a_first ? b->key_offset : a->key_offset;

	return error_set(parse->error, CAIRN_CORRUPT, second,
			 "tensor %s is there twice, at offsets %" PRIu32 " and %" PRIu32,
			 quote(a->name).text, first, second);
}

static enum cairn_status sort_names(struct parse *parse)
{
	struct safetensors_header *const header = &parse->header;
	const struct safetensors_tensor *const tensors = header->tensors;
	uint32_t *const order = sort_order_by_name(parse->arena, &tensors->name, sizeof(*tensors),
						   header->tensor_count);

	if (order == NULL)
		return error_set_memory(parse->error, "sorting names");
	for (uint64_t i = 1; i < header->tensor_count; i++) {
		if (same_name(tensors[order[i - 1]].name, tensors[order[i]].name))
			return twice(parse, &tensors[order[i - 1]], &tensors[order[i]]);
	}
	header->name_order = order;
	return CAIRN_OK;
}

/* --------------------------------------------------------------------------------------- layout */

static int compare_ranges(const void *a, const void *b)
{
	const struct safetensors_tensor *const left = a;
	const struct safetensors_tensor *const right = b;

	if (left->begin != right->begin)
		return left->begin < right->begin ? -1 : 1;
	return (left->end > right->end) - (left->end < right->end);
}

static enum cairn_status sort_ranges(struct parse *parse)
{
	struct safetensors_tensor *const tensors = parse->header.tensors;
	const uint64_t count = parse->header.tensor_count;
	uint32_t *const order = sort_order(parse->arena, tensors, count, sizeof(*tensors),
					   compare_ranges);

	if (order == NULL)
		return error_set_memory(parse->error, "sorting tensors");
	sort_apply(tensors, count, sizeof(*tensors), order);
	return CAIRN_OK;
}

/* The tensor begins where the one before it ended. Both offsets are untrusted. */
static enum cairn_status check_place(const struct safetensors_tensor *tensor, uint64_t previous_end,
				     uint64_t data_offset, struct cairn_error *error)
{
	if (tensor->begin > previous_end)
		return error_set(error, CAIRN_CORRUPT, data_offset + previous_end,
				 "begins at %" PRIu64
				 " of the data, but what is before it ends at %" PRIu64
				 ": a hole of %" PRIu64 " bytes",
				 tensor->begin, previous_end, tensor->begin - previous_end);
	if (tensor->begin < previous_end)
		return error_set(error, CAIRN_CORRUPT, data_offset + tensor->begin,
				 "begins at %" PRIu64
				 " of the data, but what is before it ends at %" PRIu64
				 ": an overlap of %" PRIu64 " bytes",
				 tensor->begin, previous_end, previous_end - tensor->begin);
	if (tensor->end < tensor->begin)
		return error_set(error, CAIRN_CORRUPT, data_offset + tensor->begin,
				 "ends at %" PRIu64 " of the data before it begins at %" PRIu64,
				 tensor->end, tensor->begin);
	return CAIRN_OK;
}

/* Bits of the shape, multiplied in the official reader's order, which decides what overflows. */
static bool count_bits(const struct safetensors_tensor *tensor, uint64_t *bits)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(tensor->dtype);
	uint64_t product = 1;

	for (uint32_t d = 0; d < tensor->rank; d++) {
		if (!checked_multiply(product, tensor->dims[d], &product))
			return false;
	}
	return checked_multiply(product, 8 * (uint64_t)info->block_bytes / info->block_elements,
				bits);
}

static enum cairn_status check_size(const struct safetensors_tensor *tensor, uint64_t data_offset,
				    struct cairn_error *error)
{
	const char *const dtype = dtype_safetensors_name(tensor->dtype);
	const uint64_t offset = data_offset + tensor->begin;
	const uint64_t size = tensor->end - tensor->begin;
	uint64_t bits = 0;
	uint64_t elements;

	if (!count_bits(tensor, &bits))
		return error_set(error, CAIRN_CORRUPT, offset,
				 "the size of its shape as %s overflows 64 bits", dtype);
	if (bits % 8 != 0)
		return error_set(error, CAIRN_CORRUPT, offset,
				 "%" PRIu64 " bits of %s end within a byte", bits, dtype);
	if (bits / 8 != size)
		return error_set(error, CAIRN_CORRUPT, offset,
				 "data_offsets %" PRIu64 " to %" PRIu64 " hold %" PRIu64
				 " bytes, but its shape as %s needs %" PRIu64,
				 tensor->begin, tensor->end, size, dtype, bits / 8);
	return shape_elements(tensor->rank, tensor->dims, &elements, error);
}

static enum cairn_status check_end(uint64_t data_offset, uint64_t end, uint64_t file_size,
				   struct cairn_error *error)
{
	const uint64_t data_size = file_size - data_offset;

	if (end > data_size)
		return error_set(error, CAIRN_TRUNCATED, file_size,
				 "the tensors end at %" PRIu64
				 " of the data, but the file has only %" PRIu64 " bytes of it",
				 end, data_size);
	if (end < data_size)
		return error_set(error, CAIRN_CORRUPT, data_offset + end,
				 "the tensors end at %" PRIu64
				 " of the data, but the file has %" PRIu64 " bytes of it: %" PRIu64
				 " bytes belong to no tensor",
				 end, data_size, data_size - end);
	return CAIRN_OK;
}

static enum cairn_status check_layout(const struct parse *parse, uint64_t file_size)
{
	const struct safetensors_header *const header = &parse->header;
	uint64_t end = 0;

	for (uint64_t i = 0; i < header->tensor_count; i++) {
		const struct safetensors_tensor *const tensor = &header->tensors[i];
		enum cairn_status status;

		status = check_place(tensor, end, header->data_offset, parse->error);
		if (status == CAIRN_OK)
			status = check_size(tensor, header->data_offset, parse->error);
		if (status != CAIRN_OK)
			return error_prefix_tensor(parse->error, status, tensor->name);
		end = tensor->end;
	}
	return check_end(header->data_offset, end, file_size, parse->error);
}

enum cairn_status safetensors_parse(struct arena *arena, const char *json, uint64_t header_size,
				    uint64_t file_size, struct safetensors_header *header,
				    struct cairn_error *error)
{
	struct parse parse = {.arena = arena,
			      .last_dtype_name = {"U8", 2},
			      .last_dtype = CAIRN_U8,
			      .error = error};
	enum cairn_status status = check_header_size(header_size, file_size, error);

	if (status != CAIRN_OK)
		return status;
	parse.header.data_offset = SAFETENSORS_PREFIX_SIZE + header_size;
	json_init(&parse.json, json, header_size, SAFETENSORS_PREFIX_SIZE);
	status = allocate_tensors(&parse, json, header_size);
	if (status == CAIRN_OK)
		status = parse_members(&parse);
	if (status == CAIRN_OK)
		status = sort_metadata(&parse);
	if (status == CAIRN_OK)
		status = sort_ranges(&parse);
	if (status == CAIRN_OK)
		status = sort_names(&parse);
	if (status == CAIRN_OK)
		status = check_layout(&parse, file_size);
	if (status == CAIRN_OK)
		*header = parse.header;
	return status;
}
