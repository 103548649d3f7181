/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Savers: what they are made of is checked here, once, so that saving and restoring need not doubt
 * it: names are UTF-8 and clash nowhere, parts lie in their shape, sizes fit.
 */
#include "engine/train/saver.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/read/reader.h"
#include "format/bytes.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/shape.h"
#include "format/sort.h"
#include "format/utf8.h"

#define ARENA_SIZE_MAX ((size_t)1 << 40)

#define MAX_TO_KEEP_DEFAULT 5
#define HOURS_DEFAULT       10000.0
#define SECONDS_PER_HOUR    3600.0
#define NS_PER_SECOND       1e9

double saver_now(const struct cairn_saver *saver)
{
	return (double)system_wall_clock(saver->system) / NS_PER_SECOND;
}

/* ------------------------------------------------------------------------------------ variables */

static enum cairn_status refuse(struct cairn_string name, const char *why,
				struct cairn_error *error)
{
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET, "variable %s: %s",
			 quote(name).text, why);
}

static enum cairn_status check_given(const struct cairn_saver_variable *given,
				     struct cairn_error *error)
{
	const struct cairn_variable *const variable = given->variable;

	if (given->name.size > CAIRN_NAME_SIZE_MAX ||
	    (given->name.data == NULL && given->name.size != 0) ||
	    !utf8_valid(given->name.data, given->name.size))
		return refuse(given->name, "the name is not UTF-8, or too long", error);
	if (variable == NULL)
		return refuse(given->name, "no variable", error);
	if (cairn_dtype_info(variable->dtype) == NULL || dtype_is_metadata_only(variable->dtype))
		return refuse(given->name, "not the type of a tensor", error);
	if (variable->rank > CAIRN_RANK_MAX || (variable->rank != 0 && variable->dims == NULL))
		return refuse(given->name, "a rank over the limit, or no dims", error);
	if ((variable->starts == NULL) != (variable->lengths == NULL) ||
	    (variable->starts != NULL && variable->rank == 0))
		return refuse(given->name, "starts and lengths of a part go together", error);
	if (variable->data == NULL && variable->produce == NULL && variable->assign == NULL)
		return refuse(given->name, "neither memory nor callbacks", error);
	if (variable->produce != NULL && dtype_is_variable(variable->dtype))
		return refuse(given->name, "strings are not produced", error);
	return CAIRN_OK;
}

/* Elements and bytes of the part, or the whole. */
static enum cairn_status measure(struct saver_variable *own, uint64_t *lengths,
				 struct cairn_error *error)
{
	const struct cairn_variable *const variable = &own->variable;
	const struct cairn_dtype_info *const info = cairn_dtype_info(variable->dtype);
	const struct packing packing = {info->block_elements, info->block_bytes,
					dtype_packing(variable->dtype)};
	const uint64_t *shape = variable->dims;
	uint64_t starts[CAIRN_RANK_MAX];
	uint64_t whole;
	enum cairn_status status = shape_elements(variable->rank, variable->dims, &whole, error);

	if (status == CAIRN_OK && variable->starts != NULL) {
		memcpy(starts, variable->starts, variable->rank * sizeof(*starts));
		memcpy(lengths, variable->lengths, variable->rank * sizeof(*lengths));
		status = shape_resolve_slice(variable->rank, variable->dims, starts, lengths,
					     error);
		shape = lengths;
	}
	if (status == CAIRN_OK)
		status = shape_elements(variable->rank, shape, &own->element_count, error);
	if (status == CAIRN_OK && info->block_bytes != 0)
		status = shape_bytes(&packing, variable->rank, shape, &own->size, error);
	return status;
}

static enum cairn_status check_shape(struct saver_variable *own, struct cairn_error *error)
{
	uint64_t lengths[CAIRN_RANK_MAX];

