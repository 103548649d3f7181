/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every Check suite needs: a runner, and assertions about statuses that say the message.
 */
#ifndef CAIRN_TESTS_SUITE_H
#define CAIRN_TESTS_SUITE_H

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <cairn/error.h>

/* The error record that calls inside the assertions below are given. */
extern struct cairn_error test_error;

/* Begins a call that fills test_error. */
void test_error_reset(void);

/* Runs a suite as CK_* variables say; what main returns. */
int run_suite(Suite *suite);

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The call, which passes &test_error, returns `expected`. */
#define ASSERT_STATUS(call, expected)                                                              \
 do {                                                                                              \
  enum cairn_status assert_status_found;                                                           \
  test_error_reset();                                                                              \
  assert_status_found = (call);                                                                    \
  ck_assert_msg(assert_status_found == (expected), "%s: %s instead of %s: %s", #call,              \
		cairn_status_name(assert_status_found), cairn_status_name(expected),               \
		test_error.message);                                                               \
 } while (0)

#define ASSERT_OK(call) ASSERT_STATUS(call, CAIRN_OK)

/* The call fails with that status and says that text; the record agrees with the status. */
#define ASSERT_FAILS(call, expected, part)                                                         \
 do {                                                                                              \
  ASSERT_STATUS(call, expected);                                                                   \
  ck_assert_int_eq(test_error.code, (expected));                                                   \
  ck_assert_msg(strstr(test_error.message, (part)) != NULL, "%s: no '%s' in: %s", #call, (part),   \
		test_error.message);                                                               \
 } while (0)

#endif
