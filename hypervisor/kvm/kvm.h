/*
 * The system's KVM: /dev/kvm (Linux Documentation/virt/kvm/api.rst, chapter 4, system ioctls).
 *
 * hypervisor/kvm/ is the only code that makes KVM ioctls. One struct kvm per process, read-only after kvm_open, so any
 * thread may use it.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"

struct kvm_cpuid2;

#define KVM_DEVICE "/dev/kvm"

struct kvm {
	int fd;
	unsigned vcpu_run_size;   /* KVM_GET_VCPU_MMAP_SIZE */
	unsigned vcpus_max;       /* KVM_CAP_MAX_VCPUS */
	struct kvm_cpuid2 *cpuid; /* KVM_GET_SUPPORTED_CPUID; every vCPU's CPUID is made from it */
};

/* A descriptor of /dev/kvm, for kvm_open: in this process or in one that may open nothing. */
int kvm_device_open(struct error *err);
/* Takes over such a descriptor (also on failure); checks the API version and every extension we need; the error names each that is missing. */
int kvm_open(struct kvm *kvm, int device, struct error *err);
void kvm_close(struct kvm *kvm);
/* Closes the device alone: what was read from it stays for the vCPUs, but no other VM can be made. */
void kvm_close_device(struct kvm *kvm);

/* Why /dev/kvm could not be opened (code: negative errno) on a CPU of that vendor, as kvm_hardware says it, and what to
 * do about it. Returns code. */
int kvm_explain(int code, const char *vendor, struct error *err);

/* Whether the CPU says that it virtualizes in hardware (CPUID vmx or svm). Without it /dev/kvm may open and yet run
 * guest kernels in an instruction emulator that a stock kernel does not survive. vendor: "AMD SVM", "Intel VMX" or NULL. */
bool kvm_hardware(const char **vendor);
