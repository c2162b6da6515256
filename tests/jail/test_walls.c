/*
 * The jail without its filters: what namespaces, the empty root, the lost capabilities and the limits refuse
 * by themselves to code that may make any system call. Each attempt is made by root's guest process and by a
 * user's.
 */
#include "jailed.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/reboot.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/io.h>
#include <sys/ipc.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"

static void expect(enum jailed_user user, jailed_attempt attempt, int first, int second)
{
	struct jailed_end end = jailed_run(user, NULL, attempt);

	cr_assert_eq(end.signal, 0, "ended by signal %d", end.signal);
	cr_assert(end.result == -first || end.result == -second, "%s instead of %s",
		  end.result ? strerror(-end.result) : "it succeeded", strerror(first));
}

/* An attempt, and the error it must meet; with a second one where kernels differ. */
#define REFUSED2(name, first, second)                                                                        \
	static int name(const struct jailed_host *host);                                                     \
	Test(root, name)                                                                                     \
	{                                                                                                    \
		expect(JAILED_ROOT, name, first, second);                                                    \
	}                                                                                                    \
	Test(rootless, name)                                                                                 \
	{                                                                                                    \
		expect(JAILED_ROOTLESS, name, first, second);                                                \
	}                                                                                                    \
	static int name(const struct jailed_host *host)
#define REFUSED(name, code) REFUSED2(name, code, code)

/* 0, or why not. */
static int outcome(long result)
{
	return result < 0 ? -errno : 0;
}

#define UNUSED (void)host

/* --- The file system --- */

REFUSED(file_of_the_host, ENOENT)
{
	UNUSED;
	return outcome(open("/etc/passwd", O_RDONLY));
}

REFUSED(proc, ENOENT)
{
	UNUSED;
	return outcome(open("/proc/self/status", O_RDONLY));
}

REFUSED(device, ENOENT)
{
	UNUSED;
	return outcome(open("/dev/kvm", O_RDWR));
}

REFUSED(way_up, ENOENT)
{
	UNUSED;
	return outcome(open("../../../../etc/passwd", O_RDONLY));
}

REFUSED(descriptor_of_the_manager, EBADF)
{
	return outcome(openat(host->folder, "etc/passwd", O_RDONLY));
}

/* Landlock refuses to list the root; without it there is nothing in it. */
REFUSED2(root_has_something, EACCES, ENOENT)
{
	DIR *root = opendir("/");
	const struct dirent *entry;

	UNUSED;
	while (root && (entry = readdir(root))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return 0;
	}
	return root ? -ENOENT : -errno;
}

REFUSED(root_is_large, ENOSPC)
{
	struct statfs status;

	UNUSED;
	if (statfs("/", &status) < 0)
		return -errno;
	return status.f_blocks > 1 ? 0 : -ENOSPC;
}

REFUSED(new_file, EROFS)
{
	UNUSED;
	return outcome(open("/file", O_CREAT | O_WRONLY, 0600));
}

REFUSED(new_folder, EROFS)
{
	UNUSED;
	return outcome(mkdir("/folder", 0700));
}

REFUSED(new_device, EROFS)
{
	UNUSED;
	return outcome(mknod("/device", S_IFCHR | 0600, makedev(10, 232)));
}

REFUSED(mount_something, EPERM)
{
	UNUSED;
	return outcome(mount("proc", "/", "proc", 0, NULL));
}

