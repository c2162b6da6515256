#include "vmm/storage/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "sandbox_filter.inc" /* made by sandbox_filter_make */

#define OPEN_FILES_MAX 1024

/* --- Landlock --- */

#define LANDLOCK_READ                                                                                        \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define LANDLOCK_WRITE                                                                                       \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |    \
	 LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |          \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |       \
	 LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
#define LANDLOCK_FILE                                                                                        \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE)
#define LANDLOCK_ABI_REFER 2

struct rules {
	int fd;
	uint64_t handled;
};

/* A rule for what fd refers to; a file has only a file's rights. What cannot be ruled cannot be used. */
static void allow(const struct rules *rules, int fd, uint64_t access)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = access & rules->handled, .parent_fd = fd};
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return;
	if (!S_ISDIR(status.st_mode))
		rule.allowed_access &= LANDLOCK_FILE;
	syscall(SYS_landlock_add_rule, rules->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static void allow_path(const struct rules *rules, const char *path, uint64_t access)
{
	AUTO_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);

	allow(rules, fd, access);
}

int sandbox_rules(const struct program *program)
{
	static const char *const system[] = {
		"/usr",
		"/bin",
		"/sbin",
		"/lib",
		"/lib64",
		"/etc/ld.so.cache",
		"/etc/alternatives",
		"/etc/mke2fs.conf",
		"/etc/passwd",
		"/etc/group",
		"/dev/urandom",
	};
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attributes = {.handled_access_fs = LANDLOCK_READ | LANDLOCK_WRITE};
	struct rules rules;

	if (abi < 1)
		return -1;
	if (abi < LANDLOCK_ABI_REFER)
		attributes.handled_access_fs &= ~(uint64_t)LANDLOCK_ACCESS_FS_REFER;
	rules.handled = attributes.handled_access_fs;
	rules.fd = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	if (rules.fd < 0)
		return -1;
	for (unsigned i = 0; i < ARRAY_SIZE(system); i++)
		allow_path(&rules, system[i], LANDLOCK_READ);
	allow_path(&rules, "/dev/null", LANDLOCK_READ | LANDLOCK_WRITE);
	allow(&rules, program->folder, LANDLOCK_READ | LANDLOCK_WRITE);
	allow(&rules, program->source, LANDLOCK_READ);
	return rules.fd;
}

/* --- Namespaces --- */

pid_t sandbox_fork(void)
{
	struct clone_args args = {
		.flags = (uint64_t)(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
				    CLONE_NEWUTS),
		.exit_signal = SIGCHLD,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	return pid < 0 ? -errno : (pid_t)pid;
}

/* Becomes root of the namespace. The C library's setuid would look for threads, which a child has not. */
static int take_ids(bool drop_groups)
{
	if ((drop_groups && syscall(SYS_setgroups, 0, NULL) < 0) || syscall(SYS_setresgid, 0, 0, 0) < 0 ||
	    syscall(SYS_setresuid, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

/* --- Limits --- */

static int limit(int resource, uint64_t value)
{
	struct rlimit limits = {.rlim_cur = value, .rlim_max = value};

	return setrlimit((__rlimit_resource_t)resource, &limits) < 0 ? -errno : 0;
}

static int limit_all(const struct program *program)
{
	int code = limit(RLIMIT_CORE, 0);

	if (code == 0)
		code = limit(RLIMIT_NOFILE, OPEN_FILES_MAX);
	if (code == 0 && program->memory_max)
		code = limit(RLIMIT_AS, program->memory_max);
	if (code == 0 && program->file_max) /* what it says is written to a file, too */
		code = limit(RLIMIT_FSIZE, MAX(program->file_max, (uint64_t)PROGRAM_MESSAGES_MAX));
	return code;
}

/* Ends with the parent, which holds the other end of go: what is left of one that has died meanwhile is for
 * the next sweep. (In a namespace of its own it has no parent's id.) */
static int end_with_parent(int go)
{
	struct pollfd parent = {.fd = go};

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	return poll(&parent, 1, 0) < 0 || parent.revents ? -ESRCH : 0;
}

int sandbox_filter_calls(enum sandbox_filter kind)
{
	static const struct {
		const struct sock_filter *filter;
		unsigned short len;
	} filters[] = {
		[SANDBOX_FILTER_PROGRAM] = {sandbox_filter, ARRAY_SIZE(sandbox_filter)},
		[SANDBOX_FILTER_DAEMON] = {daemon_filter, ARRAY_SIZE(daemon_filter)},
		[SANDBOX_FILTER_OWNERS] = {owners_filter, ARRAY_SIZE(owners_filter)},
	};
	struct sock_fprog filter = {
		.len = filters[kind].len,
		.filter = (struct sock_filter *)(uintptr_t)filters[kind].filter,
	};

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0 ? -errno : 0;
}

int sandbox_enter(const struct program *program, const struct sandbox_places *places, int go, bool root)
{
	struct sandbox_trees trees = {.source = -1, .folder = -1};
	int code = limit_all(program);

	if (code == 0)
		code = sandbox_trees_take(places, &trees);
	if (code == 0)
		code = take_ids(root);
	if (code == 0)
		code = sandbox_root_enter(&trees);
	if (code == 0)
		code = end_with_parent(go); /* new ids have forgotten it */
	if (code < 0)
		return code;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return sandbox_filter_calls(SANDBOX_FILTER_PROGRAM);
}

_Noreturn void sandbox_watch(pid_t program)
{
	int status = 0;
	pid_t ended;

	/* Its memory is its parent's. The pipes' ends would be missed. */
	prctl(PR_SET_DUMPABLE, 0);
	close_range(0, ~0U, 0);
	do
		ended = waitpid(-1, &status, 0);
	while (ended != program && (ended > 0 || errno == EINTR));
	_exit(WIFSIGNALED(status) ? SANDBOX_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status));
}

int sandbox_restrict(int rules)
{
	if (rules < 0)
		return 0;
	/* Of /proc only what is the program's own. */
	allow_path(&(struct rules){.fd = rules, .handled = LANDLOCK_READ}, "/proc/self", LANDLOCK_READ);
	return syscall(SYS_landlock_restrict_self, rules, 0) < 0 ? -errno : 0;
}
