#include "rinit/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "common/util.h"
#include "rinit/credentials.h"
#include "rinit/file.h"

#define CONSOLE          "/dev/console"
#define DESCRIPTORS_MAX  ((rlim_t)524288)
#define DESCRIPTORS_SOFT ((rlim_t)1024)  /* select(2) knows no more; who can use more may raise it */
#define CONTROL(letter)  ((letter)&0x1f) /* the character that Ctrl and this letter make */

const char *program_find(const char *name, char *path, size_t size)
{
	const char *folder = SPAWN_PATH;

	if (strchr(name, '/'))
		return name;
	while (*folder) {
		int length = (int)strcspn(folder, ":");

		snprintf(path, size, "%.*s/%s", length, folder, name);
		if (!access(path, X_OK))
			return path;
		folder += length + (folder[length] == ':');
	}
	return access("/bin/busybox", X_OK) ? NULL : "/bin/busybox";
}

/* What the program before may have left: raw, no echo. The line's speed stays as it is. */
static void tty_make_sane(int fd)
{
	struct termios tty;

	if (tcgetattr(fd, &tty))
		return;
	tty.c_iflag =
		(tty.c_iflag & ~(tcflag_t)(IGNBRK | BRKINT | ISTRIP | INLCR | IGNCR | IXOFF)) | ICRNL | IXON;
	tty.c_oflag |= OPOST | ONLCR;
	tty.c_cflag |= CREAD | CLOCAL | HUPCL;
	tty.c_lflag |= ICANON | ISIG | IEXTEN | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE;
	tty.c_cc[VINTR] = CONTROL('C');
	tty.c_cc[VQUIT] = CONTROL('\\');
	tty.c_cc[VERASE] = 0x7f;
	tty.c_cc[VKILL] = CONTROL('U');
	tty.c_cc[VEOF] = CONTROL('D');
	tty.c_cc[VSTART] = CONTROL('Q');
	tty.c_cc[VSTOP] = CONTROL('S');
	tty.c_cc[VSUSP] = CONTROL('Z');
	tcsetattr(fd, TCSANOW, &tty);
}

/* O_NONBLOCK, since opening a serial line may wait for a carrier. */
static int tty_open(const char *path)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	fcntl(fd, F_SETFL, O_RDWR);
	ioctl(fd, TIOCSCTTY, 1); /* /dev/null in a container is no terminal, and no reason not to start */
	tty_make_sane(fd);
	return fd;
}

