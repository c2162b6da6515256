#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "hypervisor/kvm/kvm.h"

static void explains(int code, const char *vendor, const char *expected)
{
	struct error err = {0};

	cr_assert_eq(kvm_explain(code, vendor, &err), code);
	cr_assert(strstr(err.text, "/dev/kvm"), "%s", err.text);
	cr_assert(strstr(err.text, expected), "%s", err.text);
}

Test(kvm, missing_module_is_named)
{
	explains(-ENOENT, "AMD SVM", "modprobe kvm-amd");
	explains(-ENODEV, "Intel VMX", "modprobe kvm-intel");
}

Test(kvm, cpu_without_virtualization_is_told_from_a_missing_module)
{
	explains(-ENOENT, NULL, "firmware");
	explains(-ENXIO, NULL, "nested virtualization");
}

Test(kvm, missing_permission_says_which_group)
{
	explains(-EACCES, "AMD SVM", "usermod -aG kvm ");
	explains(-EPERM, NULL, "usermod -aG kvm ");
}

Test(kvm, other_causes_are_passed_on)
{
	explains(-EMFILE, NULL, "Too many open files");
}

Test(kvm, hardware_is_named_when_there_is_some)
{
	const char *vendor = "unset";
	bool hardware = kvm_hardware(&vendor);

	cr_assert_eq(hardware, vendor != NULL);
}