REFUSED(make_the_root_writable, EPERM)
{
	UNUSED;
	return outcome(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
}

REFUSED(unmount_the_root, EPERM)
{
	UNUSED;
	return outcome(umount2("/", MNT_DETACH));
}

REFUSED(pivot_root, EPERM)
{
	UNUSED;
	return outcome(syscall(SYS_pivot_root, ".", "."));
}

REFUSED(chroot_somewhere, EPERM)
{
	UNUSED;
	return outcome(chroot("/"));
}

REFUSED(file_by_handle, EPERM)
{
	struct {
		struct file_handle handle;
		char bytes[8];
	} handle = {.handle = {.handle_bytes = 8, .handle_type = 1}};

	UNUSED;
	return outcome(open_by_handle_at(AT_FDCWD, &handle.handle, O_RDONLY));
}

REFUSED(file_that_fills_the_disk, EFBIG)
{
	if (ftruncate(host->file, JAILED_FILE_MAX) < 0)
		return -EIO; /* that much is allowed */
	return outcome(ftruncate(host->file, JAILED_FILE_MAX + 1));
}

/* --- Others' sockets, the network, what else can be shared --- */

static int socket_connect(const struct jailed_host *host, size_t from)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path + from, sizeof(address.sun_path) - from, "%s", host->socket);
	return outcome(connect(fd, (struct sockaddr *)&address, sizeof(address)));
}

REFUSED(socket_of_the_manager, ENOENT)
{
	return socket_connect(host, 0);
}

/* Landlock forbids abstract sockets of others; without it they are another network namespace's. */
REFUSED2(abstract_socket_of_the_manager, ECONNREFUSED, EPERM)
{
	return socket_connect(host, 1);
}

REFUSED2(internet, ENETUNREACH, EACCES)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	UNUSED;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return outcome(connect(fd, (struct sockaddr *)&address, sizeof(address)));
}

REFUSED(datagram, ENETUNREACH)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	UNUSED;
	address.sin_addr.s_addr = htonl(0x08080808);
	return outcome(sendto(fd, "", 1, 0, (struct sockaddr *)&address, sizeof(address)));
}

REFUSED(raw_packets, EPERM)
{
	UNUSED;
	return outcome(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)));
}

REFUSED(turn_on_an_interface, EPERM)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
		struct nlmsgerr room;
	} message = {
		.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
			   .nlmsg_type = RTM_NEWLINK,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.link = {.ifi_index = 1, .ifi_flags = 1, .ifi_change = 1},
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[256];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

	UNUSED;
	if (fd < 0 || send(fd, &message, message.header.nlmsg_len, 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		return -errno;
	return answer.error.error;
}

REFUSED(shared_memory_of_the_host, ENOENT)
{
	return outcome(shmget(host->shm_key, 0, 0));
}

REFUSED(change_the_host_name, EPERM)
{
	UNUSED;
	return outcome(sethostname("owned", 5));
}

/* --- Other processes --- */

REFUSED(trace_the_manager, ESRCH)
{
	return outcome(ptrace(PTRACE_ATTACH, host->manager, NULL, NULL));
}

REFUSED(read_the_manager, ESRCH)
{
	char byte;
	struct iovec local = {&byte, 1};
	struct iovec remote = {(void *)&errno, 1};

	return outcome(process_vm_readv(host->manager, &local, 1, &remote, 1, 0));
}

REFUSED(kill_the_manager, ESRCH)
{
	return outcome(kill(host->manager, SIGKILL));
}

REFUSED(kill_everybody, ESRCH)
{
	UNUSED;
	return outcome(kill(-1, SIGKILL));
}

REFUSED(kill_the_group, ESRCH)
{
	return outcome(kill(-host->manager, SIGKILL));
}

REFUSED(hold_the_manager, ESRCH)
{
	return outcome(syscall(SYS_pidfd_open, host->manager, 0));
}

REFUSED(limit_the_manager, ESRCH)
{
	struct rlimit limit = {0, 0};

	return outcome(prlimit(host->manager, RLIMIT_NOFILE, &limit, NULL));
}

REFUSED(slow_the_manager, ESRCH)
{
	return outcome(setpriority(PRIO_PROCESS, (id_t)host->manager, 19));
}

REFUSED(know_the_parent, ESRCH)
{
	UNUSED;
	return getppid() == 0 ? -ESRCH : 0;
}

/* --- New processes --- */

/* One more than it has threads for KVM's own; then no more. */
REFUSED(many_processes, EAGAIN)
{
	UNUSED;
	for (unsigned i = 0; i < 4; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (pid == 0)
			pause();
	}
	return 0;
}

REFUSED(program_of_the_host, ENOENT)
{
	char *const arguments[] = {(char[]){"sh"}, NULL};

	UNUSED;
	return outcome(execve("/bin/sh", arguments, NULL));
}

/* --- More rights --- */

REFUSED(user_namespace, ENOSPC)
{
	UNUSED;
	return outcome(unshare(CLONE_NEWUSER));
}

REFUSED(mount_namespace, EPERM)
{
	UNUSED;
	return outcome(unshare(CLONE_NEWNS));
}

REFUSED(network_namespace, EPERM)
{
	UNUSED;
	return outcome(unshare(CLONE_NEWNET));
}

REFUSED(enter_a_namespace, EPERM)
{
	UNUSED;
	return outcome(setns((int)syscall(SYS_pidfd_open, getpid(), 0), CLONE_NEWNS));
}

REFUSED(become_root, EINVAL)
{
	UNUSED;
	return outcome(setresuid(0, 0, 0));
}

REFUSED(become_root_s_group, EINVAL)
{
	UNUSED;
	return outcome(setresgid(0, 0, 0));
}

REFUSED(supplementary_groups, EPERM)
{
	gid_t group = 0;

	UNUSED;
	return outcome(setgroups(1, &group));
}

REFUSED(capabilities, EPERM)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{.effective = 1U << CAP_SYS_ADMIN, .permitted = 1U << CAP_SYS_ADMIN}};

	UNUSED;
	return outcome(syscall(SYS_capset, &header, data));
}