static int input_open(const struct spawn *spawn)
{
	const struct service_config *config = spawn->config;
	bool file = config && config->input == STDIN_FILE;
	int fd;

	switch (config ? config->input : STDIN_NULL) {
	case STDIN_TTY:
		return tty_open(config->tty ? config->tty : CONSOLE);
	case STDIN_INHERIT:
		return STDIN_FILENO;
	case STDIN_SOCKET:
		if (spawn->socket >= 0)
			return spawn->socket;
		__attribute__((fallthrough)); /* a command behind its connection's end */
	default:
		fd = open(file ? config->input_path : "/dev/null",
			  (file ? O_RDONLY : O_RDWR) | O_NOCTTY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
}

/* What standard output or error shall be the same as; "same" is what inherit means. */
static int output_open(const struct spawn *spawn, enum stdout_kind kind, const char *path, int same)
{
	const struct service_config *config = spawn->config;
	int flags = kind == STDOUT_APPEND ? O_APPEND : kind == STDOUT_TRUNCATE ? O_TRUNC : 0;
	int fd;

	if (kind == STDOUT_TTY && config->input == STDIN_TTY)
		return STDIN_FILENO;
	if (kind == STDOUT_TTY && config->input == STDIN_INHERIT)
		return STDOUT_FILENO;
	if (kind == STDOUT_SOCKET && spawn->socket >= 0)
		return spawn->socket;
	if (kind == STDOUT_LOG)
		return spawn->log;
	if (kind == STDOUT_SAME)
		return same;
	if (kind >= STDOUT_FILE)
		fd = open(path, O_WRONLY | O_CREAT | O_NOCTTY | O_CLOEXEC | flags, 0644);
	else
		fd = open(kind != STDOUT_TTY ? "/dev/null"
			  : config->tty      ? config->tty
					     : CONSOLE,
			  O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

static int child_descriptors(const struct spawn *spawn)
{
	const struct service_config *config = spawn->config;
	int fd = input_open(spawn);

	if (fd < 0)
		return fd;
	if (dup2(fd, STDIN_FILENO) < 0)
		return -errno;
	if (!config)
		return 0;
	fd = output_open(spawn, config->output, config->output_path, STDIN_FILENO);
	if (fd < 0)
		return fd;
	if (dup2(fd, STDOUT_FILENO) < 0)
		return -errno;
	fd = output_open(spawn, config->error, config->error_path, STDOUT_FILENO);
	return fd < 0 ? fd : dup2(fd, STDERR_FILENO) < 0 ? -errno : 0;
}

/* ---- what a service's child is made of, step by step ---- */

static int step_cgroup(struct spawn *spawn)
{
	return spawn->cgroup ? file_write(spawn->cgroup, "0") : 0;
}

/* Not setrlimit: the libcs do not agree on its first argument's type. */
static int limit_exchange(int resource, const struct rlimit *new, struct rlimit *old)
{
	return syscall(SYS_prlimit64, 0, resource, new, old) ? -errno : 0;
}

/* Who may not raise a limit, as in a container with a user namespace, gets as much as there is. */
static int limit_set(const struct service_limit *wanted)
{
	struct rlimit limit = wanted->limit, now;
	int rc = limit_exchange(wanted->resource, &limit, NULL);

	if (rc != -EPERM || limit_exchange(wanted->resource, NULL, &now))
		return rc;
	limit.rlim_max = MIN(limit.rlim_max, now.rlim_max);
	limit.rlim_cur = MIN(limit.rlim_cur, limit.rlim_max);
	return limit_exchange(wanted->resource, &limit, NULL);
}

void spawn_raise_descriptors(void)
{
	struct service_limit own = {.resource = RLIMIT_NOFILE};

	if (limit_exchange(RLIMIT_NOFILE, NULL, &own.limit))
		return;
	own.limit.rlim_max = MAX(own.limit.rlim_max, DESCRIPTORS_MAX);
	own.limit.rlim_cur = own.limit.rlim_max;
	limit_set(&own);
}

static int step_limits(struct spawn *spawn)
{
	const struct service_config *config = spawn->config;
	struct rlimit descriptors;
	int rc = limit_exchange(RLIMIT_NOFILE, NULL, &descriptors);

	descriptors.rlim_cur = MIN(descriptors.rlim_max, DESCRIPTORS_SOFT);
	if (!rc)
		rc = limit_exchange(RLIMIT_NOFILE, &descriptors, NULL);

	for (size_t i = 0; i < config->limit_count && !rc; i++)
		rc = limit_set(&config->limits[i]);
	return rc;
}

static int step_priorities(struct spawn *spawn)
{
	const struct service_config *config = spawn->config;
	char text[16];
	int rc;

	umask(config->umask);
	/* A user namespace may raise neither, and that is no fault. */
	if (config->nice != UNSET && setpriority(PRIO_PROCESS, 0, config->nice) && errno != EACCES &&
	    errno != EPERM)
		return -errno;
	if (config->oom_score_adjust == UNSET)
		return 0;
	snprintf(text, sizeof(text), "%d", config->oom_score_adjust);
	rc = file_write("/proc/self/oom_score_adj", text);
	return rc == -EACCES || rc == -EPERM ? 0 : rc;
}

#define IO_CLASS_SHIFT       13 /* <linux/ioprio.h> */
#define IO_CLASS_BEST_EFFORT 2
#define IO_PRIORITY_DEFAULT  4
#define IO_WHO_PROCESS       1

static int step_scheduling(struct spawn *spawn)
{
	const struct service_config *config = spawn->config;
	bool realtime = config->policy == SCHED_FIFO || config->policy == SCHED_RR;
	int priority = realtime ? MAX(config->priority, 1) : 0; /* sched_setscheduler(2)'s struct */
	int policy = MAX(config->policy, 0) | (config->reset_on_fork ? SCHED_RESET_ON_FORK : 0);
	int io_class = config->io_class == UNSET ? IO_CLASS_BEST_EFFORT : config->io_class & 3;
	int io_priority = config->io_priority == UNSET ? IO_PRIORITY_DEFAULT : config->io_priority;
	unsigned long mask[CPU_WORDS] = {0};

	for (size_t i = 0; i < config->cpus.count; i++)
		cpu_list_parse(config->cpus.items[i], mask);
	if (config->cpus.count && syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask) < 0)
		return -errno;
	if ((config->policy != UNSET || config->reset_on_fork) &&
	    syscall(SYS_sched_setscheduler, 0, policy, &priority))
		return -errno;
	if ((config->io_class != UNSET || config->io_priority != UNSET) &&
	    syscall(SYS_ioprio_set, IO_WHO_PROCESS, 0,
		    io_class << IO_CLASS_SHIFT | (io_class && io_class < 3 ? io_priority : 0)))
		return -errno;
	return 0;
}

const char *directory_base(enum directory_kind kind)
{
	static const char *const bases[] = {"/run", "/var/lib", "/var/cache", "/var/log", "/etc"};

	return bases[kind];
}

/* The folders on the way are root's; the last one is the service's. No symbolic link is followed for that. */
static int directory_make(const char *base, const char *name, mode_t mode, const struct credentials *owner)
{
	char path[PATH_MAX];
	int fd, rc = 0;

	snprintf(path, sizeof(path), "%s/%s", base, name);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	if (mkdir(path, mode) && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || (owner && fchown(fd, owner->uid, owner->gid)) || fchmod(fd, mode))
		rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc;
}

static int directories_make(const struct service_config *config, const struct credentials *credentials)
{
	int rc = 0;

	umask(0);
	for (int kind = 0; kind < DIRECTORY_KINDS; kind++)
		for (size_t i = 0; i < config->directories[kind].count && !rc; i++)
			rc = directory_make(directory_base((enum directory_kind)kind),
					    config->directories[kind].items[i], config->directory_modes[kind],
					    kind == DIRECTORY_CONFIGURATION ? NULL : credentials);
	return rc;
}

/* Delegate=: the user may make groups below the service's own (cgroup-v2.rst, "Delegation Containment"). */
static int cgroup_hand_over(const struct spawn *spawn, const struct credentials *credentials)
{
	static const char *const files[] = {"", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"};
	char path[PATH_MAX];
	int folder = (int)(strrchr(spawn->cgroup, '/') - spawn->cgroup);

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%.*s/%s", folder, spawn->cgroup, files[i]);
		if (chown(path, credentials->uid, credentials->gid))
			return -errno;
	}
	return 0;
}

/* Each process of the service sees temporary folders of its own, in memory. */
static int tmp_hide(void)
{
	static const char *const folders[] = {"/tmp", "/var/tmp"};

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL))
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (mount("tmpfs", folders[i], "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") && errno != ENOENT)
			return -errno;
	return 0;
}

/* Not by libc, which would look for threads of the memory that this child shares, to change them too. */
static int user_become(const struct service_config *config, const struct credentials *credentials)
{
	uid_t uid = credentials->uid;
	gid_t gid = credentials->gid;

	if (!config->user && !config->group && !config->groups.count)
		return 0;
	return syscall(SYS_setgroups, credentials->group_count, credentials->groups) ||
			       syscall(SYS_setresgid, gid, gid, gid) || syscall(SYS_setresuid, uid, uid, uid)
		       ? -errno
		       : 0;
}

static int directory_enter(const struct service_config *config, const struct credentials *credentials)
{
	const char *path = config->directory ? config->directory : "/";
	bool optional = *path == '-';

	path += optional;
	if (!strcmp(path, "~"))
		path = *credentials->home ? credentials->home : "/";
	return chdir(path) && (!optional || chdir("/")) ? -errno : 0;
}

static int sigpipe_ignore(const struct service_config *config)
{
	signal(SIGPIPE, config->ignore_sigpipe ? SIG_IGN : SIG_DFL);
	return config->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}

#define TRY(name, call)                                                                                      \
	do {                                                                                                 \
		int rc_ = (call);                                                                            \
		spawn->failed = (name);                                                                      \
		if (rc_)                                                                                     \
			return rc_;                                                                          \
	} while (0)

static int child_become_service(struct spawn *spawn, struct credentials *credentials)
{
	const struct service_config *config = spawn->config;

	TRY("its control group", step_cgroup(spawn));
	TRY("Nice or OOMScoreAdjust", step_priorities(spawn));
	TRY("CPUAffinity, CPUScheduling or IOScheduling", step_scheduling(spawn));
	if (config->user || config->group || config->groups.count)
		TRY("User or Group", credentials_read(config, credentials));
	TRY("a directory of its own", directories_make(config, credentials));
	umask(config->umask);
	if (config->delegate && config->user && spawn->cgroup)
		TRY("Delegate", cgroup_hand_over(spawn, credentials));
	if (config->private_tmp)
		TRY("PrivateTmp", tmp_hide());
	if (config->root)
		TRY("RootDirectory", chroot(config->root) ? -errno : 0);
	/* Until exec this child has all the descriptors of PID 1: under its own limit it could open nothing.
	 */
	TRY("Limit", step_limits(spawn));
	if (!spawn->privileged)
		TRY("User or Group", user_become(config, credentials));
	TRY("WorkingDirectory", directory_enter(config, credentials));
	TRY("NoNewPrivileges", sigpipe_ignore(config));
	return 0;
}

/* With the words that only the child knows. */
static int child_exec(const struct spawn *spawn, const char *path, const struct credentials *credentials)
{
	char texts[7][300] = {""};
	size_t count = 0, extra = 0;
	bool user = spawn->config && spawn->config->user && *credentials->name;

	while (spawn->environment && spawn->environment[count])
		count++;
	char *environment[count + ARRAY_SIZE(texts) + 1];

	if (user) {
		snprintf(texts[extra++], sizeof(texts[0]), "USER=%s", credentials->name);
		snprintf(texts[extra++], sizeof(texts[0]), "LOGNAME=%s", credentials->name);
		snprintf(texts[extra++], sizeof(texts[0]), "HOME=%s", credentials->home);
		snprintf(texts[extra++], sizeof(texts[0]), "SHELL=%s", credentials->shell);
	}
	if (spawn->config && spawn->config->watchdog_ms)
		snprintf(texts[extra++], sizeof(texts[0]), "WATCHDOG_PID=%d", (int)getpid());
	if (spawn->listen_count) {
		snprintf(texts[extra++], sizeof(texts[0]), "LISTEN_PID=%d", (int)getpid());
		snprintf(texts[extra++], sizeof(texts[0]), "LISTEN_FDS=%zu", spawn->listen_count);
	}
	for (size_t i = 0; i < extra; i++)
		environment[i] = texts[i];
	for (size_t i = 0; i <= count; i++)
		environment[extra + i] = i < count ? spawn->environment[i] : NULL;
	execve(path, spawn->argv, environment);
	return -errno;
}

/* To 3, 4 ...: first out of the way of each other. */
static int descriptors_listen(const struct spawn *spawn)
{
	int first = STDERR_FILENO + 1, count = (int)spawn->listen_count;
	int moved[count + 1];

	for (int i = 0; i < count; i++) {
		moved[i] = fcntl(spawn->listen[i], F_DUPFD_CLOEXEC, first + count);
		if (moved[i] < 0)
			return -errno;
	}
	for (int i = 0; i < count; i++) {
		if (dup2(moved[i], first + i) < 0)
			return -errno;
		if (i < (int)spawn->socket_count)
			fcntl(first + i, F_SETFL, spawn->config->non_blocking ? O_NONBLOCK : 0);
	}
	return 0;
}

/* In the child; returns only when something failed. */
static int child_run(struct spawn *spawn, const char *path)
{
	struct credentials credentials = {0};
	sigset_t none;

	setsid();
	TRY("its input or output", child_descriptors(spawn));
	TRY("its sockets", descriptors_listen(spawn));
	if (spawn->config) {
		int rc = child_become_service(spawn, &credentials);

		if (rc)
			return rc;
	} else {
		TRY("its folder", chdir(spawn->directory ? spawn->directory : "/") ? -errno : 0);
	}
	spawn->failed = NULL;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	return child_exec(spawn, path, &credentials);
}

int spawn_exec(struct spawn *spawn)
{
	char buffer[PATH_MAX];
	const char *path = program_find(spawn->program, buffer, sizeof(buffer));

	spawn->failed = NULL;
	return path ? child_run(spawn, path) : -ENOENT;
}

int spawn(struct spawn *spawn, pid_t *pid)
{
	volatile int failure = 0;
	pid_t child = vfork();

	if (!child) {
		failure = spawn_exec(spawn);
		_exit(127);
	}
	if (child < 0)
		return -errno;
	/* A child that failed ends by itself and is reaped like any other; its id means nothing to anybody.
	 */
	*pid = child;
	return failure;
}
