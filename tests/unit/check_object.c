/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of a program: kinds, references, children, slot variables; what is refused; and all of
 * it where memory fails.
 */
#include <errno.h>
#include <stdio.h>

#include "engine/train/object.h"
#include "tests/support/build.h"
#include "tests/support/suite.h"

static struct scene scene;

static void set_up(void)
{
	scene_open(&scene);
}

static void tear_down(void)
{
	scene_close(&scene);
}

static struct cairn_object *make(enum cairn_object_kind kind)
{
	struct cairn_object *object;

	ASSERT_OK(object_create(scene.system, kind, &object, &test_error));
	return object;
}

static struct cairn_object *make_scalar(float *value)
{
	const struct cairn_variable variable = {.dtype = CAIRN_F32, .data = value};
	struct cairn_object *object;

	ASSERT_OK(object_create_variable(scene.system, &variable, NULL, &object, &test_error));
	return object;
}

static void assert_name(struct cairn_object *object, uint64_t index, const char *expected)
{
	struct cairn_string name = {NULL, 0};

	ck_assert_ptr_nonnull(cairn_object_child_at(object, index, &name));
	ck_assert_uint_eq(name.size, strlen(expected));
	ck_assert(memcmp(name.data, expected, name.size) == 0);
}

/* ------------------------------------------------------------------------------------- children */

START_TEST(children_are_found_by_name_and_by_number)
{
	struct cairn_object *const parent = make(CAIRN_OBJECT_MODULE);
	struct cairn_object *children[100];
	char name[16];

	for (size_t i = 0; i < COUNT_OF(children); i++) {
		snprintf(name, sizeof(name), "child%zu", i);
		children[i] = make(CAIRN_OBJECT_DICT);
		ASSERT_OK(cairn_object_set(parent, name, children[i], &test_error));
		cairn_object_release(children[i]);
	}
	ck_assert_uint_eq(cairn_object_child_count(parent), COUNT_OF(children));
	for (size_t i = 0; i < COUNT_OF(children); i++) {
		snprintf(name, sizeof(name), "child%zu", i);
		ck_assert_ptr_eq(cairn_object_child(parent, name), children[i]);
		ck_assert_ptr_eq(cairn_object_child_at(parent, i, NULL), children[i]);
		assert_name(parent, i, name);
	}
	ck_assert_ptr_null(cairn_object_child(parent, "child"));
	ck_assert_ptr_null(cairn_object_child_at(parent, COUNT_OF(children), NULL));
	cairn_object_release(parent);
}
END_TEST

START_TEST(a_name_may_hold_anything_that_is_text)
{
	static const struct cairn_string names[] = {{"", 0}, {"a/b", 3}, {"a\0b", 3}, {"..", 2}};
	struct cairn_object *const parent = make(CAIRN_OBJECT_DICT);
	struct cairn_object *const child = make(CAIRN_OBJECT_MODULE);

	for (size_t i = 0; i < COUNT_OF(names); i++)
		ASSERT_OK(cairn_object_set_string(parent, names[i], child, &test_error));
	ck_assert_uint_eq(cairn_object_child_count(parent), COUNT_OF(names));
	for (size_t i = 0; i < COUNT_OF(names); i++)
		ck_assert_ptr_eq(object_child(parent, names[i]), child);
	ASSERT_FAILS(cairn_object_set(parent, "\xff", child, &test_error), CAIRN_INVALID_ARGUMENT,
		     "not UTF-8");
	ASSERT_FAILS(cairn_object_set(parent, NULL, child, &test_error), CAIRN_INVALID_ARGUMENT,
		     "without a name");
	ASSERT_FAILS(cairn_object_set(parent, "x", NULL, &test_error), CAIRN_INVALID_ARGUMENT,
		     "no object");
	cairn_object_release(child);
	cairn_object_release(parent);
}
END_TEST