REFUSED(a_bounding_set, EPERM)
{
	UNUSED;
	for (unsigned long capability = 0; capability <= CAP_LAST_CAP; capability++) {
		if (prctl(PR_CAPBSET_READ, capability) != 0)
			return 0;
	}
	return -EPERM;
}

REFUSED(new_privileges, EINVAL)
{
	UNUSED;
	return outcome(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

REFUSED(raise_a_limit, EPERM)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

	UNUSED;
	return outcome(setrlimit(RLIMIT_NPROC, &limit));
}

REFUSED(lock_memory, EPERM)
{
	static char page[4096];

	UNUSED;
	return outcome(syscall(SYS_mlock, page, sizeof(page))); /* sanitizers replace mlock(2) */
}

REFUSED(real_time, EPERM)
{
	struct sched_param parameter = {.sched_priority = 1};

	UNUSED;
	return outcome(sched_setscheduler(0, SCHED_FIFO, &parameter));
}

REFUSED(more_priority, EACCES)
{
	UNUSED;
	return outcome(setpriority(PRIO_PROCESS, 0, -20));
}

/* --- The kernel --- */

REFUSED2(load_a_module, EPERM, ENOSYS)
{
	UNUSED;
	return outcome(syscall(SYS_init_module, "", 0, ""));
}

REFUSED(reboot_the_host, EPERM)
{
	UNUSED;
	return outcome(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_OFF,
			       NULL));
}

REFUSED2(set_the_clock, EPERM, EINVAL)
{
	struct timespec now;

	UNUSED;
	clock_gettime(CLOCK_REALTIME, &now);
	return outcome(clock_settime(CLOCK_REALTIME, &now));
}

REFUSED2(ports, EPERM, ENOSYS)
{
	UNUSED;
	return outcome(iopl(3));
}

REFUSED(kernel_log, EPERM)
{
	char text[16];

	UNUSED;
	return outcome(klogctl(3, text, sizeof(text)));
}

REFUSED2(load_bpf, EPERM, ENOSYS)
{
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attributes = {
		.prog_type = BPF_PROG_TYPE_KPROBE,
		.insn_cnt = ARRAY_SIZE(program),
		.insns = (uint64_t)(uintptr_t)program,
		.license = (uint64_t)(uintptr_t) "GPL",
	};

	UNUSED;
	return outcome(syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes)));
}

/* The manager's keyring is not this process': in its own there is nothing. */
REFUSED2(key_of_the_session, ENOKEY, ENOSYS)
{
	UNUSED;
	return outcome(
		syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", "rastos-jail-test", 0));
}
