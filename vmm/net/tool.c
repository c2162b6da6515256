#include "vmm/net/tool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/child.h"
#include "common/cleanup.h"
#include "common/util.h"

#define OUTPUT_MAX 8192

static int spawn_anywhere(pid_t *pid, const struct tool *tool, int input, int output)
{
	static const char *const folders[] = {"", "/usr/sbin/", "/sbin/"};
	int code = -ENOENT;

	for (unsigned i = 0; i < ARRAY_SIZE(folders) && code == -ENOENT; i++) {
		char path[64];
		struct child child = {
			.path = path,
			.argv = tool->argv,
			.input = input,
			.output = output,
			.errors = output,
			.session = true, /* what it leaves behind hears nothing of our terminal */
		};

		snprintf(path, sizeof(path), "%s%s", folders[i], tool->argv[0]);
		code = child_spawn(&child, pid);
	}
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
	const char *name = tool->argv[0];
	AUTO_CLOSE int input = tool->input ? child_input(tool->input, strlen(tool->input)) : -1;
	AUTO_CLOSE int output = child_output(OUTPUT_MAX);
	int code = tool->input && input < 0 ? input : MIN(output, 0);
	int status = 0;
	pid_t pid;

	if (code == 0)
		code = spawn_anywhere(&pid, tool, input, output);
	if (code == -ENOENT)
		return error_set(err, code, "%s is not installed: apt-get install %s", name, tool->package);
	if (code < 0)
		return error_set(err, code, "cannot run %s: %s", name, strerror(-code));
	code = wait_for_end(pid, &status);
	return judge(tool, code, status, output, err);
}