	if (measure(own, lengths, error) == CAIRN_OK)
		return CAIRN_OK;
	return error_prefix_tensor(error, CAIRN_INVALID_ARGUMENT, own->name);
}

static bool copy_dims(struct arena *arena, uint32_t rank, const uint64_t **dims)
{
	if (*dims != NULL)
		*dims = arena_copy(arena, *dims, rank * sizeof(uint64_t));
	else
		return true;
	return *dims != NULL;
}

static enum cairn_status copy_variable(struct cairn_saver *saver,
				       const struct cairn_saver_variable *given,
				       struct saver_variable **result, struct cairn_error *error)
{
	struct arena *const arena = &saver->arena;
	const char *const device = given->device == NULL ? "" : given->device;
	struct saver_variable *const own = arena_allocate_array(arena, 1, sizeof(*own));
	struct cairn_variable *const variable = own == NULL ? NULL : &own->variable;

	if (own == NULL)
		return error_set_memory(error, "a variable");
	*variable = *given->variable;
	own->given = given->variable;
	own->name = (struct cairn_string){
		arena_copy(arena, given->name.size == 0 ? "" : given->name.data, given->name.size),
		given->name.size};
	own->device = arena_copy(arena, device, strlen(device) + 1);
	if (own->name.data == NULL || own->device == NULL ||
	    !copy_dims(arena, variable->rank, &variable->dims) ||
	    !copy_dims(arena, variable->rank, &variable->starts) ||
	    !copy_dims(arena, variable->rank, &variable->lengths))
		return error_set_memory(error, "a variable");
	*result = own;
	return check_shape(own, error);
}

struct quoted saver_variable_name(const struct saver_variable *variable)
{
	struct quoted name = quote(variable->name);
	const size_t used = strlen(name.text);

	if (variable->variable.starts != NULL)
		snprintf(name.text + used, sizeof(name.text) - used, " (part at %" PRIu64 ")",
			 variable->variable.starts[0]);
	return name;
}

/* -------------------------------------------------------------------------------------- clashes */

static int compare_strings(struct cairn_string a, struct cairn_string b)
{
	const size_t shorter = a.size < b.size ? a.size : b.size;
	const int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);

	if (order != 0)
		return order;
	return (a.size > b.size) - (a.size < b.size);
}

static int by_name(const void *a, const void *b)
{
	return compare_strings(((const struct saver_variable *)a)->name,
			       ((const struct saver_variable *)b)->name);
}

static int by_device(const void *a, const void *b)
{
	return strcmp(((const struct saver_variable *)a)->device,
		      ((const struct saver_variable *)b)->device);
}

static int by_identity(const void *a, const void *b)
{
	const uintptr_t left = (uintptr_t)((const struct saver_variable *)a)->given;
	const uintptr_t right = (uintptr_t)((const struct saver_variable *)b)->given;

	return (left > right) - (left < right);
}

/* What is empty has no memory to share. */
static uintptr_t memory_of(const struct saver_variable *own)
{
	return own->size == 0 ? 0 : (uintptr_t)own->variable.data;
}

static int by_memory(const void *a, const void *b)
{
	const uintptr_t left = memory_of(a);
	const uintptr_t right = memory_of(b);

	return (left > right) - (left < right);
}

static bool same_dims(const uint64_t *a, const uint64_t *b, uint32_t rank)
{
	return rank == 0 || memcmp(a, b, rank * sizeof(*a)) == 0;
}

/* Two with one name: parts of one variable, or a mistake. */
static enum cairn_status check_namesakes(const struct saver_variable *first,
					 const struct saver_variable *second,
					 struct cairn_error *error)
{
	const struct cairn_variable *const a = &first->variable;
	const struct cairn_variable *const b = &second->variable;