START_TEST(a_child_is_replaced_in_its_place)
{
	struct cairn_object *const parent = make(CAIRN_OBJECT_MODULE);
	struct cairn_object *const one = make(CAIRN_OBJECT_MODULE);
	struct cairn_object *const two = make(CAIRN_OBJECT_MODULE);

	ASSERT_OK(cairn_object_set(parent, "a", one, &test_error));
	ASSERT_OK(cairn_object_set(parent, "b", one, &test_error));
	ASSERT_OK(cairn_object_set(parent, "a", two, &test_error));
	ck_assert_ptr_eq(cairn_object_child_at(parent, 0, NULL), two);
	ck_assert_uint_eq(cairn_object_child_count(parent), 2);
	ASSERT_OK(cairn_object_set(parent, "a", two, &test_error)); /* by itself */
	ck_assert_ptr_eq(cairn_object_child(parent, "a"), two);
	cairn_object_release(one);
	cairn_object_release(two);
	cairn_object_release(parent);
}
END_TEST

START_TEST(a_removed_child_leaves_the_others_where_they_are_found)
{
	struct cairn_object *const parent = make(CAIRN_OBJECT_DICT);
	struct cairn_object *const child = make(CAIRN_OBJECT_MODULE);

	ASSERT_OK(cairn_object_set(parent, "a", child, &test_error));
	ASSERT_OK(cairn_object_set(parent, "b", child, &test_error));
	ASSERT_OK(cairn_object_set(parent, "c", child, &test_error));
	ASSERT_OK(cairn_object_remove(parent, "b", &test_error));
	ck_assert_uint_eq(cairn_object_child_count(parent), 2);
	ck_assert_ptr_null(cairn_object_child(parent, "b"));
	ck_assert_ptr_eq(cairn_object_child(parent, "a"), child);
	ck_assert_ptr_eq(cairn_object_child(parent, "c"), child);
	assert_name(parent, 1, "c");
	ASSERT_FAILS(cairn_object_remove(parent, "b", &test_error), CAIRN_NOT_FOUND, "'b'");
	cairn_object_release(child);
	cairn_object_release(parent);
}
END_TEST

START_TEST(elements_of_lists_are_called_by_their_numbers)
{
	struct cairn_object *const list = make(CAIRN_OBJECT_LIST);
	struct cairn_object *const tuple = make(CAIRN_OBJECT_TUPLE);
	struct cairn_object *const module = make(CAIRN_OBJECT_MODULE);
	struct cairn_object *const child = make(CAIRN_OBJECT_DICT);

	for (unsigned i = 0; i < 12; i++)
		ASSERT_OK(cairn_object_append(list, child, &test_error));
	assert_name(list, 0, "0");
	assert_name(list, 11, "11");
	ASSERT_FAILS(cairn_object_set(list, "12", child, &test_error), CAIRN_INVALID_ARGUMENT,
		     "append to it");
	ASSERT_FAILS(cairn_object_remove(list, "11", &test_error), CAIRN_INVALID_ARGUMENT,
		     "cannot be removed");
	ASSERT_FAILS(cairn_object_append(module, child, &test_error), CAIRN_INVALID_ARGUMENT,
		     "only lists");
	ASSERT_OK(cairn_object_append(tuple, child, &test_error));
	ASSERT_OK(cairn_object_set(tuple, "field", child, &test_error));
	assert_name(tuple, 1, "field");
	cairn_object_release(child);
	cairn_object_release(module);
	cairn_object_release(tuple);
	cairn_object_release(list);
}
END_TEST

START_TEST(a_long_chain_is_freed_without_a_stack)
{
	struct cairn_object *const first = make(CAIRN_OBJECT_MODULE);
	struct cairn_object *last = first;

	for (unsigned i = 0; i < 50000; i++) {
		struct cairn_object *const next = make(CAIRN_OBJECT_MODULE);

		ASSERT_OK(cairn_object_set(last, "n", next, &test_error));
		cairn_object_release(next);
		last = next;
	}
	cairn_object_release(first);
}
END_TEST

START_TEST(a_circle_is_freed_when_it_is_broken)
{
	struct cairn_object *const a = make(CAIRN_OBJECT_MODULE);
	struct cairn_object *const b = make(CAIRN_OBJECT_MODULE);

	ASSERT_OK(cairn_object_set(a, "b", b, &test_error));
	ASSERT_OK(cairn_object_set(b, "a", a, &test_error));
	ASSERT_OK(cairn_object_set(a, "self", a, &test_error));
	ASSERT_OK(cairn_object_remove(b, "a", &test_error));
	ASSERT_OK(cairn_object_remove(a, "self", &test_error));
	cairn_object_release(b);
	cairn_object_release(a);
	cairn_object_release(NULL);
}
END_TEST

