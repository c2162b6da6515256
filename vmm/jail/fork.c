/* A process in namespaces of its own. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/jail/jail.h"

#define NAMESPACES                                                                                           \
	(__u64)(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

/* A number from /proc/sys; -1 when there is no such file. */
static long sysctl_read(const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32] = "";

	return fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 ? -1 : strtol(text, NULL, 10);
}

static int clone_explain(const struct jail_config *config, int code, struct error *err)
{
	const char *guest = config->name;

	if (!config->on)
		return error_set(err, code, "guest %s: cannot start its process: %s", guest, strerror(-code));
	if (sysctl_read("/proc/sys/user/max_user_namespaces") == 0)
		return error_set(
			err, code,
			"guest %s: its jail needs user namespaces, which this host forbids: run 'sudo sysctl "
			"user.max_user_namespaces=10000'",
			guest);
	if (geteuid() != 0 && sysctl_read("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		return error_set(
			err, code,
			"guest %s: its jail needs user namespaces, which this host grants to root alone: run "
			"'sudo sysctl kernel.unprivileged_userns_clone=1', or rastos-vmm as root",
			guest);
	return error_set(
		err, code,
		"guest %s: cannot make the namespaces of its jail: %s; a container must allow user namespaces, "
		"or \"jail\": false in vmm.json runs guests without a jail",
		guest, strerror(-code));
}

/*
 * fork(2) with more flags. The C library keeps the thread's id in memory; the kernel knows where
 * (set_tid_address(2)) and can write the child's there, as it does for fork.
 */
static pid_t process_clone(const struct jail_config *config, int *pidfd)
{
	struct clone_args args = {
		.flags = (__u64)CLONE_PIDFD | (config->on ? NAMESPACES : 0),
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};
	uint64_t tid = 0;

	if (prctl(PR_GET_TID_ADDRESS, &tid) == 0 && tid) {
		args.flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
		args.child_tid = tid;
	}
	if (config->cgroup_fd >= 0) {
		args.flags |= (__u64)CLONE_INTO_CGROUP;
		args.cgroup = (__u64)config->cgroup_fd;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static int proc_write(pid_t pid, const char *file, const char *text)
{
	char path[64];
	int code = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		code = -errno;
	close(fd);
	return code;
}

/* One user and one group, which are themselves inside: no other can be named there, not even root. */
static int ids_map(const struct jail_config *config, pid_t pid, struct error *err)
{
	char line[48];
	int code = 0;

	if (geteuid() != 0) /* else user_namespaces(7) does not let us map a group */
		code = proc_write(pid, "setgroups", "deny");
	snprintf(line, sizeof(line), "%u %u 1", (unsigned)config->uid, (unsigned)config->uid);
	if (code == 0)
		code = proc_write(pid, "uid_map", line);
	snprintf(line, sizeof(line), "%u %u 1", (unsigned)config->gid, (unsigned)config->gid);
	if (code == 0)
		code = proc_write(pid, "gid_map", line);
	if (code == 0)
		return 0;
	if (geteuid() == 0)
		return error_set(err, code,
				 "guest %s: cannot run it as user %u: %s; give ids that this root may use as "
				 "\"guest_ids\" in vmm.json",
				 config->name, (unsigned)config->uid, strerror(-code));
	return error_set(err, code, "guest %s: cannot name the user of its jail: %s", config->name,
			 strerror(-code));
}

/* In the child, once its ids have a name. It keeps its capabilities over the namespaces until jail_close: the
 * kernel takes them from who was root inside, and there is no root inside. */
static int identity_take(const struct jail_config *config)
{
	if (getuid() != config->uid && setgroups(0, NULL) < 0)
		return -errno;
	if (setresgid(config->gid, config->gid, config->gid) < 0 ||
	    setresuid(config->uid, config->uid, config->uid) < 0)
		return -errno;
	if (sethostname(config->name, strlen(config->name)) < 0)
		return -errno;
	setsid(); /* no terminal is this process' */
	return 0;
}

/* The child waits for its ids' names, then says how taking them went: an errno, 0 for well. */
static void child_begin(const struct jail_config *config, int parent)
{
	char go;
	int code;

	if (read(parent, &go, 1) != 1)
		_exit(1); /* the parent has said why */
	code = identity_take(config);
	if (write(parent, &code, sizeof(code)) != sizeof(code) || code < 0)
		_exit(1);
}

static int parent_begin(const struct jail_config *config, pid_t pid, int child, struct error *err)
{
	int code = ids_map(config, pid, err);
	int said = -ECHILD;

	if (code < 0)
		return code;
	if (send(child, "", 1, MSG_NOSIGNAL) != 1 || read(child, &said, sizeof(said)) != sizeof(said) ||
	    said < 0)
		return error_set(err, said, "guest %s: its process cannot become user %u: %s", config->name,
				 (unsigned)config->uid, strerror(-said));
	return 0;
}

pid_t jail_fork(const struct jail_config *config, int *pidfd, struct error *err)
{
	int ends[2]; /* the parent's, the child's */
	int code = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, -errno, "guest %s: cannot make a socket to its process: %m",
				 config->name);
	pid = process_clone(config, pidfd);
	if (pid == 0) {
		close(ends[0]);
		if (config->on)
			child_begin(config, ends[1]);
		close(ends[1]);
		return 0;
	}
	if (pid < 0)
		code = clone_explain(config, -errno, err);
	close(ends[1]);
	if (pid > 0 && config->on)
		code = parent_begin(config, pid, ends[0], err);
	close(ends[0]);
	if (code < 0 && pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(*pidfd);
	}
	return code < 0 ? code : pid;
}