	if (a->starts == NULL && b->starts == NULL)
		return refuse(first->name, "at least two variables have this name", error);
	if (a->starts == NULL || b->starts == NULL)
		return refuse(first->name, "parts and a whole variable have this name", error);
	if (a->dtype != b->dtype || a->rank != b->rank || !same_dims(a->dims, b->dims, a->rank))
		return refuse(first->name, "its parts differ in dtype or shape of the whole",
			      error);
	if (same_dims(a->starts, b->starts, a->rank) && same_dims(a->lengths, b->lengths, a->rank))
		return refuse(first->name, "one part is given twice", error);
	return CAIRN_OK;
}

static enum cairn_status check_names(const struct cairn_saver *saver, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 1; i < saver->variable_count && status == CAIRN_OK; i++) {
		const struct saver_variable *const first = saver->variables[i - 1];
		const struct saver_variable *const second = saver->variables[i];

		if (compare_strings(first->name, second->name) == 0)
			status = check_namesakes(first, second, error);
	}
	return status;
}

static bool is_one_variable(const struct saver_variable *a, const struct saver_variable *b)
{
	return a->given == b->given || (memory_of(a) != 0 && memory_of(a) == memory_of(b));
}

/* One variable under two names: which value would it get? */
static enum cairn_status check_identities(const struct cairn_saver *saver,
					  struct saver_variable **sorted, void **scratch,
					  int (*order)(const void *a, const void *b),
					  struct cairn_error *error)
{
	memcpy(sorted, saver->variables, saver->variable_count * sizeof(*sorted));
	sort_pointers((void **)sorted, scratch, saver->variable_count, order);
	for (uint64_t i = 1; i < saver->variable_count; i++) {
		if (is_one_variable(sorted[i - 1], sorted[i]))
			return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
					 "one variable would be restored with two names, %s and %s",
					 quote(sorted[i - 1]->name).text,
					 quote(sorted[i]->name).text);
	}
	return CAIRN_OK;
}

/* ---------------------------------------------------------------------------------------- build */

static void number_shards(struct cairn_saver *saver, struct saver_variable **by_shard)
{
	uint32_t shard = 0;

	for (uint64_t i = 0; i < saver->variable_count; i++) {
		if (i != 0 && by_device(by_shard[i - 1], by_shard[i]) != 0)
			shard++;
		by_shard[i]->shard = shard;
	}
	saver->shard_count = shard + 1;
}

static enum cairn_status share_out(struct cairn_saver *saver, struct saver_variable **sorted,
				   void **scratch, struct cairn_error *error)
{
	saver->shard_count = 1;
	if (!saver->def.sharded || saver->variable_count == 0)
		return CAIRN_OK;
	memcpy(sorted, saver->variables, saver->variable_count * sizeof(*sorted));
	sort_pointers((void **)sorted, scratch, saver->variable_count, by_device);
	number_shards(saver, sorted);
	if (saver->shard_count > CAIRN_RANK_COUNT_MAX)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu32 " devices, more than %u", saver->shard_count,
				 CAIRN_RANK_COUNT_MAX);
	return CAIRN_OK;
}

static enum cairn_status copy_variables(struct cairn_saver *saver,
					const struct cairn_saver_variable *variables,
					uint64_t count, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	saver->variables = arena_allocate_array(&saver->arena, count, sizeof(*saver->variables));
	if (saver->variables == NULL)
		return error_set_memory(error, "the variables");
	for (uint64_t i = 0; i < count && status == CAIRN_OK; i++) {
		status = check_given(&variables[i], error);
		if (status == CAIRN_OK)
			status = copy_variable(saver, &variables[i], &saver->variables[i], error);
	}
	saver->variable_count = count;
	return status;
}

static enum cairn_status check_variables(struct cairn_saver *saver, struct cairn_error *error)
{
	const uint64_t count = saver->variable_count;
	struct saver_variable **const sorted = arena_allocate_array(&saver->arena, count,
								    sizeof(*sorted));
	void **const scratch = arena_allocate_array(&saver->arena, count, sizeof(*scratch));
	enum cairn_status status;

