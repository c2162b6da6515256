/* Criterion's main, but for hosts that refuse the namespaces of a jail. */
#include <criterion/criterion.h>

#include "jailed.h"

#define EXIT_SKIPPED 77 /* ctest's SKIP_RETURN_CODE */

int main(int argc, char **argv)
{
	struct criterion_test_set *tests;
	int result = 0;

	if (!jailed_possible())
		return EXIT_SKIPPED;
	tests = criterion_initialize();
	if (criterion_handle_args(argc, argv, true))
		result = !criterion_run_all_tests(tests);
	criterion_finalize(tests);
	return result;
}
