/* SPDX-License-Identifier: Apache-2.0 */
/* The runner of every suite, and the record that the assertions look at. */
#include "tests/support/suite.h"

struct cairn_error test_error;

void test_error_reset(void)
{
	memset(&test_error, 0, sizeof(test_error));
	test_error.offset = CAIRN_ERROR_NO_OFFSET;
}

int run_suite(Suite *suite)
{
	SRunner *const runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