	if (sorted == NULL || scratch == NULL)
		return error_set_memory(error, "the order of the variables");
	sort_pointers((void **)saver->variables, scratch, count, by_name);
	if ((status = check_names(saver, error)) != CAIRN_OK ||
	    (status = check_identities(saver, sorted, scratch, by_identity, error)) != CAIRN_OK ||
	    (status = check_identities(saver, sorted, scratch, by_memory, error)) != CAIRN_OK)
		return status;
	return share_out(saver, sorted, scratch, error);
}

static enum cairn_status build(struct cairn_saver *saver,
			       const struct cairn_saver_variable *variables, uint64_t count,
			       struct cairn_error *error)
{
	enum cairn_status status;

	if (count == 0 && saver->options.allow_empty == 0)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no variables to save");
	if (variables == NULL && count != 0)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " variables, but none are given", count);
	status = copy_variables(saver, variables, count, error);
	if (status == CAIRN_OK)
		status = check_variables(saver, error);
	if (status != CAIRN_OK) {
		saver->variable_count = 0;
		return status;
	}
	saver->next_checkpoint_time = saver_now(saver) +
				      (double)saver->def.keep_checkpoint_every_n_hours *
					      SECONDS_PER_HOUR;
	saver->built = true;
	return CAIRN_OK;
}

enum cairn_status saver_check_built(const struct cairn_saver *saver, struct cairn_error *error)
{
	return saver->built ? CAIRN_OK
			    : error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
					"a deferred saver was not built: cairn_saver_build comes "
					"before saving and restoring");
}

enum cairn_status cairn_saver_build(struct cairn_saver *saver,
				    const struct cairn_saver_variable *variables, uint64_t count,
				    struct cairn_error *error)
{
	return saver->built ? CAIRN_OK : build(saver, variables, count, error);
}

/* -------------------------------------------------------------------------------------- options */

/* What a Saver calls the node that its save ends with. */
static const char *save_tensor_name(const struct cairn_saver_options *options)
{
	if (options->sharded == 0)
		return "save/control_dependency:0";
	return options->format == CAIRN_SAVER_TENSORFLOW_V1 ? "save/ShardedFilespec:0"
							    : "save/Identity:0";
}

/* As TensorFlow fills it in for a Saver that is alone in its graph. */
static void define(const struct cairn_saver_options *options, struct saver_def *def)
{
	const double hours = options->keep_checkpoint_every_n_hours;

	*def = (struct saver_def){
		.filename_tensor_name = cairn_string_from("save/Const:0"),
		.save_tensor_name = cairn_string_from(save_tensor_name(options)),
		.restore_op_name = cairn_string_from("save/restore_all"),
		.max_to_keep = options->max_to_keep,
		.sharded = options->sharded != 0,
		.keep_checkpoint_every_n_hours = (float)(hours == 0 ? HOURS_DEFAULT : hours),
		.version = options->format == CAIRN_SAVER_TENSORFLOW_V1 ? SAVER_V1 : SAVER_V2,
	};
	if (def->max_to_keep == 0)
		def->max_to_keep = MAX_TO_KEEP_DEFAULT;
	else if (def->max_to_keep == CAIRN_SAVER_KEEP_ALL)
		def->max_to_keep = 0;
}

static bool copy_string(struct arena *arena, struct cairn_string *string)
{
	string->data = arena_copy(arena, string->size == 0 ? "" : string->data, string->size);
	return string->data != NULL;
}

/* One that was written by somebody else. */
static enum cairn_status use_def(struct cairn_saver *saver, struct cairn_error *error)
{
	struct cairn_saver_options *const options = &saver->options;
	struct saver_def *const def = &saver->def;

