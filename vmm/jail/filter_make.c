/*
 * Makes the system-call filters of a guest process' threads, when rastos-vmm is built: libseccomp turns the
 * lists below into BPF, which is printed as C. rastos-vmm then needs neither libseccomp nor the time to use
 * it: a guest process would otherwise spend a millisecond on each start to compute what never changes.
 *
 *      filter_make filters.inc
 *
 * A filter is a list of what is allowed; anything else ends the process (seccomp(2),
 * SECCOMP_RET_KILL_PROCESS). Arguments are looked at where the call alone would be too much: what ioctl and
 * fcntl are asked to do, memory that would become code, families of sockets, whom a signal is for. A new call
 * in a thread's code needs a line here; without it the first guest that comes by ends with SIGSYS.
 */
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <linux/vhost.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util.h"
#include "vmm/jail/filter.h"
#include "vmm/jail/filter_print.h"

#define MAIN    1U /* the guest process' first thread: devices, console, manager */
#define VCPU    2U
#define DISK    4U
#define DISPLAY 8U /* a GPU: pictures, and who shows them */
#define ALL     (MAIN | VCPU | DISK | DISPLAY)

#define ARGUMENTS_MAX 3

struct rule {
	unsigned threads;
	int call;
	struct scmp_arg_cmp arguments[ARGUMENTS_MAX]; /* all must hold; op 0 ends them */
};

#define ANY(threads, name)                                                                                   \
	{                                                                                                    \
		threads, SCMP_SYS(name),                                                                     \
		{                                                                                            \
			{                                                                                    \
				0                                                                            \
			}                                                                                    \
		}                                                                                            \
	}
#define IF(threads, name, ...)                                                                               \
	{                                                                                                    \
		threads, SCMP_SYS(name),                                                                     \
		{                                                                                            \
			__VA_ARGS__                                                                          \
		}                                                                                            \
	}
#define IS(argument, value) SCMP_CMP64(argument, SCMP_CMP_EQ, (uint64_t)(value), 0)
#define BITS(argument, mask, wanted)                                                                         \
	SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, (uint64_t)(mask), (uint64_t)(wanted))
#define IOCTL(threads, request)  IF(threads, ioctl, IS(1, (uint32_t)(request)))
#define FCNTL(threads, command)  IF(threads, fcntl, IS(1, command))
#define MADVISE(threads, advice) IF(threads, madvise, IS(2, advice))
#define SIGNAL(threads, number)  IF(threads, tgkill, IS(0, FILTER_PID), IS(2, number))

#define PRIVATE_MEMORY (MAP_PRIVATE | MAP_ANONYMOUS)

