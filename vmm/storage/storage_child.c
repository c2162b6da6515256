#include "vmm/storage/storage_child.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/storage/sandbox.h"

#define MESSAGES_MAX     8192
#define PUT_AWAY_MS      5000
#define FILES_MAX        1024
#define FILES_MAX_OWNERS 1000000
#define STATUS_FD        (STORAGE_CHILD_SOCKET + 1)
#define ABOVE            10 /* descriptors are moved above this before they get their places */

/* --- In the child; only what is safe between fork and exec --- */

static int place(int fd, int at)
{
	int lifted = fcntl(fd, F_DUPFD_CLOEXEC, ABOVE);

	return lifted < 0 || dup2(lifted, at) < 0 ? -errno : 0;
}

static int child_descriptors(int messages, int socket, int status)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int code = null < 0 ? -errno : place(null, STDIN_FILENO);

	if (code == 0)
		code = place(null, STDOUT_FILENO);
	if (code == 0)
		code = place(messages, STDERR_FILENO);
	status = fcntl(status, F_DUPFD_CLOEXEC, ABOVE);
	if (code == 0)
		code = status < 0 ? -errno : place(socket, STORAGE_CHILD_SOCKET);
	if (code == 0)
		code = dup3(status, STATUS_FD, O_CLOEXEC) < 0 ? -errno : 0;
	if (code == 0)
		code = close_range(STATUS_FD + 1, ~0U, 0) < 0 ? -errno : 0;
	return code;
}

/* Each file that the guest remembers is open in a daemon that serves a directory. */
static int child_limit_files(bool owners)
{
	struct rlimit files = {FILES_MAX, FILES_MAX};

	if (owners && getrlimit(RLIMIT_NOFILE, &files) < 0)
		return -errno;
	files.rlim_cur = files.rlim_max = MIN(files.rlim_max, (rlim_t)FILES_MAX_OWNERS);
	return setrlimit(RLIMIT_NOFILE, &files) < 0 ? -errno : 0;
}

static int child_confine(bool owners)
{
	const struct rlimit no_core = {0, 0};
	int code = child_limit_files(owners);

	if (code < 0)
		return code;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return sandbox_filter_calls(owners ? SANDBOX_FILTER_OWNERS : SANDBOX_FILTER_DAEMON);
}

static _Noreturn void child_main(char *const *argv, int messages, int socket, int status, bool owners)
{
	char *environment[] = {(char[]){"PATH=/usr/local/bin:/usr/bin:/bin:/usr/lib/qemu"},
			       (char[]){"LC_ALL=C"}, NULL};
	struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t none;
	int code;

	for (int signal = 1; signal < NSIG; signal++)
		sigaction(signal, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	code = child_descriptors(messages, socket, status);
	if (code == 0)
		code = child_confine(owners);
	if (code == 0) {
		environ = environment;
		execvpe(argv[0], argv, environment);
		code = -errno;
	}
	if (write(STATUS_FD, &code, sizeof(code)) < 0)
		_exit(EXIT_FAILURE);
	_exit(EXIT_FAILURE);
}

/* --- Its words --- */

static int messages_make(void)
{
	AUTO_CLOSE int fd = memfd_create("messages", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, MESSAGES_MAX) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* Without the program's name, and the argument that it complains of: that is ours, and long. */
static const char *message_begin(const char *program, const char *line)
{
	const char *name = strstr(line, program);
	const char *argument = strstr(line, "--blockdev {");
	const char *end = argument ? strstr(argument, "}: ") : NULL;

	while (end && strstr(end + 1, "}: "))
		end = strstr(end + 1, "}: ");
	if (end)
		return end + strlen("}: ");
	return name && strncmp(name + strlen(program), ": ", 2) == 0 ? name + strlen(program) + 2 : line;
}

/* The last line; what a hostile file has put in there loses what a terminal would obey. */
static void read_reason(struct storage_child *child)
{
	char text[MESSAGES_MAX + 1] = "";
	char *rest = text, *next;

	if (pread(child->messages, text, MESSAGES_MAX, 0) < 0)
		return;
	while ((next = strsep(&rest, "\n"))) {
		if (*next)
			snprintf(child->reason, sizeof(child->reason), "%s",
				 message_begin(child->program, next));
	}
	for (char *at = child->reason; *at; at++) {
		if (!isprint((unsigned char)*at))
			*at = '?';
	}
}

/* --- Its life --- */

static int start_failed(const char *program, int code, struct error *err)
{
	if (code == -ENOENT)
		return error_set(err, code, "%s is not installed: apt-get install qemu-system-common",
				 program);
	return error_set(err, code, "cannot run %s: %s", program, strerror(-code));
}

int storage_child_start(struct storage_child *child, char *const *argv, int socket, bool owners,
			struct error *err)
{
	int status[2] = {-1, -1};
	int code = 0;

	*child = (struct storage_child){.program = argv[0], .pidfd = -1, .messages = messages_make()};
	if (child->messages < 0 || pipe2(status, O_CLOEXEC) < 0) {
		cleanup_close(&child->messages);
		return start_failed(argv[0], -EMFILE, err);
	}
	child->pid = fork();
	if (child->pid == 0)
		child_main(argv, child->messages, socket, status[1], owners);
	close(status[1]);
	if (child->pid > 0)
		child->pidfd = pidfd_open(child->pid, 0);
	if (child->pid < 0 || child->pidfd < 0)
		code = -errno;
	else if (read(status[0], &code, sizeof(code)) != sizeof(code)) /* closed by its exec */
		code = 0;
	close(status[0]);
	if (code == 0)
		return 0;
	if (child->pid > 0)
		storage_child_kill(child);
	return start_failed(argv[0], code, err);
}

void storage_child_reap(struct storage_child *child)
{
	int status = 0;

	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		snprintf(child->reason, sizeof(child->reason), "%s was ended by signal %d", child->program,
			 WTERMSIG(status));
	else
		snprintf(child->reason, sizeof(child->reason), "%s has ended", child->program);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		read_reason(child);
	cleanup_close(&child->pidfd);
	cleanup_close(&child->messages);
	child->pidfd = child->messages = -1;
	child->pid = 0;
}

void storage_child_kill(struct storage_child *child)
{
	if (child->pid <= 0)
		return;
	kill(child->pid, SIGKILL);
	storage_child_reap(child);
}

void storage_child_end(struct storage_child *child)
{
	struct pollfd end = {.fd = child->pidfd, .events = POLLIN};

	if (child->pid <= 0)
		return;
	kill(child->pid, SIGTERM);
	if (poll(&end, 1, PUT_AWAY_MS) > 0)
		storage_child_reap(child);
	else
		storage_child_kill(child);
}
