/*
 * The floor under startup times: the least that any VMM does between exec and a guest's first instruction,
 * and nothing of ours. Opens /dev/kvm, makes a VM with in-kernel interrupt controllers, one memory slot and
 * one vCPU, runs a guest whose two instructions reset the machine through the keyboard controller (0xfe to
 * port 0x64), and ends.
 *
 *     floor [MIB]      guest memory, 128 when not said
 *
 * Prints "first-run NS": CLOCK_MONOTONIC at the first KVM_RUN. Who started it and knows when has the time to
 * the guest's first instruction; the process's end has the taking down of the VM in it as well.
 *
 * The memory slot comes before the interrupt controllers. The other way round KVM_SET_USER_MEMORY_REGION
 * waits until no CPU uses the bus that they were just put on (an SRCU grace period): 7 ms instead of 0.1 on
 * Linux 6.18, and this is to be a floor.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#define MEMORY_MIB  128
#define ENTRY       0x1000
#define RESET_PORT  0x64
#define RESET_VALUE 0xfe

static const uint8_t guest[] = {
	0xb0, RESET_VALUE, /* mov $0xfe, %al */
	0xe6, RESET_PORT,  /* out %al, $0x64 */
};

/* The result of an ioctl that must not fail. */
static int must(int result, const char *what)
{
	if (result < 0)
		err(1, "%s", what);
	return result;
}

static void memory_set(int vm, uint64_t size)
{
	void *host =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct kvm_userspace_memory_region slot = {.memory_size = size, .userspace_addr = (uintptr_t)host};

	if (host == MAP_FAILED)
		err(1, "mmap");
	memcpy((uint8_t *)host + ENTRY, guest, sizeof(guest));
	must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
}

/* 16-bit code at ENTRY: a vCPU comes up in real mode. */
static void registers_set(int vcpu)
{
	struct kvm_regs regs = {.rip = ENTRY, .rflags = 2};
	struct kvm_sregs sregs;

	must(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	must(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	must(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

static void guest_run(int vcpu, size_t run_size)
{
	struct kvm_run *run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	struct timespec start;

	if (run == MAP_FAILED)
		err(1, "mmap");
	clock_gettime(CLOCK_MONOTONIC, &start);
	must(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
	if (run->exit_reason != KVM_EXIT_IO || run->io.port != RESET_PORT)
		errx(1, "the guest ended with exit reason %u, not with a write to port 0x%x",
		     run->exit_reason, RESET_PORT);
	printf("first-run %lld\n", start.tv_sec * 1000000000LL + start.tv_nsec);
}

int main(int argc, char **argv)
{
	uint64_t size = (argc > 1 ? strtoull(argv[1], NULL, 10) : MEMORY_MIB) << 20;
	int kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	int vm = must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	int vcpu;

	memory_set(vm, size);
	must(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	vcpu = must(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	registers_set(vcpu);
	guest_run(vcpu, (size_t)must(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE"));
	return 0;
}
