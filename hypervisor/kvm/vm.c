#include "hypervisor/kvm/vm.h"

#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/log.h"
#include "hypervisor/x86_64/layout.h"

/* The machine has no performance counters (hypervisor/x86_64/cpuid.h), so KVM need not keep any. Kernels
 * before 5.18 have no such switch; the guest then finds none in CPUID all the same. */
static void vm_counters_off(const struct vm *vm)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_PMU_CAPABILITY, .args = {KVM_PMU_CAP_DISABLE}};

	ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

/*
 * The ACPI tables describe a machine without the old PICs, so its kernel never masks them; but KVM's irqchip
 * has them, listening to lines 0 to 15. Nothing of theirs may reach a CPU: local APICs come up with LINT0
 * masked, as real ones do, not as the pass-through for PICs that KVM by default makes of the boot CPU's.
 */
static int vm_pics_cut(const struct vm *vm, struct error *err)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_DISABLE_QUIRKS, .args = {KVM_X86_QUIRK_LINT0_REENABLED}};

	if (ioctl(vm->fd, KVM_ENABLE_CAP, &cap) < 0)
		return error_set(err, -errno,
				 "KVM: cannot keep the old interrupt controllers off the CPUs: %m");
	return 0;
}

/* Pages that KVM needs for itself on Intel, where no RAM is; a no-op on AMD. */
static int vm_reserve(const struct vm *vm, struct error *err)
{
	uint64_t identity = LAYOUT_KVM_IDENTITY;

	if (ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0)
		return error_set(err, -errno, "KVM: cannot place its identity map at 0x%llx: %m",
				 LAYOUT_KVM_IDENTITY);
	if (ioctl(vm->fd, KVM_SET_TSS_ADDR, LAYOUT_KVM_TSS) < 0)
		return error_set(err, -errno, "KVM: cannot place its task state at 0x%llx: %m",
				 LAYOUT_KVM_TSS);
	return 0;
}

/* A slot for each region of guest memory. */
static int vm_memory_insert(const struct vm *vm, const struct guest_memory *memory, struct error *err)
{
	for (unsigned i = 0; i < memory->count; i++) {
		const struct guest_memory_region *region = &memory->regions[i];
		struct kvm_userspace_memory_region slot = {
			.slot = i,
			.guest_phys_addr = region->base,
			.memory_size = region->size,
			.userspace_addr = (uintptr_t)(region->vcpus ? region->vcpus : region->host),
		};

		if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
			return error_set(
				err, -errno, "KVM: it does not take %llu MiB of memory at 0x%llx: %m",
				(unsigned long long)(region->size >> 20), (unsigned long long)region->base);
	}
	return 0;
}

static int vm_interrupts_create(const struct vm *vm, struct error *err)
{
	if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) < 0)
		return error_set(err, -errno, "KVM: cannot make the interrupt controllers: %m");
	return 0;
}

int vm_create(struct vm *vm, const struct kvm *kvm, const struct guest_memory *memory, struct error *err)
{
	int code;

	*vm = (struct vm){.fd = ioctl(kvm->fd, KVM_CREATE_VM, 0), .kvm = kvm};
	if (vm->fd < 0)
		return error_set(err, -errno, "KVM: cannot make a virtual machine: %m");
	vm_counters_off(vm);
	code = vm_pics_cut(vm, err);
	if (code == 0)
		code = vm_reserve(vm, err);
	if (code == 0)
		code = vm_memory_insert(vm, memory, err);
	if (code == 0)
		code = vm_interrupts_create(vm, err);
	if (code < 0)
		vm_close(vm);
	return code;
}

/*
 * The memory goes first, because that hurries KVM. Newer kernels (seen in 6.18) free what a VM's buses no
 * longer need after a grace period of 10 ms, and close waits for it; removing a memory slot expedites it.
 */
static void vm_memory_remove(const struct vm *vm)
{
	struct kvm_userspace_memory_region first = {.slot = 0, .memory_size = 0};

	ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &first); /* fails when there is none, which is as well */
}

void vm_close(struct vm *vm)
{
	if (vm->fd >= 0) {
		vm_memory_remove(vm);
		close(vm->fd);
	}
	vm->fd = -1;
}

int vm_irqfd(struct vm *vm, int eventfd, uint32_t gsi, struct error *err)
{
	struct kvm_irqfd irqfd = {.fd = (uint32_t)eventfd, .gsi = gsi};

	if (gsi > LAYOUT_GSI_LAST) /* KVM takes any, and delivers it nowhere */
		return error_set(err, -EINVAL, "KVM: there is no interrupt line %u, the last is %u", gsi,
				 LAYOUT_GSI_LAST);
	if (ioctl(vm->fd, KVM_IRQFD, &irqfd) < 0)
		return error_set(err, -errno, "KVM: cannot tie an eventfd to interrupt line %u: %m", gsi);
	return 0;
}

void vm_irq_level(const struct vm *vm, uint32_t gsi, bool high)
{
	struct kvm_irq_level level = {.irq = gsi, .level = high};

	if (ioctl(vm->fd, KVM_IRQ_LINE, &level) < 0)
		log_error("KVM: cannot set interrupt line %u: %m", gsi);
}

void vm_signal_msi(const struct vm *vm, uint64_t address, uint32_t data)
{
	struct kvm_msi message = {
		.address_lo = (uint32_t)address,
		.address_hi = (uint32_t)(address >> 32),
		.data = data,
	};

	ioctl(vm->fd, KVM_SIGNAL_MSI, &message); /* it fails when the guest has named no CPU: its own fault */
}

int vm_ioeventfd_mmio(struct vm *vm, int eventfd, uint64_t address, uint32_t len, uint64_t value,
		      struct error *err)
{
	struct kvm_ioeventfd ioeventfd = {
		.datamatch = value,
		.addr = address,
		.len = len,
		.fd = eventfd,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
	};

	if (ioctl(vm->fd, KVM_IOEVENTFD, &ioeventfd) < 0)
		return error_set(err, -errno, "KVM: cannot tie an eventfd to address 0x%llx: %m",
				 (unsigned long long)address);
	return 0;
}

/* A length of 0 stands for all; KVM then need not look at the guest's instruction where hardware tells the
 * address. */
int vm_ioeventfd_any(const struct vm *vm, int eventfd, uint64_t address, bool bind, struct error *err)
{
	struct kvm_ioeventfd ioeventfd = {
		.addr = address,
		.fd = eventfd,
		.flags = bind ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN,
	};

	if (ioctl(vm->fd, KVM_IOEVENTFD, &ioeventfd) < 0)
		return error_set(err, -errno, "KVM: cannot %s an eventfd and address 0x%llx: %m",
				 bind ? "tie" : "untie", (unsigned long long)address);
	return 0;
}
