#include "vmm/storage/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
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
#include "vmm/storage/source_view.h"
#include "sandbox_filter.inc" /* made by sandbox_filter_make */

#define OPEN_FILES_MAX 1024

/* Ids for programs that root runs: above those of guests (settings.h: guest_ids), nobody's outside of the
 * pool's drafts. As many as files of archives may have; the namespace must not have all that there are, which
 * programs (umoci) take for the first namespace, where they may make device nodes. */
#define IDS_FIRST 1910000000U
#define IDS_COUNT (1U << 24)
#define IDS_ALL   4294967293U
#define NOBODY    65534U

extern char **environ;

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

static int write_file(pid_t child, const char *name, const char *text)
{
	char path[64];
	AUTO_CLOSE int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)child, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -errno;
	return 0;
}

/* The user's first range in /etc/subuid or /etc/subgid: NAME:START:COUNT (subuid(5)). */
static bool find_range(const char *path, unsigned long *start, unsigned long *count)
{
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	const struct passwd *user = getpwuid(geteuid());
	char line[256];
	char name[64];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63[^:]:%lu:%lu", name, start, count) != 3 || *count == 0)
			continue;
		if ((user && strcmp(user->pw_name, name) == 0) ||
		    (name[0] >= '0' && name[0] <= '9' && strtoul(name, NULL, 10) == geteuid()))
			return true;
	}
	return false;
}

/* Runs a program that may do what we may not; 0 when it did. */
static int run_helper(const char *const *argv)
{
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;
	int code = posix_spawn_file_actions_init(&actions);

	if (code)
		return -code;
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	code = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (code)
		return -code;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0 ? 0 : -EPERM;
}

/* newuidmap(1) and newgidmap(1) map the range that an administrator has granted, behind the user's own id. */
static int map_granted(pid_t child, const char *tool, const char *granted, unsigned own)
{
	char process[16], id[16], first[24], size[24];
	const char *argv[] = {tool, process, "0", id, "1", "1", first, size, NULL};
	unsigned long start, count;

	if (!find_range(granted, &start, &count))
		return -EPERM;
	snprintf(process, sizeof(process), "%d", (int)child);
	snprintf(id, sizeof(id), "%u", own);
	snprintf(first, sizeof(first), "%lu", start);
	snprintf(size, sizeof(size), "%lu", count);
	return run_helper(argv);
}

static int map_as_user(pid_t child, bool many)
{
	char map[32];
	int code;

	if (many) {
		code = map_granted(child, "newuidmap", "/etc/subuid", geteuid());
		return code < 0 ? code : map_granted(child, "newgidmap", "/etc/subgid", getegid());
	}
	code = write_file(child, "setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)geteuid());
	if (code == 0)
		code = write_file(child, "uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)getegid());
	return code < 0 ? code : write_file(child, "gid_map", map);
}

/* One id that may just read the file, which a program opens again by its name: nobody where that is enough.
 */
static void ids_that_read(const struct stat *file, unsigned *user, unsigned *group)
{
	*user = NOBODY;
	*group = NOBODY;
	if (file->st_mode & S_IROTH)
		return;
	*group = file->st_gid;
	if (!(file->st_mode & S_IRGRP))
		*user = file->st_uid;
}

/* Who a program is that root runs. */
struct ids {
	unsigned user, group, count;
};

/* Whether it must have the host's own ids to read its source, if there is no view of that. */
static bool wants_root(const struct program *program)
{
	struct stat file;

	if (program->source < 0 || program->owners == PROGRAM_OWNERS_MANY)
		return false;
	return program->owners == PROGRAM_OWNERS_REAL ||
	       (fstat(program->source, &file) == 0 && file.st_uid == 0 &&
		!(file.st_mode & (S_IRGRP | S_IROTH)));
}

int sandbox_view(const struct program *program)
{
	if (geteuid() != 0 || !wants_root(program))
		return -1;
	return source_view_make(program->source, IDS_FIRST,
				program->owners == PROGRAM_OWNERS_REAL ? IDS_COUNT : 1);
}

static int ids_choose(const struct program *program, bool has_view, struct ids *ids)
{
	struct stat file;

	*ids = (struct ids){IDS_FIRST, IDS_FIRST, program->owners == PROGRAM_OWNER_ONE ? 1 : IDS_COUNT};
	if (has_view)
		return 0;
	if (program->owners == PROGRAM_OWNERS_REAL)
		*ids = (struct ids){0, 0, IDS_ALL};
	else if (program->source >= 0 && fstat(program->source, &file) < 0)
		return -errno;
	else if (program->source >= 0 && program->owners == PROGRAM_OWNER_ONE)
		ids_that_read(&file, &ids->user, &ids->group);
	return 0;
}

/* Root's files that are right in the folder, and the folder: what a program before this one has made is its.
 */
static int folder_give(int folder, const struct ids *ids)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	struct stat status;
	int code = 0;

	if (!dir) {
		cleanup_close(&copy);
		return -errno;
	}
	while (code == 0 && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, "..") == 0 ||
		    fstatat(copy, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if ((status.st_uid == 0 || strcmp(entry->d_name, ".") == 0) &&
		    fchownat(copy, entry->d_name, ids->user, ids->group, AT_SYMLINK_NOFOLLOW) < 0)
			code = -errno;
	}
	closedir(dir);
	return code;
}

static int map_as_root(pid_t child, const struct program *program, bool has_view)
{
	struct ids ids;
	char map[32];
	int code = ids_choose(program, has_view, &ids);

	if (code == 0 && program->folder >= 0)
		code = folder_give(program->folder, &ids);
	if (code < 0)
		return code;
	snprintf(map, sizeof(map), "0 %u %u", ids.user, ids.count);
	code = write_file(child, "uid_map", map);
	snprintf(map, sizeof(map), "0 %u %u", ids.group, ids.count);
	return code < 0 ? code : write_file(child, "gid_map", map);
}

int sandbox_map_ids(pid_t child, const struct program *program, bool has_view, struct error *err)
{
	bool root = geteuid() == 0;
	bool many = program->owners == PROGRAM_OWNERS_MANY;
	int code = root ? map_as_root(child, program, has_view) : map_as_user(child, many);

	if (code < 0 && many && !root)
		return error_set(
			err, code,
			"files of several owners need user ids: apt-get install uidmap, and a line in "
			"/etc/subuid and /etc/subgid (subuid(5))");
	return code < 0 ? error_set(err, code, "cannot map user ids for a program: %s", strerror(-code)) : 0;
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

static int filter_calls(void)
{
	struct sock_fprog filter = {
		.len = ARRAY_SIZE(sandbox_filter),
		.filter = (struct sock_filter *)(uintptr_t)sandbox_filter,
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
	return filter_calls();
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
