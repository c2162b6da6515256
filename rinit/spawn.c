#include "rinit/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define CONTROL(letter) ((letter)&0x1f) /* the character that Ctrl and this letter make */

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
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	fcntl(fd, F_SETFL, O_RDWR);
	ioctl(fd, TIOCSCTTY, 1); /* /dev/null in a container is no terminal, and no reason not to start */
	tty_make_sane(fd);
	return fd;
}

static int child_descriptors(const struct spawn *spawn)
{
	int input = spawn->tty         ? tty_open(spawn->tty)
		    : spawn->input < 0 ? open("/dev/null", O_RDONLY)
				       : spawn->input;
	int output = spawn->output < 0 && spawn->tty ? input : spawn->output;

	if (input < 0)
		return spawn->tty ? input : -errno;
	if (dup2(input, STDIN_FILENO) < 0)
		return -errno;
	if (output >= 0 && (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0))
		return -errno;
	if (input > STDERR_FILENO)
		close(input);
	return 0;
}

/* In the child; returns only when something failed. */
static int child_run(const struct spawn *spawn, const char *path)
{
	sigset_t none;
	int rc;

	setsid();
	rc = child_descriptors(spawn);
	if (rc)
		return rc;
	if (chdir(spawn->directory ? spawn->directory : "/"))
		return -errno;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(path, spawn->argv, spawn->environment);
	return -errno;
}

int spawn(const struct spawn *spawn, pid_t *pid)
{
	char buffer[PATH_MAX];
	const char *path = program_find(spawn->program, buffer, sizeof(buffer));
	volatile int failure = 0;
	pid_t child;

	if (!path)
		return -ENOENT;
	child = vfork();
	if (!child) {
		failure = child_run(spawn, path);
		_exit(127);
	}
	if (child < 0)
		return -errno;
	/* A child that failed ends by itself and is reaped like any other; its id means nothing to anybody.
	 */
	*pid = child;
	return failure;
}
