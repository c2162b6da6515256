#include "hypervisor/kvm/kvm.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/util.h"
#include "hypervisor/x86_64/cpuid.h"

#define LEAF_FEATURES    0x1
#define LEAF_EXTENDED    0x80000001
#define FEATURES_ECX_VMX (1U << 5) /* Intel SDM volume 2A, CPUID, table 3-10 */
#define EXTENDED_ECX_SVM (1U << 2) /* AMD APM volume 3, E.4.2 */

#define VENDOR_INTEL "Intel VMX"
#define VENDOR_AMD   "AMD SVM"

/* What the machine is built on. All are in every kernel since 4.12. */
static const struct {
	int number;
	const char *name;
} extensions_needed[] = {
	{KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP"},
	{KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"},
	{KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR"},
	{KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID"},
	{KVM_CAP_IRQFD, "KVM_CAP_IRQFD"},
	{KVM_CAP_IOEVENTFD, "KVM_CAP_IOEVENTFD"},
	{KVM_CAP_IOEVENTFD_ANY_LENGTH, "KVM_CAP_IOEVENTFD_ANY_LENGTH"},
	{KVM_CAP_SIGNAL_MSI, "KVM_CAP_SIGNAL_MSI"},
	{KVM_CAP_SET_IDENTITY_MAP_ADDR, "KVM_CAP_SET_IDENTITY_MAP_ADDR"},
	{KVM_CAP_TSC_DEADLINE_TIMER, "KVM_CAP_TSC_DEADLINE_TIMER"},
	{KVM_CAP_DISABLE_QUIRKS, "KVM_CAP_DISABLE_QUIRKS"},
	{KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"},
};

bool kvm_hardware(const char **vendor)
{
	unsigned eax, ebx, ecx, edx;

	*vendor = NULL;
	if (__get_cpuid(LEAF_FEATURES, &eax, &ebx, &ecx, &edx) && (ecx & FEATURES_ECX_VMX))
		*vendor = VENDOR_INTEL;
	else if (__get_cpuid(LEAF_EXTENDED, &eax, &ebx, &ecx, &edx) && (ecx & EXTENDED_ECX_SVM))
		*vendor = VENDOR_AMD;
	return *vendor;
}

int kvm_explain(int code, const char *vendor, struct error *err)
{
	const struct passwd *user;

	switch (code) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		if (!vendor)
			return error_set(
				err, code,
				"%s: no KVM, and the CPU offers no virtualization: turn on VT-x or SVM in the "
				"firmware's setup, or nested virtualization if this is a virtual machine",
				KVM_DEVICE);
		return error_set(
			err, code, "%s: no KVM, though the CPU has %s: load its module (modprobe %s)",
			KVM_DEVICE, vendor, strcmp(vendor, VENDOR_AMD) == 0 ? "kvm-amd" : "kvm-intel");
	case -EACCES:
	case -EPERM:
		user = getpwuid(geteuid());
		return error_set(
			err, code,
			"%s: no permission to open it: run 'sudo usermod -aG kvm %s' and log in again",
			KVM_DEVICE, user ? user->pw_name : "USER");
	default:
		return error_set(err, code, "%s: cannot open it: %s", KVM_DEVICE, strerror(-code));
	}
}

static int version_check(int fd, struct error *err)
{
	int version = ioctl(fd, KVM_GET_API_VERSION, 0);

	if (version < 0)
		return error_set(err, -errno, "%s: it is not a KVM device: %m", KVM_DEVICE);
	if (version != KVM_API_VERSION)
		return error_set(err, -ENOTSUP, "%s: its API has version %d, this program speaks version %d",
				 KVM_DEVICE, version, KVM_API_VERSION);
	return 0;
}

static int extensions_check(int fd, struct error *err)
{
	char missing[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_SIZE(extensions_needed); i++) {
		if (ioctl(fd, KVM_CHECK_EXTENSION, extensions_needed[i].number) > 0)
			continue;
		used += (size_t)snprintf(missing + used, sizeof(missing) - used, " %s",
					 extensions_needed[i].name);
		used = MIN(used, sizeof(missing) - 1);
	}
	if (used)
		return error_set(err, -ENOTSUP, "%s: this kernel's KVM lacks%s: a newer kernel is needed",
				 KVM_DEVICE, missing);
	return 0;
}

static int cpuid_read(struct kvm *kvm, struct error *err)
{
	kvm->cpuid = calloc(1, CPUID_TABLE_SIZE);
	if (!kvm->cpuid)
		return error_set(err, -ENOMEM, "%s: no memory for its CPUID table", KVM_DEVICE);
	kvm->cpuid->nent = CPUID_ENTRIES_MAX;
	if (ioctl(kvm->fd, KVM_GET_SUPPORTED_CPUID, kvm->cpuid) < 0)
		return error_set(err, -errno, "%s: cannot read which CPUID it supports: %m", KVM_DEVICE);
	return 0;
}

static int limits_read(struct kvm *kvm, struct error *err)
{
	int size = ioctl(kvm->fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	int vcpus = ioctl(kvm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);

	if (size < (int)sizeof(struct kvm_run))
		return error_set(err, -ENOTSUP, "%s: its vCPUs share %d bytes, less than struct kvm_run",
				 KVM_DEVICE, size);
	kvm->vcpu_run_size = (unsigned)size;
	kvm->vcpus_max = vcpus > 0 ? (unsigned)vcpus : 4; /* api.rst, 4.8: 4 when the kernel does not say */
	return 0;
}

int kvm_device_open(struct error *err)
{
	int fd = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);
	const char *vendor;
	int code;

	if (fd >= 0)
		return fd;
	code = -errno;
	kvm_hardware(&vendor);
	return kvm_explain(code, vendor, err);
}

int kvm_open(struct kvm *kvm, int device, struct error *err)
{
	int code;

	*kvm = (struct kvm){.fd = device};
	code = version_check(kvm->fd, err);
	if (code == 0)
		code = extensions_check(kvm->fd, err);
	if (code == 0)
		code = limits_read(kvm, err);
	if (code == 0)
		code = cpuid_read(kvm, err);
	if (code < 0)
		kvm_close(kvm);
	return code;
}

void kvm_close_device(struct kvm *kvm)
{
	if (kvm->fd >= 0)
		close(kvm->fd);
	kvm->fd = -1;
}

void kvm_close(struct kvm *kvm)
{
	free(kvm->cpuid);
	kvm->cpuid = NULL;
	kvm_close_device(kvm);
}
