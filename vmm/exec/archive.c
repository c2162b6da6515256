#include "vmm/exec/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/storage/program.h"

#define CANNOT_RUN 127

/* In a child: as it was before this program changed it, and gone when this program is. */
static void child_prepare(pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(CANNOT_RUN);
}

static _Noreturn void child_pack(const char *folder, const char *name)
{
	execlp("tar", "tar", "-c", "-f", "-", "-C", folder, name, (char *)NULL);
	_exit(CANNOT_RUN);
}

/* tar is this one's child, in a sandbox; what went wrong is one line on standard error. */
static _Noreturn void child_unpack(int folder)
{
	/* -o: owners are who unpacks (GNU and busybox) */
	static const char *const words[] = {"tar", "-x", "-o", "-f", "-", NULL};
	struct program program = program_of(words, "tar", "archive");
	struct error err;

	program.input = STDIN_FILENO;
	program.folder = folder;
	if (program_run(&program, &err) == 0)
		_exit(EXIT_SUCCESS);
	dprintf(STDERR_FILENO, "%s\n", err.text);
	_exit(EXIT_FAILURE);
}

/* folder_fd: where to unpack to; -1: pack name in folder. */
static int archive_start(int folder_fd, const char *folder, const char *name, struct archive *archive,
			 struct error *err)
{
	bool unpacks = folder_fd >= 0;
	int data[2] = {-1, -1}, errors[2] = {-1, -1};
	pid_t parent = getpid();
	int code = 0;

	*archive = (struct archive){.pid = -1, .unpacks = unpacks, .fd = -1, .errors = -1};
	if (pipe2(data, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0)
		code = error_set(err, -errno, "cannot make a pipe: %m");
	/* One who says more than anybody reads shall not wait for that. */
	if (code == 0 && fcntl(errors[1], F_SETFL, O_NONBLOCK) == 0)
		archive->pid = fork();
	if (archive->pid == 0) {
		if (dup2(data[!unpacks], unpacks ? STDIN_FILENO : STDOUT_FILENO) < 0 ||
		    dup2(errors[1], STDERR_FILENO) < 0)
			_exit(CANNOT_RUN);
		close(data[unpacks]); /* or there would be no end of it */
		child_prepare(parent);
		if (unpacks)
			child_unpack(folder_fd);
		child_pack(folder, name);
	}
	if (code == 0 && archive->pid < 0)
		code = error_set(err, -errno, "cannot make a process for tar: %m");
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
	AUTO_FREE char *what = NULL;

	/* "./", so that no name looks like an option. */
	if (asprintf(&what, "./%s", strcmp(name, ".") == 0 ? "" : name) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	return archive_start(-1, folder, what, archive, err);
}

int archive_unpack(const char *folder, struct archive *archive, struct error *err)
{
	AUTO_CLOSE int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_set(err, -errno, "folder %s: cannot open: %m", folder);
	return archive_start(fd, NULL, NULL, archive, err);
}

void printable_line(const char *text, char *line, size_t size)
{
	size_t used = 0;

	for (; *text && *text != '\n' && used + 1 < size; text++)
		line[used++] = *text >= ' ' && *text <= '~' ? *text : '?';
	line[used] = '\0';
}

static int child_end(struct archive *archive)
{
	int status = 0;

	while (archive->pid > 0 && waitpid(archive->pid, &status, 0) < 0 && errno == EINTR)
		;
	archive->pid = -1;
	return status;
}

int archive_finish(struct archive *archive, struct error *err)
{
	char text[1024] = "", line[256];
	ssize_t got;
	int status;

	cleanup_close(&archive->fd);
	archive->fd = -1;
	status = child_end(archive);
	got = read(archive->errors, text, sizeof(text) - 1);
	text[got > 0 ? got : 0] = '\0';
	printable_line(text, line, sizeof(line));
	archive_cancel(archive);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_RUN)
		return error_set(err, -EIO, "tar cannot be run here: apt-get install tar");
	return error_set(err, -EIO, "%s%s", line, *line ? "" : "tar failed");
}

void archive_cancel(struct archive *archive)
{
	cleanup_close(&archive->fd);
	cleanup_close(&archive->errors);
	/* One that unpacks ends with its input, and must have ended before anybody removes what it has made.
	 */
	if (archive->pid > 0 && !archive->unpacks)
		kill(archive->pid, SIGKILL);
	child_end(archive);
	*archive = (struct archive){.pid = -1, .fd = -1, .errors = -1};
}