/* In the order of how often they come, which only people read: the filter is a tree. */
static const struct rule rules[] = {
	/* the work */
	IOCTL(VCPU, KVM_RUN),
	ANY(ALL, write), /* irqfds, kicks, the log */
	ANY(ALL, read),
	ANY(MAIN | DISK | DISPLAY, epoll_wait),
	ANY(ALL, futex),
	ANY(DISK | DISPLAY, preadv2),
	ANY(MAIN | DISK | DISPLAY, pwritev2),
	/* A ring that was made and restricted before (devmodel/virtio/blk_ring.h); nothing is waited for. */
	IF(DISK, io_uring_enter, IS(2, 0), BITS(3, ~IORING_ENTER_GETEVENTS, 0)),
	ANY(DISK, fdatasync),
	/* discard, write zeroes; a picture's pages */
	IF(MAIN | DISK | DISPLAY, fallocate, BITS(1, FALLOC_FL_KEEP_SIZE, FALLOC_FL_KEEP_SIZE)),
	ANY(MAIN | DISK, readv), /* TAP */
	ANY(ALL, writev),        /* TAP; the C library's last words */
	ANY(ALL, timerfd_settime),
	ANY(ALL, epoll_ctl), /* a vCPU: who hears a queue's kicks, this process or vhost */
	ANY(ALL, poll),      /* a disk's backend is waited for when its guest resets it */

	IOCTL(ALL, KVM_SIGNAL_MSI), /* a PCI function's interrupts */
	/* the same from vhost, by what the guest writes to the function's table */
	IOCTL(MAIN | VCPU, KVM_IRQFD),
	IOCTL(MAIN | VCPU, KVM_SET_GSI_ROUTING),
	IOCTL(ALL, KVM_IRQ_LINE),          /* the same with a driver that does without MSI-X */
	IOCTL(MAIN | VCPU, KVM_IOEVENTFD), /* the guest, or we, put its registers elsewhere */
	ANY(MAIN, eventfd2),               /* a device that comes, and ... */
	ANY(MAIN, timerfd_create),         /* ... its limits, and ... */
	ANY(MAIN, pread64),                /* ... the size of its blocks, and ... */
	ANY(MAIN, fstatfs),                /* ... whether they are in memory */

	/* sockets: passt, vsock connections, consoles, the manager. None is made but pairs. */
	ANY(MAIN | DISK, recvmsg), /* disks: their backends, which ... */
	ANY(MAIN | DISK, sendmsg),
	ANY(MAIN | DISK, recvfrom),
	IF(ALL, sendto, IS(4, 0), IS(5, 0)), /* to whom it is connected; ... a reset has killed */
	ANY(MAIN, accept4),
	ANY(MAIN | VCPU | DISK,
	    shutdown), /* a vCPU: of a back end that does not keep to the protocol, at a reset */
	IF(MAIN, setsockopt, IS(1, SOL_SOCKET),
	   IS(2, SO_SNDBUF)), /* what the kernel holds of the narrow ones */
	IF(MAIN, socketpair, IS(0, AF_UNIX), BITS(1, 0xf, SOCK_STREAM)),

	/* descriptors */
	ANY(MAIN | DISK | DISPLAY, close), /* of a device that goes, of a picture */
	FCNTL(MAIN, F_GETFL),
	FCNTL(MAIN, F_SETFL),
	FCNTL(MAIN | DISPLAY, F_DUPFD_CLOEXEC),                 /* a picture that is shown */
	IF(MAIN, dup3, IS(1, STDERR_FILENO), IS(2, O_CLOEXEC)), /* the next manager's pipe */
	IOCTL(ALL, TCGETS), /* the log asks whether it goes to a terminal */
	/* a picture, or the rings of a back end that comes, of a size that nobody can change any more
	 * (devmodel/virtio/gpu_resource.h, vhost_user.h) */
	IF(MAIN | DISPLAY, memfd_create, IS(1, MFD_CLOEXEC | MFD_ALLOW_SEALING)),
	IF(MAIN | DISPLAY, fcntl, IS(1, F_ADD_SEALS), IS(2, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)),
	/* a card's control queue; with several pairs and a driver that knows but one it is the second pair's
	 */
	IOCTL(MAIN | VCPU | DISK, TUNSETOFFLOAD),
	IOCTL(MAIN | VCPU, TUNSETQUEUE),

	/* vhost-net: a card that is made, and what its driver and the host do to it later */
	IOCTL(MAIN, VHOST_GET_FEATURES),
	IOCTL(MAIN, VHOST_SET_OWNER),
	IOCTL(MAIN, VHOST_SET_MEM_TABLE),
	IOCTL(MAIN | VCPU, VHOST_SET_FEATURES),
	IOCTL(MAIN | VCPU, VHOST_SET_VRING_NUM),
	IOCTL(MAIN | VCPU, VHOST_SET_VRING_ADDR),
	IOCTL(MAIN | VCPU, VHOST_SET_VRING_BASE),
	IOCTL(MAIN | VCPU, VHOST_GET_VRING_BASE),
	IOCTL(MAIN | VCPU, VHOST_SET_VRING_KICK),
	IOCTL(MAIN | VCPU, VHOST_SET_VRING_CALL),
	IOCTL(MAIN | VCPU, VHOST_SET_VRING_ERR),
	IOCTL(MAIN | VCPU, VHOST_NET_SET_BACKEND),

	/* a vCPU that stopped is described; a paused one is told */
	IOCTL(VCPU, KVM_GET_REGS),
	IOCTL(VCPU, KVM_GET_SREGS),
	IOCTL(VCPU, KVM_TRANSLATE),
	IOCTL(VCPU, KVM_KVMCLOCK_CTRL),
	IOCTL(VCPU, KVM_SET_MP_STATE),           /* it left the guest, and is as new when it comes again */
	IOCTL(MAIN, KVM_SET_USER_MEMORY_REGION), /* the end of a VM, vm_close */

	/* memory that never becomes code */
	ANY(ALL, brk),
	IF(ALL, mmap, BITS(2, PROT_EXEC, 0), BITS(3, PRIVATE_MEMORY | MAP_SHARED, PRIVATE_MEMORY)),
	IF(MAIN, mmap, IS(2, PROT_READ | PROT_WRITE), IS(3, MAP_SHARED | MAP_NORESERVE)), /* rings */
	IF(ALL, mprotect, BITS(2, PROT_EXEC, 0)),
	IF(ALL, mremap, IS(3, MREMAP_MAYMOVE)),
	ANY(ALL, munmap),
	MADVISE(MAIN, MADV_POPULATE_WRITE), /* fixed_file_reserve */
	MADVISE(MAIN, MADV_REMOVE),         /* the balloon's pages */
	MADVISE(ALL, MADV_DONTNEED),        /* what malloc and stacks of ended threads give back */

	/* time and chance */
	ANY(ALL, clock_gettime),
	ANY(ALL, gettimeofday),
	ANY(ALL, getrandom),

	/* signals and the end */
	ANY(ALL, rt_sigreturn),
	ANY(ALL, rt_sigprocmask),
	ANY(ALL, restart_syscall),
	ANY(ALL, getpid),
	ANY(ALL, gettid),
	SIGNAL(MAIN | VCPU, FILTER_SIGNAL_KICK), /* vcpu_kick */
	SIGNAL(ALL, SIGABRT),
	IF(ALL, rt_sigaction, IS(0, SIGABRT)), /* abort(3) */
	ANY(VCPU | DISK | DISPLAY, exit),
	ANY(ALL, exit_group),
};

static unsigned rule_arguments(const struct rule *rule)
{
	unsigned count = 0;

	while (count < ARGUMENTS_MAX && rule->arguments[count].op)
		count++;
	return count;
}

static scmp_filter_ctx filter_build(unsigned thread)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int code;

	if (!filter)
		filter_give_up("cannot begin a filter", -ENOMEM);
	code = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	/* A tree of the calls' numbers, not a list: when a filter is installed, the kernel runs it for every
	 * number that there is. */
	if (code == 0)
		code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; i < ARRAY_SIZE(rules) && code == 0; i++) {
		const struct rule *rule = &rules[i];

		if (!(rule->threads & thread))
			continue;
		code = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule->call, rule_arguments(rule),
					      rule->arguments);
	}
	if (code < 0)
		filter_give_up("cannot add a rule", code);
	return filter;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: filter_make OUT\n");
		return EXIT_FAILURE;
	}
	filter_print_to(argv[1]);
	filter_print("filter_main", filter_build(MAIN));
	filter_print("filter_vcpu", filter_build(VCPU));
	filter_print("filter_disk", filter_build(DISK));
	filter_print("filter_display", filter_build(DISPLAY));
	return EXIT_SUCCESS;
}
