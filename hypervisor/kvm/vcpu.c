#include "hypervisor/kvm/vcpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "hypervisor/x86_64/cpuid.h"
#include "hypervisor/x86_64/msr.h"
#include "hypervisor/x86_64/registers.h"

#define APIC_ID_MAX 254 /* 255 is everybody; the IOAPIC's destination field has eight bits */

static int cpuid_set(const struct vcpu *vcpu, const struct cpu_topology *topology, struct error *err)
{
	AUTO_FREE struct kvm_cpuid2 *cpuid = malloc(CPUID_TABLE_SIZE);
	int code;

	if (!cpuid)
		return error_set(err, -ENOMEM, "vcpu %u: no memory for its CPUID", vcpu->index);
	code = cpuid_for_vcpu(vcpu->kvm->cpuid, topology, vcpu->index, cpuid);
	if (code < 0)
		return error_set(err, code, "vcpu %u: cannot make its CPUID from what KVM supports: %s",
				 vcpu->index, strerror(-code));
	if (ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid) < 0)
		return error_set(err, -errno, "vcpu %u: KVM does not take its CPUID: %m", vcpu->index);
	return 0;
}

static int msrs_set(const struct vcpu *vcpu, struct error *err)
{
	union {
		struct kvm_msrs msrs;
		uint8_t room[sizeof(struct kvm_msrs) + sizeof(msr_reset)];
	} set = {.msrs.nmsrs = MSR_RESET_COUNT};
	int done;

	memcpy(set.msrs.entries, msr_reset, sizeof(msr_reset));
	done = ioctl(vcpu->fd, KVM_SET_MSRS, &set);
	if (done < 0)
		return error_set(err, -errno, "vcpu %u: cannot set its model-specific registers: %m",
				 vcpu->index);
	if (done < MSR_RESET_COUNT)
		return error_set(err, -EINVAL,
				 "vcpu %u: KVM does not take 0x%llx in model-specific register 0x%x",
				 vcpu->index, msr_reset[done].data, msr_reset[done].index);
	return 0;
}

static int run_map(struct vcpu *vcpu, struct error *err)
{
	void *run = mmap(NULL, vcpu->kvm->vcpu_run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);

	if (run == MAP_FAILED)
		return error_set(err, -errno, "vcpu %u: cannot map what it shares with KVM: %m", vcpu->index);
	vcpu->run = run;
	return 0;
}

/* KVM's id of a vCPU is its APIC id, so that interrupts find it where CPUID and the MADT say it is. */
static int apic_id_check(unsigned index, const struct cpu_topology *topology, struct error *err)
{
	uint32_t apic_id = topology_apic_id(topology, index);

	if (apic_id > APIC_ID_MAX)
		return error_set(err, -EINVAL,
				 "vcpu %u: %u sockets of %u cores of %u threads give it APIC id %u, and the "
				 "highest is %u",
				 index, topology->sockets, topology->cores, topology->threads, apic_id,
				 APIC_ID_MAX);
	return (int)apic_id;
}

int vcpu_create(struct vcpu *vcpu, struct vm *vm, unsigned index, const struct cpu_topology *topology,
		const struct vcpu_io *io, struct error *err)
{
	int apic_id = apic_id_check(index, topology, err);
	int code;

	*vcpu = (struct vcpu){.fd = -1, .index = index, .kvm = vm->kvm, .io = io};
	if (apic_id < 0)
		return apic_id;
	vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, apic_id);
	if (vcpu->fd < 0)
		return error_set(err, -errno, "vcpu %u: KVM cannot make it: %m", index);
	code = run_map(vcpu, err);
	if (code == 0)
		code = cpuid_set(vcpu, topology, err);
	if (code == 0)
		code = msrs_set(vcpu, err);
	if (code < 0)
		vcpu_close(vcpu);
	return code;
}

void vcpu_close(struct vcpu *vcpu)
{
	if (vcpu->run)
		munmap(vcpu->run, vcpu->kvm->vcpu_run_size);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	vcpu->run = NULL;
	vcpu->fd = -1;
}

int vcpu_set_entry(struct vcpu *vcpu, const struct guest_memory *memory, const struct boot_entry *entry,
		   struct error *err)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	int code = 0;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) < 0)
		return error_set(err, -errno, "vcpu %u: cannot read its registers: %m", vcpu->index);
	if (entry->mode == BOOT_ENTRY_PVH)
		registers_pvh(&regs, &sregs, entry->rip, entry->info, entry->stack);
	else
		code = registers_linux64(memory, &regs, &sregs, entry->rip, entry->info, entry->stack);
	if (code < 0)
		return error_set(err, code,
				 "vcpu %u: too little memory for the page tables that start the kernel",
				 vcpu->index);
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) < 0 || ioctl(vcpu->fd, KVM_SET_REGS, &regs) < 0)
		return error_set(err, -errno, "vcpu %u: cannot set its registers: %m", vcpu->index);
	return 0;
}