/* ---------------------------------------------------------------------------------------- kinds */

START_TEST(what_is_no_variable_is_refused)
{
	static const uint64_t dims[] = {2, UINT64_MAX};
	static float value;
	static const struct {
		struct cairn_variable variable;
		enum cairn_status status;
		const char *part;
	} cases[] = {
		{{.dtype = 77777, .data = &value}, CAIRN_INVALID_ARGUMENT, "unknown dtype"},
		{{.dtype = CAIRN_NULL, .data = &value}, CAIRN_INVALID_ARGUMENT, "unknown dtype"},
		{{.dtype = CAIRN_F32}, CAIRN_INVALID_ARGUMENT, "neither data nor callbacks"},
		{{.dtype = CAIRN_F32, .rank = 255, .dims = dims, .data = &value},
		 CAIRN_INVALID_ARGUMENT,
		 "too many dimensions"},
		{{.dtype = CAIRN_F32, .rank = 1, .data = &value},
		 CAIRN_INVALID_ARGUMENT,
		 "no dims"},
		{{.dtype = CAIRN_F32, .rank = 1, .dims = dims, .starts = dims, .data = &value},
		 CAIRN_INVALID_ARGUMENT,
		 "is a part"},
		{{.dtype = CAIRN_F32, .rank = 2, .dims = dims, .data = &value}, CAIRN_LIMIT, ""},
	};
	struct cairn_object *object = NULL;

	ASSERT_FAILS(object_create_variable(scene.system, &cases[_i].variable, NULL, &object,
					    &test_error),
		     cases[_i].status, cases[_i].part);
	ck_assert_ptr_null(object);
}
END_TEST

START_TEST(kinds_are_made_as_they_are_meant)
{
	struct cairn_object *object = NULL;

	for (int kind = CAIRN_OBJECT_VARIABLE; kind <= CAIRN_OBJECT_STATE + 1; kind++)
		ASSERT_FAILS(object_create(scene.system, (enum cairn_object_kind)kind, &object,
					   &test_error),
			     CAIRN_INVALID_ARGUMENT, "by its kind alone");
	ASSERT_FAILS(object_create_state(scene.system, NULL, NULL, NULL, &object, &test_error),
		     CAIRN_INVALID_ARGUMENT, "both of its callbacks");
	object = make(CAIRN_OBJECT_TUPLE);
	ck_assert_int_eq(cairn_object_kind(object), CAIRN_OBJECT_TUPLE);
	cairn_object_release(object);
}
END_TEST

/* ---------------------------------------------------------------------------------------- slots */

