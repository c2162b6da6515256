#include "vmm/exec/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"

#define CANNOT_RUN 127

/* Newer than Debian 12's headers. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

/* What of each version of Landlock's is about changing things; what unpacking needs of it is in the second
 * table. */
#define CHANGES_1                                                                                            \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |    \
	 LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |          \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |       \
	 LANDLOCK_ACCESS_FS_MAKE_SYM)
#define FORBIDDEN                                                                                            \
	(LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SOCK |       \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO)

static uint64_t changes_known(int version)
{
	uint64_t changes = CHANGES_1;

	if (version >= 2)
		changes |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		changes |= LANDLOCK_ACCESS_FS_TRUNCATE;
	return changes;
}

/* This process may change nothing but what is in folder. True also where the kernel has no Landlock. */
static bool confine(int folder)
{
	int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr rules = {.handled_access_fs = changes_known(version)};
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = rules.handled_access_fs & ~(uint64_t)FORBIDDEN,
		.parent_fd = folder,
	};
	AUTO_CLOSE int fd = -1;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return false;
	if (version < 1)
		return true;
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
	return fd >= 0 && syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0 &&
	       syscall(SYS_landlock_restrict_self, fd, 0) == 0;
}

/* In the child; the end of the archive is its standard input or output. */
static _Noreturn void child_run(char *const *words, int end, int target, int errors, int folder)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(end, target) < 0 || dup2(errors, STDERR_FILENO) < 0 || (folder >= 0 && !confine(folder)))
		_exit(CANNOT_RUN);
	execvp(words[0], words);
	_exit(CANNOT_RUN);
}

static int archive_start(char *const *words, int folder, struct archive *archive, struct error *err)
{
	bool unpacks = folder >= 0;
	int data[2] = {-1, -1}, errors[2] = {-1, -1};
	int code = 0;

	*archive = (struct archive){.pid = -1, .fd = -1, .errors = -1};
	if (pipe2(data, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0)
		code = error_set(err, -errno, "cannot make a pipe: %m");
	if (code == 0) {
		/* One who says more than anybody reads shall not wait for that. */
		fcntl(errors[1], F_SETFL, O_NONBLOCK);
		archive->pid = fork();
		if (archive->pid == 0)
			child_run(words, data[!unpacks], unpacks ? STDIN_FILENO : STDOUT_FILENO, errors[1],
				  folder);
		if (archive->pid < 0)
			code = error_set(err, -errno, "cannot make a process for tar: %m");
	}
	cleanup_close(&errors[1]);
	cleanup_close(&data[!unpacks]);
	archive->fd = data[unpacks];
	archive->errors = errors[0];
	if (code < 0)
		archive_cancel(archive);
	return code;
}

int archive_pack(const char *folder, const char *name, struct archive *archive, struct error *err)
{
	char tar[] = "tar", create[] = "-c", file[] = "-f", standard[] = "-", enter[] = "-C";
	AUTO_FREE char *where = strdup(folder);
	AUTO_FREE char *what = NULL;

	/* "./", so that no name looks like an option. */
	if (!where || asprintf(&what, "./%s", name) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	if (strcmp(name, ".") == 0)
		what[1] = '\0';
	return archive_start((char *[]){tar, create, file, standard, enter, where, what, NULL}, -1, archive,
			     err);
}

int archive_unpack(const char *folder, struct archive *archive, struct error *err)
{
	/* -o: owners are who unpacks (GNU and busybox) */
	char tar[] = "tar", extract[] = "-x", own[] = "-o", file[] = "-f", standard[] = "-", enter[] = "-C";
	AUTO_FREE char *where = strdup(folder);
	AUTO_CLOSE int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (!where || fd < 0)
		return error_set(err, -errno, "folder %s: cannot open: %m", folder);
	return archive_start((char *[]){tar, extract, own, file, standard, enter, where, NULL}, fd, archive,
			     err);
}

void printable_line(const char *text, char *line, size_t size)
{
	size_t used = 0;

	for (; *text && *text != '\n' && used + 1 < size; text++)
		line[used++] = *text >= ' ' && *text <= '~' ? *text : '?';
	line[used] = '\0';
}

int archive_finish(struct archive *archive, struct error *err)
{
	char text[1024] = "", line[256];
	int status = 0;
	ssize_t got;

	cleanup_close(&archive->fd);
	archive->fd = -1;
	while (waitpid(archive->pid, &status, 0) < 0 && errno == EINTR)
		;
	archive->pid = -1;
	got = read(archive->errors, text, sizeof(text) - 1);
	text[got > 0 ? got : 0] = '\0';
	printable_line(text, line, sizeof(line));
	archive_cancel(archive);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_RUN)
		return error_set(err, -EIO, "tar cannot be run here: apt-get install tar");
	return error_set(err, -EIO, "%s%s", *line ? "" : "tar failed", line);
}

void archive_cancel(struct archive *archive)
{
	cleanup_close(&archive->fd);
	cleanup_close(&archive->errors);
	if (archive->pid > 0) {
		kill(archive->pid, SIGKILL);
		while (waitpid(archive->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	*archive = (struct archive){.pid = -1, .fd = -1, .errors = -1};
}
