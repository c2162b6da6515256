#include "vmm/net/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"

#define OUTPUT_MAX 8192

extern char **environ;

/* What the tool reads; a file rather than a pipe, so that neither waits for the other. */
static int make_input(const char *text)
{
	AUTO_CLOSE int fd = -1;
	size_t len = text ? strlen(text) : 0;

	if (!text)
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	else
		fd = memfd_create("input", MFD_CLOEXEC);
	if (fd < 0 || (text && pwrite(fd, text, len, 0) != (ssize_t)len))
		return errno ? -errno : -EIO;
	return TAKE_FD(fd);
}

/* A memfd that cannot grow: what does not fit is lost, not the host's memory. */
static int make_output(void)
{
	AUTO_CLOSE int fd = memfd_create("output", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, OUTPUT_MAX) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int spawn_path(pid_t *pid, const char *path, const struct tool *tool,
		      const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes)
{
	char *const *argv = (char *const *)(uintptr_t)tool->argv; /* posix_spawn does not write to it */

	return posix_spawnp(pid, path, actions, attributes, argv, environ);
}

static int spawn_anywhere(pid_t *pid, const struct tool *tool, const posix_spawn_file_actions_t *actions,
			  const posix_spawnattr_t *attributes)
{
	static const char *const folders[] = {"", "/usr/sbin/", "/sbin/"};
	int code = ENOENT;

	for (unsigned i = 0; i < ARRAY_SIZE(folders) && code == ENOENT; i++) {
		char path[64];

		snprintf(path, sizeof(path), "%s%s", folders[i], tool->argv[0]);
		code = spawn_path(pid, path, tool, actions, attributes);
	}
	return -code;
}

/* 0 or a negative errno. */
static int spawn(pid_t *pid, const struct tool *tool, int input, int output)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	sigset_t all;
	int code = posix_spawn_file_actions_init(&actions);

	if (code)
		return -code;
	code = posix_spawnattr_init(&attributes);
	if (code)
		goto no_attributes;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	/* A session of its own: what it leaves behind hears nothing of our terminal. */
	posix_spawnattr_setflags(&attributes,
				 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	code = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	if (!code)
		code = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (!code)
		code = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
	if (!code)
		code = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	code = code ? -code : spawn_anywhere(pid, tool, &actions, &attributes);
	posix_spawnattr_destroy(&attributes);
no_attributes:
	posix_spawn_file_actions_destroy(&actions);
	return code;
}

/* Its wait status; -ETIMEDOUT when it had to be killed. */
static int wait_for_end(pid_t pid, int *status)
{
	AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd wait = {.fd = pidfd, .events = POLLIN};
	int count = 0;

	do
		count = pidfd < 0 ? 1 : poll(&wait, 1, TOOL_SECONDS * 1000);
	while (count < 0 && errno == EINTR);
	if (count == 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return count == 0 ? -ETIMEDOUT : 0;
}

/* The first line that it said; the lines behind it are about the same fault. */
static void first_line(int output, const char *name, char *line, size_t size)
{
	char text[OUTPUT_MAX + 1] = "";
	const char *start = text;
	size_t name_len = strlen(name);

	if (pread(output, text, OUTPUT_MAX, 0) < 0)
		text[0] = '\0';
	start += strspn(start, " \t\n");
	if (strncmp(start, name, name_len) == 0 && strncmp(start + name_len, ": ", 2) == 0)
		start += name_len + 2;
	snprintf(line, size, "%.*s", (int)strcspn(start, "\n"), start);
	if (!*line)
		snprintf(line, size, "it ended without a word");
}

static int judge(const struct tool *tool, int code, int status, int output, struct error *err)
{
	const char *name = tool->argv[0];
	char line[256];

	if (code == -ETIMEDOUT)
		return error_set(err, code, "%s did not end within %d seconds", name, TOOL_SECONDS);
	if (code < 0)
		return error_set(err, code, "%s: cannot wait for it: %s", name, strerror(-code));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	first_line(output, name, line, sizeof(line));
	return error_set(err, -EIO, "%s failed: %s", name, line);
}

int tool_run(const struct tool *tool, struct error *err)
{
	AUTO_CLOSE int input = make_input(tool->input);
	AUTO_CLOSE int output = make_output();
	int status = 0;
	pid_t pid;
	int code;

	if (input < 0 || output < 0)
		return error_set(err, MIN(input, output), "cannot run %s: %s", tool->argv[0],
				 strerror(-MIN(input, output)));
	code = spawn(&pid, tool, input, output);
	if (code == -ENOENT)
		return error_set(err, code, "%s is not installed: apt-get install %s", tool->argv[0],
				 tool->package);
	if (code < 0)
		return error_set(err, code, "cannot run %s: %s", tool->argv[0], strerror(-code));
	code = wait_for_end(pid, &status);
	return judge(tool, code, status, output, err);
}