START_TEST(slot_variables_are_found_by_variable_and_name)
{
	float value = 0;
	struct cairn_object *const v = make_scalar(&value);
	struct cairn_object *const w = make_scalar(&value);
	struct cairn_object *const slot = make_scalar(&value);
	struct cairn_object *const other = make_scalar(&value);
	struct cairn_object *const module = make(CAIRN_OBJECT_MODULE);
	const struct cairn_string m = cairn_string_from("m");
	struct cairn_object_slot found;
	struct cairn_object *optimizer;

	ASSERT_OK(object_create_optimizer(scene.system, NULL, NULL, &optimizer, &test_error));
	ASSERT_OK(cairn_object_set_slot(optimizer, "m", v, slot, &test_error));
	ck_assert_ptr_eq(object_slot(optimizer, v, m), slot);
	ck_assert_ptr_null(object_slot(optimizer, w, m));
	ck_assert_ptr_null(object_slot(optimizer, v, cairn_string_from("v")));
	ASSERT_OK(cairn_object_set_slot(optimizer, "m", v, other, &test_error));
	ck_assert_uint_eq(cairn_object_slot_count(optimizer), 1);
	ASSERT_OK(cairn_object_slot_at(optimizer, 0, &found, &test_error));
	ck_assert_ptr_eq(found.variable, v);
	ck_assert_ptr_eq(found.slot, other);
	ck_assert_str_eq(found.name.data, "m");
	ASSERT_STATUS(cairn_object_slot_at(optimizer, 1, &found, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_FAILS(cairn_object_set_slot(module, "m", v, slot, &test_error),
		     CAIRN_INVALID_ARGUMENT, "only an optimizer");
	ASSERT_FAILS(cairn_object_set_slot(optimizer, "m", v, module, &test_error),
		     CAIRN_INVALID_ARGUMENT, "is a variable");
	ASSERT_FAILS(cairn_object_set_slot(optimizer, "m", NULL, slot, &test_error),
		     CAIRN_INVALID_ARGUMENT, "needs a variable");
	cairn_object_release(module);
	cairn_object_release(other);
	cairn_object_release(slot);
	cairn_object_release(w);
	cairn_object_release(v);
	cairn_object_release(optimizer);
}
END_TEST

/* --------------------------------------------------------------------------------------- memory */

/* Builds a little of everything; stops at the first failure. */
static enum cairn_status build_some(struct cairn_object *objects[6])
{
	static const uint64_t dims[] = {2};
	static float values[2];
	const struct cairn_variable variable = {
		.dtype = CAIRN_F32, .rank = 1, .dims = dims, .data = values};
	enum cairn_status status;

	status = object_create(scene.system, CAIRN_OBJECT_MODULE, &objects[0], &test_error);
	if (status == CAIRN_OK)
		status = object_create(scene.system, CAIRN_OBJECT_LIST, &objects[1], &test_error);
	if (status == CAIRN_OK)
		status = object_create_variable(scene.system, &variable, "v", &objects[2],
						&test_error);
	if (status == CAIRN_OK)
		status = object_create_variable(scene.system, &variable, "s", &objects[3],
						&test_error);
	if (status == CAIRN_OK)
		status = object_create_optimizer(scene.system, NULL, NULL, &objects[4],
						 &test_error);
	if (status == CAIRN_OK)
		status = object_create_counter(scene.system, &objects[5], &test_error);
	if (status == CAIRN_OK)
		status = cairn_object_set(objects[0], "list", objects[1], &test_error);
	if (status == CAIRN_OK)
		status = cairn_object_append(objects[1], objects[2], &test_error);
	if (status == CAIRN_OK)
		status = cairn_object_set_slot(objects[4], "m", objects[2], objects[3],
					       &test_error);
	return status;
}

START_TEST(memory_may_fail_anywhere)
{
	uint64_t number = 1;
	enum cairn_status status = CAIRN_NO_MEMORY;

	for (; status != CAIRN_OK; number++) {
		const struct memory_fault fault = {
			.call = MEMORY_CALL_ALLOCATE, .at = number, .error = ENOMEM};
		struct cairn_object *objects[6] = {NULL};

		memory_system_set_fault(scene.memory, 0, &fault);
		status = build_some(objects);
		memory_system_clear_faults(scene.memory);
		ck_assert(status == CAIRN_OK || status == CAIRN_NO_MEMORY);
		for (size_t i = 0; i < COUNT_OF(objects); i++)
			cairn_object_release(objects[i]);
		ck_assert(memory_system_is_clean(scene.memory));
	}
	ck_assert_uint_gt(number, 20);
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("object");
	TCase *const tests = tcase_create("objects");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, children_are_found_by_name_and_by_number);
	tcase_add_test(tests, a_name_may_hold_anything_that_is_text);
	tcase_add_test(tests, a_child_is_replaced_in_its_place);
	tcase_add_test(tests, a_removed_child_leaves_the_others_where_they_are_found);
	tcase_add_test(tests, elements_of_lists_are_called_by_their_numbers);
	tcase_add_test(tests, a_long_chain_is_freed_without_a_stack);
	tcase_add_test(tests, a_circle_is_freed_when_it_is_broken);
	tcase_add_loop_test(tests, what_is_no_variable_is_refused, 0, 7);
	tcase_add_test(tests, kinds_are_made_as_they_are_meant);
	tcase_add_test(tests, slot_variables_are_found_by_variable_and_name);
	tcase_add_test(tests, memory_may_fail_anywhere);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
