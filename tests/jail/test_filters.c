/*
 * The filters (vmm/jail/filter_make.c), each violated in every way that hostile code could want: the process
 * must end with SIGSYS, at once. And what a thread does need must go through.
 */
#include "jailed.h"

#include <asm/termbits.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <linux/kvm.h>
#include <linux/vhost.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

static void expect_killed(enum jailed_user user, enum filter_kind kind, jailed_attempt attempt)
{
	struct jailed_end end = jailed_run(user, &kind, attempt);

	cr_assert_eq(end.signal, SIGSYS, "not killed: signal %d, result %d", end.signal, end.result);
}

#define KILLED_IN(suite, user, kind, name)                                                                   \
	Test(suite, name)                                                                                    \
	{                                                                                                    \
		expect_killed(user, kind, name);                                                             \
	}

/* In all kinds of threads, for root's guests; a user's have the same filters: once is enough. */
#define KILLED(name)                                                                                         \
	static int name(const struct jailed_host *host);                                                     \
	KILLED_IN(main_thread, JAILED_ROOT, FILTER_MAIN, name)                                               \
	KILLED_IN(vcpu_thread, JAILED_ROOT, FILTER_VCPU, name)                                               \
	KILLED_IN(disk_thread, JAILED_ROOT, FILTER_DISK, name)                                               \
	KILLED_IN(display_thread, JAILED_ROOT, FILTER_DISPLAY, name)                                         \
	KILLED_IN(rootless, JAILED_ROOTLESS, FILTER_MAIN, name)                                              \
	static int name(const struct jailed_host *host)

/* One that only some kinds are refused. */
#define KILLED_VCPU(name)                                                                                    \
	static int name(const struct jailed_host *host);                                                     \
	KILLED_IN(vcpu_thread, JAILED_ROOT, FILTER_VCPU, name)                                               \
	static int name(const struct jailed_host *host)
#define KILLED_DISK(name)                                                                                    \
	static int name(const struct jailed_host *host);                                                     \
	KILLED_IN(disk_thread, JAILED_ROOT, FILTER_DISK, name)                                               \
	static int name(const struct jailed_host *host)
#define KILLED_DISPLAY(name)                                                                                 \
	static int name(const struct jailed_host *host);                                                     \
	KILLED_IN(display_thread, JAILED_ROOT, FILTER_DISPLAY, name)                                         \
	static int name(const struct jailed_host *host)
#define KILLED_VCPU_DISK(name)                                                                               \
	static int name(const struct jailed_host *host);                                                     \
	KILLED_IN(vcpu_thread, JAILED_ROOT, FILTER_VCPU, name)                                               \
	KILLED_IN(disk_thread, JAILED_ROOT, FILTER_DISK, name)                                               \
	static int name(const struct jailed_host *host)
#define KILLED_MAIN_DISK(name)                                                                               \
	static int name(const struct jailed_host *host);                                                     \
	KILLED_IN(main_thread, JAILED_ROOT, FILTER_MAIN, name)                                               \
	KILLED_IN(disk_thread, JAILED_ROOT, FILTER_DISK, name)                                               \
	static int name(const struct jailed_host *host)

