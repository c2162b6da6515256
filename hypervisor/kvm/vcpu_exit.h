/*
 * Why KVM_RUN came back, and what to do about it (Documentation/virt/kvm/api.rst, chapter 5). Makes no ioctl: it reads
 * and answers through the vCPU's struct kvm_run. vCPU's thread.
 */
#pragma once

#include "hypervisor/kvm/vcpu.h"

#define VCPU_CONTINUE (-1) /* in place of an enum vcpu_stop: enter the guest again */

/* After a KVM_RUN that returned 0: an enum vcpu_stop, with a sentence in err for VCPU_FAULT, or VCPU_CONTINUE. */
int vcpu_exit_handle(struct vcpu *vcpu, struct error *err);
