/* A program in a process of its own, in namespaces of its own. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/jail/descriptors.h"
#include "vmm/jail/jail.h"
#include "vmm/jail/privileges.h"

#define NAMESPACES (__u64)(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)

#define ENVIRONMENT_MAX 8

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

/* fork(2) with more flags. What the child then calls allocates nothing and takes no lock of the C library. */
static pid_t process_clone(const struct jail_config *config, int *pidfd)
{
	struct clone_args args = {
		.flags = (__u64)CLONE_PIDFD | (config->on ? NAMESPACES : 0) |
			 (config->on && !config->network ? (__u64)CLONE_NEWNET : 0),
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};

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

static int map_write(const struct jail_config *config, pid_t pid, const char *file, unsigned outside)
{
	char line[48];

	snprintf(line, sizeof(line), "%u %u %u", config->ids ? 0 : outside, outside,
		 config->ids ? config->ids : 1);
	return proc_write(pid, file, line);
}

/* Else one user and one group, which are themselves inside: no other can be named there, not even root. */
static int ids_map(const struct jail_config *config, pid_t pid, struct error *err)
{
	int code = 0;

	if (geteuid() != 0) /* else user_namespaces(7) does not let us map a group */
		code = proc_write(pid, "setgroups", "deny");
	if (code == 0)
		code = map_write(config, pid, "uid_map", config->uid);
	if (code == 0)
		code = map_write(config, pid, "gid_map", config->gid);
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

/* --- What the program gets --- */

struct execution {
	const struct jail_program *program;
	int file;
	char *environment[ENVIRONMENT_MAX];
};

/* The caller's may hold secrets. */
static void environment_choose(char *chosen[ENVIRONMENT_MAX])
{
	static const char *const names[] = {
		"RASTOS_DEBUG=",  "TZ=",           "LD_LIBRARY_PATH=", "ASAN_OPTIONS=",
		"UBSAN_OPTIONS=", "TSAN_OPTIONS=",
	};
	unsigned count = 0;

	_Static_assert(ARRAY_SIZE(names) < ENVIRONMENT_MAX, "each of them, and the end");
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		for (char **item = environ; *item; item++) {
			if (strncmp(*item, names[i], strlen(names[i])) == 0) {
				chosen[count++] = *item;
				break;
			}
		}
	}
	chosen[count] = NULL;
}

/* --- The child --- */

/* Once its ids have a name. It keeps its capabilities over the namespaces: the kernel takes them from who was
 * root inside, and there is no root inside. */
static int identity_take(const struct jail_config *config)
{
	uid_t uid = config->ids ? 0 : config->uid;
	gid_t gid = config->ids ? 0 : config->gid;

	if (getuid() != uid && setgroups(0, NULL) < 0)
		return -errno;
	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return sethostname(config->name, strlen(config->name)) < 0 ? -errno : 0;
}

/* The program's process closes the jail (jail_close) with the capabilities that it starts with: those that
 * root_empty, limits_set and privileges_drop use, over its own namespaces. */
static int child_prepare(const struct jail_config *config)
{
	int code = identity_take(config);

	return code < 0 ? code : privileges_hand_on();
}

/* What it could not do. */
enum child_failure {
	CHILD_IDENTITY,
	CHILD_PROGRAM,
};

struct child_words {
	enum child_failure what;
	int code;
};

static __attribute__((noreturn)) void child_fail(int parent, enum child_failure what, int code)
{
	const struct child_words words = {what, code};

	/* When the parent is gone there is nobody to be told. */
	_exit(write(parent, &words, sizeof(words)) == sizeof(words) ? 1 : 2);
}

/* Comes back with a negative errno. */
static int child_exec(const struct execution *execution, int *parent)
{
	const struct jail_program *program = execution->program;
	int private[] = {execution->file, *parent};
	int code = descriptors_place(program->descriptors, program->count, private, ARRAY_SIZE(private));
	sigset_t none;

	if (code < 0)
		return code;
	*parent = private[1];
	setsid(); /* no terminal is this process' */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execveat(private[0], "", program->argv, execution->environment, AT_EMPTY_PATH);
	return -errno;
}

/* Waits for its ids' names, then says nothing but why there is no program; exec closes the socket. The parent
 * waits once: each time that two processes wait for each other costs a turn of both on a busy host. */
static __attribute__((noreturn)) void child_main(const struct jail_config *config,
						 const struct execution *execution, int parent)
{
	char go;
	int code;

	if (read(parent, &go, 1) != 1)
		_exit(1); /* the parent has said why */
	code = config->on ? child_prepare(config) : 0;
	if (code < 0)
		child_fail(parent, CHILD_IDENTITY, code);
	code = child_exec(execution, &parent);
	child_fail(parent, CHILD_PROGRAM, code);
}

/* --- The parent --- */

static int program_explain(const struct jail_config *config, const struct jail_program *program, int code,
			   struct error *err)
{
	if (code == -EACCES)
		return error_set(err, code,
				 "guest %s: its process, as user %u, may not execute %s: chmod 755 it, on a "
				 "file system that is not mounted noexec",
				 config->name, (unsigned)config->uid, program->argv[0]);
	return error_set(err, code, "guest %s: its process cannot execute %s: %s", config->name,
			 program->argv[0], strerror(-code));
}

static int identity_explain(const struct jail_config *config, int code, struct error *err)
{
	return error_set(err, code, "guest %s: its process cannot become user %u: %s", config->name,
			 (unsigned)config->uid, strerror(-code));
}

static int parent_begin(const struct jail_config *config, const struct jail_program *program, pid_t pid,
			int child, struct error *err)
{
	int code = config->on ? ids_map(config, pid, err) : 0;
	struct child_words said = {CHILD_IDENTITY, -ECHILD};

	if (code < 0)
		return code;
	if (send(child, "", 1, MSG_NOSIGNAL) == 1 && read(child, &said, sizeof(said)) == 0)
		return 0;
	return said.what == CHILD_PROGRAM ? program_explain(config, program, said.code, err)
					  : identity_explain(config, said.code, err);
}

static pid_t spawn(const struct jail_config *config, const struct execution *execution, int *pidfd,
		   struct error *err)
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
		child_main(config, execution, ends[1]);
	}
	if (pid < 0)
		code = clone_explain(config, -errno, err);
	close(ends[1]);
	if (pid > 0)
		code = parent_begin(config, execution->program, pid, ends[0], err);
	close(ends[0]);
	if (code < 0 && pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(TAKE_FD(*pidfd));
	}
	return code < 0 ? code : pid;
}

pid_t jail_spawn(const struct jail_config *config, const struct jail_program *program, int *pidfd,
		 struct error *err)
{
	struct execution execution = {.program = program};
	/* Of this program not its path: another version may be there by now. */
	const char *path = program->path ? program->path : "/proc/self/exe";
	AUTO_CLOSE int file = open(path, O_PATH | O_CLOEXEC);

	if (file < 0)
		return error_set(err, -errno, "guest %s: %s: cannot open: %m", config->name, path);
	execution.file = file;
	environment_choose(execution.environment);
	return spawn(config, &execution, pidfd, err);
}
