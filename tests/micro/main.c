/* Criterion's main, but for machines where there is nothing to run on. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "hypervisor/kvm/kvm.h"

#define EXIT_SKIPPED 77 /* ctest's SKIP_RETURN_CODE */

int main(int argc, char **argv)
{
	struct criterion_test_set *tests;
	struct error err;
	struct kvm kvm;
	int result = 0;

	int device = kvm_device_open(&err);

	if (device < 0 || kvm_open(&kvm, device, &err) < 0) {
		printf("skipped: %s\n", err.text);
		return EXIT_SKIPPED;
	}
	kvm_close(&kvm);
	tests = criterion_initialize();
	if (criterion_handle_args(argc, argv, true))
		result = !criterion_run_all_tests(tests);
	criterion_finalize(tests);
	return result;
}
