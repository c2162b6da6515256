/* Criterion's main, but for hosts that refuse the namespaces of a jail, and for the process in it. */
#include <criterion/criterion.h>
#include <string.h>

#include "jailed.h"

#define EXIT_SKIPPED 77 /* ctest's SKIP_RETURN_CODE */

int main(int argc, char **argv)
{
	struct criterion_test_set *tests;
	int result = 0;

	if (argc == 2 && strcmp(argv[1], JAILED_ARGUMENT) == 0)
		jailed_main();
	if (!jailed_possible())
		return EXIT_SKIPPED;
	tests = criterion_initialize();
	if (criterion_handle_args(argc, argv, true))
		result = !criterion_run_all_tests(tests);
	criterion_finalize(tests);
	return result;
}