/* A call that must not come back; all its arguments are plausible. */
#define CALL(number, ...)                                                                                    \
	do {                                                                                                 \
		(void)host;                                                                                  \
		return (int)syscall(number, ##__VA_ARGS__);                                                  \
	} while (0)

static char page[4096] __attribute__((aligned(4096)));

/* --- Files --- */
/* clang-format off */
KILLED(open_a_file)          { CALL(SYS_open, "/", O_RDONLY); }
KILLED(openat_a_file)        { CALL(SYS_openat, AT_FDCWD, "/", O_RDONLY); }
KILLED(openat2_a_file)       { CALL(SYS_openat2, AT_FDCWD, "/", NULL, 0); }
KILLED(stat_a_path)          { CALL(SYS_newfstatat, AT_FDCWD, "/", page, 0); }
KILLED(read_a_folder)        { CALL(SYS_getdents64, host->file, page, sizeof(page)); }
KILLED(make_a_folder)        { CALL(SYS_mkdir, "/x", 0700); }
KILLED(make_a_device)        { CALL(SYS_mknod, "/x", S_IFCHR, 0); }
KILLED(make_a_link)          { CALL(SYS_symlink, "/", "/x"); }
KILLED(remove_a_file)        { CALL(SYS_unlink, "/x"); }
KILLED(change_a_mode)        { CALL(SYS_fchmod, host->file, 0777); }
KILLED(change_an_owner)      { CALL(SYS_fchown, host->file, 0, 0); }
KILLED(mount_something)      { CALL(SYS_mount, "x", "/", "tmpfs", 0, NULL); }
KILLED(unmount_something)    { CALL(SYS_umount2, "/", MNT_DETACH); }
KILLED(open_a_tree)          { CALL(SYS_open_tree, AT_FDCWD, "/", 0); }
KILLED(make_a_file_system)   { CALL(SYS_fsopen, "tmpfs", 0); }
KILLED(pivot_the_root)       { CALL(SYS_pivot_root, ".", "."); }
KILLED(change_the_root)      { CALL(SYS_chroot, "/"); }
KILLED(file_in_memory)       { CALL(SYS_memfd_create, "x", 0); }
KILLED_VCPU_DISK(picture_in_memory) { CALL(SYS_memfd_create, "x", MFD_CLOEXEC | MFD_ALLOW_SEALING); }
KILLED_DISPLAY(huge_pages_in_memory) { CALL(SYS_memfd_create, "x", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB); }
KILLED_DISPLAY(seal_what_is_written) { CALL(SYS_fcntl, host->file, F_ADD_SEALS, F_SEAL_WRITE); }
KILLED_VCPU(discard_of_a_disk) { CALL(SYS_fallocate, host->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096); }
KILLED_DISPLAY(ring_of_a_disk) { CALL(SYS_io_uring_enter, host->file, 1, 0, 0, NULL, 0); }
KILLED_DISPLAY(offloads_of_a_card) { CALL(SYS_ioctl, host->file, TUNSETOFFLOAD, 0); }
KILLED_DISPLAY(map_a_picture) { CALL(SYS_mmap, NULL, 4096, PROT_READ, MAP_SHARED, host->file, 0); }
KILLED_VCPU_DISK(memory_shared_with_a_file) { CALL(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, host->file, 0); }
KILLED(stat_a_file)          { CALL(SYS_newfstatat, host->file, "", page, AT_EMPTY_PATH); }
KILLED(truncate_a_file)      { CALL(SYS_ftruncate, host->file, 0); }
KILLED(reserve_space)        { CALL(SYS_fallocate, host->file, 0, 0, 4096); }
KILLED(replace_a_descriptor) { CALL(SYS_dup3, host->file, STDOUT_FILENO, O_CLOEXEC); }
KILLED_VCPU_DISK(replace_standard_error) { CALL(SYS_dup3, host->file, STDERR_FILENO, O_CLOEXEC); }
KILLED_VCPU(close_a_file)    { CALL(SYS_close, host->file); }

/* --- Sockets --- */
KILLED(unix_socket)          { CALL(SYS_socket, AF_UNIX, SOCK_STREAM, 0); }
KILLED(internet_socket)      { CALL(SYS_socket, AF_INET, SOCK_STREAM, 0); }
KILLED(vsock_socket)         { CALL(SYS_socket, AF_VSOCK, SOCK_STREAM, 0); }
KILLED(netlink_socket)       { CALL(SYS_socket, AF_NETLINK, SOCK_RAW, 0); }
KILLED(crypto_socket)        { CALL(SYS_socket, AF_ALG, SOCK_SEQPACKET, 0); }
KILLED(bind_a_socket)        { CALL(SYS_bind, host->file, page, 16); }
KILLED(listen_on_a_socket)   { CALL(SYS_listen, host->file, 1); }
KILLED(connect_a_socket)     { CALL(SYS_connect, host->file, page, 16); }
KILLED(send_to_an_address)   { CALL(SYS_sendto, host->file, page, 1, 0, page, 16); }
KILLED(datagram_pair)        { CALL(SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, page); }
KILLED(set_a_socket_option)  { CALL(SYS_setsockopt, host->file, SOL_SOCKET, SO_RCVBUF, page, 4); }
KILLED(set_an_option_of_ip)  { CALL(SYS_setsockopt, host->file, IPPROTO_IP, SO_SNDBUF, page, 4); }
KILLED_VCPU_DISK(bound_a_socket)     { CALL(SYS_setsockopt, host->file, SOL_SOCKET, SO_SNDBUF, page, 4); }
KILLED_VCPU_DISK(pair_of_sockets)    { CALL(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, page); }
KILLED_VCPU(receive_a_message)       { CALL(SYS_recvmsg, host->file, page, 0); }
KILLED_VCPU_DISK(accept_a_connection) { CALL(SYS_accept4, host->file, NULL, NULL, 0); }

/* --- Memory --- */
KILLED_VCPU_DISK(give_memory_back)   { CALL(SYS_madvise, page, sizeof(page), MADV_REMOVE); }

/* --- Processes --- */
KILLED(fork_off)             { CALL(SYS_fork); }
KILLED(vfork_off)            { CALL(SYS_vfork); }
KILLED(clone_off)            { CALL(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0); }
KILLED(clone_a_thread)       { CALL(SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND, page + 4000, NULL, NULL, 0); }
KILLED(clone3_off)           { CALL(SYS_clone3, page, 64); }
KILLED(run_a_program)        { CALL(SYS_execve, "/bin/sh", NULL, NULL); }
KILLED(run_a_descriptor)     { CALL(SYS_execveat, host->file, "", NULL, NULL, AT_EMPTY_PATH); }
KILLED(trace_a_process)      { CALL(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0); }
KILLED(signal_a_process)     { CALL(SYS_kill, host->manager, SIGTERM); }
KILLED(signal_itself_to_end) { CALL(SYS_tgkill, getpid(), getpid(), SIGKILL); }
KILLED(signal_another)       { CALL(SYS_tgkill, 2, 2, SIGABRT); }
KILLED(handle_a_signal)      { CALL(SYS_rt_sigaction, SIGSEGV, page, NULL, 8); }
KILLED(hold_a_process)       { CALL(SYS_pidfd_open, 1, 0); }
KILLED(read_a_process)       { CALL(SYS_process_vm_readv, host->manager, page, 0, page, 0, 0); }
KILLED(take_a_descriptor)    { CALL(SYS_pidfd_getfd, host->file, 0, 0); }
KILLED(wait_for_a_process)   { CALL(SYS_wait4, -1, NULL, WNOHANG, NULL); }
KILLED(limit_itself)         { CALL(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, page); }
KILLED(change_the_priority)  { CALL(SYS_setpriority, PRIO_PROCESS, 0, 1); }
KILLED(change_its_cpus)      { CALL(SYS_sched_setaffinity, 0, 8, page); }

/* --- Rights --- */
KILLED(change_the_user)      { CALL(SYS_setresuid, 0, 0, 0); }
KILLED(change_the_groups)    { CALL(SYS_setgroups, 0, NULL); }
KILLED(take_capabilities)    { CALL(SYS_capset, page, page); }
KILLED(new_namespace)        { CALL(SYS_unshare, CLONE_NEWUSER); }
KILLED(enter_a_namespace)    { CALL(SYS_setns, host->file, 0); }
KILLED(control_the_process)  { CALL(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0); }
KILLED(another_filter)       { CALL(SYS_seccomp, 1, 0, NULL); }
KILLED(change_personality)   { CALL(SYS_personality, ADDR_NO_RANDOMIZE); }

/* --- The kernel --- */
KILLED(load_bpf)             { CALL(SYS_bpf, 0, page, 16); }
KILLED(count_events)         { CALL(SYS_perf_event_open, page, 0, -1, -1, 0); }
KILLED(use_keys)             { CALL(SYS_keyctl, 0, -3, 0, 0, 0); }
KILLED(add_a_key)            { CALL(SYS_add_key, "user", "x", "y", 1, -3); }
KILLED(handle_faults)        { CALL(SYS_userfaultfd, UFFD_USER_MODE_ONLY); }
KILLED(make_a_ring)          { CALL(SYS_io_uring_setup, 1, page); }
KILLED(change_a_ring)        { CALL(SYS_io_uring_register, host->file, IORING_REGISTER_FILES, page, 1); }
KILLED(asynchronous_io)      { CALL(SYS_io_setup, 1, page); }
KILLED(load_a_module)        { CALL(SYS_init_module, page, 0, ""); }
KILLED(boot_another_kernel)  { CALL(SYS_kexec_load, 0, 0, NULL, 0); }
KILLED(reboot_the_host)      { CALL(SYS_reboot, 0xfee1dead, 672274793, 0, NULL); }
KILLED(use_ports)            { CALL(SYS_iopl, 3); }
KILLED(change_segments)      { CALL(SYS_modify_ldt, 0, page, 0); }
KILLED(set_the_clock)        { CALL(SYS_clock_settime, CLOCK_REALTIME, page); }
KILLED(shared_memory)        { CALL(SYS_shmget, 0, 4096, 0600); }
KILLED(no_such_call)         { CALL(0x7ff); }
KILLED(call_of_x32)          { CALL(0x40000000 | SYS_getpid); }

/* --- Arguments --- */
KILLED(memory_with_code)     { CALL(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
KILLED(memory_of_a_file)     { CALL(SYS_mmap, NULL, 4096, PROT_READ, MAP_PRIVATE, host->file, 0); }
KILLED(memory_shared)        { CALL(SYS_mmap, NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0); }
KILLED(memory_becomes_code)  { CALL(SYS_mprotect, page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC); }
KILLED(protection_key_code)  { CALL(SYS_pkey_mprotect, page, 4096, PROT_EXEC, -1); }
KILLED(memory_moved_over)    { CALL(SYS_mremap, page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, page); }
KILLED(memory_poisoned)      { CALL(SYS_madvise, page, 4096, 100 /* MADV_HWPOISON */); }
KILLED(terminal_input)       { CALL(SYS_ioctl, 0, TIOCSTI, "x"); }
KILLED(terminal_settings)    { CALL(SYS_ioctl, 0, TCSETS, page); }
KILLED(another_vm)           { CALL(SYS_ioctl, 0, KVM_CREATE_VM, 0); }
KILLED(another_vcpu)         { CALL(SYS_ioctl, 0, KVM_CREATE_VCPU, 0); }
KILLED(devices_of_kvm)       { CALL(SYS_ioctl, 0, KVM_CREATE_DEVICE, page); }
KILLED(other_registers)      { CALL(SYS_ioctl, 0, KVM_SET_MSRS, page); }
KILLED(file_locks)           { CALL(SYS_fcntl, host->file, F_SETLK, page); }
KILLED(signals_from_a_file)  { CALL(SYS_fcntl, host->file, F_SETOWN, 1); }
KILLED_DISK(interrupt_routes) { CALL(SYS_ioctl, 0, KVM_SET_GSI_ROUTING, page); }
KILLED_DISK(interrupt_by_file) { CALL(SYS_ioctl, 0, KVM_IRQFD, page); }
KILLED(log_of_vhost)         { CALL(SYS_ioctl, 0, VHOST_SET_LOG_BASE, page); }
KILLED_VCPU_DISK(memory_of_vhost) { CALL(SYS_ioctl, 0, VHOST_SET_MEM_TABLE, page); }
KILLED_VCPU_DISK(a_new_event) { CALL(SYS_eventfd2, 0, O_CLOEXEC); }
KILLED_MAIN_DISK(run_a_vcpu) { CALL(SYS_ioctl, 0, KVM_RUN, 0); }
KILLED_MAIN_DISK(park_a_vcpu) { CALL(SYS_ioctl, 0, KVM_SET_MP_STATE, page); }
KILLED_VCPU_DISK(change_memory_slots) { CALL(SYS_ioctl, 0, KVM_SET_USER_MEMORY_REGION, page); }
KILLED_VCPU(read_a_disk)     { CALL(SYS_preadv2, host->file, page, 0, 0, 0, 0); }
KILLED_VCPU(enter_a_ring)    { CALL(SYS_io_uring_enter, host->file, 1, 0, 0, NULL, 0); }
KILLED_MAIN_DISK(wait_in_a_ring) { CALL(SYS_io_uring_enter, host->file, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0); }
KILLED_MAIN_DISK(wake_a_ring) { CALL(SYS_io_uring_enter, host->file, 1, 0, IORING_ENTER_SQ_WAKEUP, NULL, 0); }
KILLED_VCPU(wait_for_events) { CALL(SYS_epoll_wait, host->file, page, 1, 0); }
/* clang-format on */

/* The 32-bit calls of the same kernel have other numbers: getpid there is 20, writev here. */
KILLED(call_of_i386)
{
	long result;

	(void)host;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

/* --- One thread ends all --- */

static void *thread_violates(void *unused)
{
	struct error err;

	(void)unused;
	if (filter_install(FILTER_VCPU, &err) == 0)
		syscall(SYS_getppid);
	return NULL;
}

static int thread_is_killed(const struct jailed_host *host)
{
	pthread_t thread;

	(void)host;
	if (pthread_create(&thread, NULL, thread_violates, NULL) != 0)
		return -EAGAIN;
	pthread_join(thread, NULL);
	return 0;
}

Test(threads, one_that_violates_its_filter_ends_the_process)
{
	struct jailed_end end;

	if (!filter_works())
		cr_skip_test("a build with sanitizers has no filters");
	end = jailed_run(JAILED_ROOT, NULL, thread_is_killed);
	cr_assert_eq(end.signal, SIGSYS, "signal %d, result %d", end.signal, end.result);
}

/* --- What goes through --- */

static void expect_passes(enum filter_kind kind, jailed_attempt attempt)
{
	struct jailed_end end = jailed_run(JAILED_ROOT, &kind, attempt);

	cr_assert_eq(end.signal, 0, "ended by signal %d", end.signal);
	cr_assert_eq(end.result, 0, "%s", strerror(-end.result));
}

/* Memory of all sizes, the log, time: what any code of ours may do anywhere. */
static int ordinary(const struct jailed_host *host)
{
	struct timespec now;
	struct itimerspec never = {.it_value = {0, 0}};

	(void)host;
	for (size_t size = 16; size < (64U << 20); size *= 3) {
		char *memory = malloc(size);

		if (!memory)
			return -ENOMEM;
		memset(memory, 1, size);
		memory = realloc(memory, size * 2);
		free(memory);
	}
	log_debug("not printed");
	log_info("jail test: %s %f", "a line of the log", 1.5);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	timerfd_settime(0, 0, &never, NULL);
	return 0;
}

Test(passes, ordinary_code_on_the_main_thread)
{
	expect_passes(FILTER_MAIN, ordinary);
}

Test(passes, ordinary_code_on_a_vcpu_thread)
{
	expect_passes(FILTER_VCPU, ordinary);
}

Test(passes, ordinary_code_on_a_disk_thread)
{
	expect_passes(FILTER_DISK, ordinary);
}

Test(passes, ordinary_code_on_a_display_thread)
{
	expect_passes(FILTER_DISPLAY, ordinary);
}

static int disk_work(const struct jailed_host *host)
{
	struct iovec part = {page, 512};

	if (pwritev2(host->file, &part, 1, 0, 0) != 512 ||
	    pwritev2(host->file, &part, 1, 512, RWF_DSYNC) != 512 ||
	    preadv2(host->file, &part, 1, 0, 0) != 512 || fdatasync(host->file) < 0)
		return -errno;
	/* It is no ring; but it may be tried. */
	return syscall(SYS_io_uring_enter, host->file, 1, 0, 0, NULL, 0) < 0 && errno == EOPNOTSUPP ? 0 : -errno;
}

/* The control queue of a card with several pairs is a queue of another thread's, when its driver knows of one
 * pair only. */
static int card_work(const struct jailed_host *host)
{
	return ioctl(host->file, TUNSETOFFLOAD, 0) < 0 && errno == ENOTTY ? 0 : -errno;
}

Test(passes, card_work_on_a_queue_s_thread)
{
	expect_passes(FILTER_DISK, card_work);
}

Test(passes, disk_work)
{
	expect_passes(FILTER_DISK, disk_work);
}

static int display_work(const struct jailed_host *host)
{
	struct iovec part = {page, 1};
	int fd = memfd_create("picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)host;
	if (fd < 0 || pwritev2(fd, &part, 1, sizeof(page) - 1, 0) != 1 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0 ||
	    preadv2(fd, &part, 1, 0, 0) != 1)
		return -errno;
	return close(fd) < 0 ? -errno : 0;
}

Test(passes, display_work)
{
	expect_passes(FILTER_DISPLAY, display_work);
}

static int console_work(const struct jailed_host *host)
{
	int ends[2];
	char byte;
	int copy;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return -errno;
	copy = fcntl(ends[0], F_DUPFD_CLOEXEC, 0);
	if (copy < 0 || fcntl(copy, F_SETFL, fcntl(copy, F_GETFL) | O_NONBLOCK) < 0)
		return -errno;
	if (send(copy, "x", 1, MSG_NOSIGNAL) != 1 || recv(ends[1], &byte, 1, 0) != 1 ||
	    shutdown(copy, SHUT_WR) < 0)
		return -errno;
	close(copy);
	return dup3(host->file, STDERR_FILENO, O_CLOEXEC) < 0 ? -errno : 0;
}

Test(passes, console_work)
{
	expect_passes(FILTER_MAIN, console_work);
}

static int abort_it(const struct jailed_host *host)
{
	(void)host;
	abort();
}

/* Our own fault must look like one, not like an attack. The first process of a namespace cannot raise SIGABRT
 * (pid_namespaces(7)); abort(3) then ends it with an instruction that faults. */
static void expect_fault(enum filter_kind kind)
{
	struct jailed_end end = jailed_run(JAILED_ROOT, &kind, abort_it);

	cr_assert(end.signal == SIGABRT || end.signal == SIGSEGV, "signal %d", end.signal);
}

Test(passes, abort_of_the_main_thread_is_no_violation)
{
	expect_fault(FILTER_MAIN);
}

Test(passes, abort_of_a_vcpu_thread_is_no_violation)
{
	expect_fault(FILTER_VCPU);
}

Test(passes, abort_of_a_disk_thread_is_no_violation)
{
	expect_fault(FILTER_DISK);
}

Test(passes, abort_of_a_display_thread_is_no_violation)
{
	expect_fault(FILTER_DISPLAY);
}