	if (saver_def_parse((struct cairn_string){options->saver_def, options->saver_def_size}, def,
			    error) != CAIRN_OK)
		return error_prefix(error, CAIRN_INVALID_ARGUMENT, "saver_def");
	if (def->filename_tensor_name.size == 0 || def->save_tensor_name.size == 0 ||
	    def->restore_op_name.size == 0)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "the SaverDef lacks the name of its file, save or restore node");
	if (def->version > SAVER_V2)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "version %" PRIu32 " of the SaverDef is not known", def->version);
	options->format = def->version == SAVER_V2 ? CAIRN_SAVER_TENSORFLOW_V2
						   : CAIRN_SAVER_TENSORFLOW_V1;
	if (!copy_string(&saver->arena, &def->filename_tensor_name) ||
	    !copy_string(&saver->arena, &def->save_tensor_name) ||
	    !copy_string(&saver->arena, &def->restore_op_name))
		return error_set_memory(error, "a SaverDef");
	options->saver_def = NULL;
	options->sharded = def->sharded;
	return CAIRN_OK;
}

static enum cairn_status take_options(struct cairn_saver *saver,
				      const struct cairn_saver_options *given,
				      struct cairn_error *error)
{
	struct cairn_saver_options *const options = &saver->options;
	enum cairn_status status = CAIRN_OK;

	if (given != NULL)
		*options = *given;
	if ((options->size != 0 && options->size < sizeof(*options)) ||
	    options->format > CAIRN_SAVER_TENSORFLOW_V2)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "unknown saver options");
	define(options, &saver->def);
	if (options->saver_def != NULL)
		status = use_def(saver, error);
	if (status == CAIRN_OK &&
	    (saver->def.max_to_keep < 0 || isnan(saver->def.keep_checkpoint_every_n_hours)))
		status = error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				   "%" PRId32 " checkpoints to keep, or hours that are no number",
				   saver->def.max_to_keep);
	if (status != CAIRN_OK)
		return status;
	if (options->filename == NULL)
		options->filename = "model";
	options->filename = arena_copy(&saver->arena, options->filename,
				       strlen(options->filename) + 1);
	return options->filename == NULL ? error_set_memory(error, "a file name") : CAIRN_OK;
}

/* ------------------------------------------------------------------------------ create, destroy */

static enum cairn_status make(struct cairn_saver *saver,
			      const struct cairn_saver_variable *variables, uint64_t count,
			      const struct cairn_saver_options *options, struct cairn_error *error)
{
	const enum cairn_status status = take_options(saver, options, error);

	if (status != CAIRN_OK)
		return status;
	if (saver->options.defer_build == 0)
		return build(saver, variables, count, error);
	if (variables != NULL || count != 0)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "variables are given, and building is deferred: either");
	return CAIRN_OK;
}

enum cairn_status saver_create(struct system *system, const struct cairn_saver_variable *variables,
			       uint64_t count, const struct cairn_saver_options *options,
			       struct cairn_saver **result, struct cairn_error *error)
{
	struct cairn_saver *const saver = system_allocate_zeroed(system, sizeof(*saver));
	enum cairn_status status;

	if (saver == NULL)
		return error_set_memory(error, "a saver");
	saver->system = system;
	arena_init(&saver->arena, reader_arena_source(system), ARENA_SIZE_MAX);
	status = make(saver, variables, count, options, error);
	if (status == CAIRN_OK)
		*result = saver;
	else
		cairn_saver_destroy(saver);
	return status;
}

enum cairn_status cairn_saver_create(const struct cairn_saver_variable *variables, uint64_t count,
				     const struct cairn_saver_options *options,
				     struct cairn_saver **saver, struct cairn_error *error)
{
	return saver_create(system_posix(), variables, count, options, saver, error);
}

void cairn_saver_destroy(struct cairn_saver *saver)
{
	struct system *system;

	if (saver == NULL)
		return;
	system = saver->system;
	saver_list_fini(system, &saver->kept);
	saver_list_fini(system, &saver->leaving);
	arena_fini(&saver->arena);
	system_free(system, saver);
}
