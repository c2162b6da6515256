/*
 * Model-specific registers of a vCPU at reset, where Linux expects something else than KVM's own reset values: firmware
 * would have set them, and there is none. All others (SYSENTER, STAR, LSTAR, KERNEL_GS_BASE, TSC, ...) are already as
 * the boot protocols want them: zero, and the TSCs of all vCPUs in step.
 *
 * Pure: no ioctl, no state.
 */
#pragma once

#include <linux/kvm.h>

#define MSR_RESET_COUNT 2

extern const struct kvm_msr_entry msr_reset[MSR_RESET_COUNT];

