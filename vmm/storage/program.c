#include "vmm/storage/program.h"

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
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "vmm/storage/sandbox.h"

#define TICK_MS   200 /* how often progress is told and time looked at */
#define FIRST_FD  10  /* the child's descriptors are moved above this, before they get their places */
#define STATUS_FD 3   /* through which the child tells why there was no exec */

extern char **environ;

struct program program_of(const char *const *argv, const char *package, const char *about)
{
	return (struct program){
		.argv = argv,
		.package = package,
		.about = about,
		.input = -1,
		.output = -1,
		.source = -1,
		.folder = -1,
	};
}

/* --- The child --- */

struct child {
	const struct program *program;
	const struct sandbox_places *places;
	char **environment;
	int rules;
	int messages;
	int go;     /* read: the parent has written the maps */
	int go_end; /* its other end, which only the parent may hold: so the child sees that it has died */
	int status; /* write: an errno; closed by exec */
	bool root;  /* the parent is */
};

/* Puts fd, or /dev/null, at place. */
static int place(int fd, int at)
{
	int null;

	if (fd >= 0)
		return dup2(fd, at) < 0 ? -errno : 0;
	null = open("/dev/null", at == STDIN_FILENO ? O_RDONLY : O_WRONLY);
	if (null < 0)
		return -errno;
	if (null != at && (dup2(null, at) < 0 || close(null) < 0))
		return -errno;
	return 0;
}

/* Above all places, so that none is overwritten while the others are taken; -1 stays. */
static int lift(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
}

static int place_all(struct child *child)
{
	const struct program *program = child->program;
	int input = lift(program->input), output = lift(program->output), messages = lift(child->messages),
	    status = lift(child->status);
	int code = place(input, STDIN_FILENO);

	if (code == 0)
		code = place(output, STDOUT_FILENO);
	if (code == 0)
		code = place(messages, STDERR_FILENO);
	if (code == 0)
		code = dup3(status, STATUS_FD, O_CLOEXEC) < 0 ? -errno : 0;
	if (code < 0)
		return code;
	child->status = STATUS_FD;
	return close_range(STATUS_FD + 1, ~0U, 0) < 0 ? -errno : 0;
}

/* Becomes the program; comes back with a negative errno. */
static int child_exec(struct child *child)
{
	int code = sandbox_restrict(child->rules);

	if (code == 0)
		code = place_all(child);
	if (code < 0)
		return code;
	environ = child->environment;
	execvp(child->program->argv[0], (char *const *)(uintptr_t)child->program->argv);
	return -errno;
}

/* Makes the sandbox, and the program in it. */
static int child_enter(struct child *child)
{
	const struct program *program = child->program;
	int code = sandbox_enter(program, child->places, child->go, child->root);
	pid_t pid;

	if (code < 0)
		return code;
	if (chdir(program->folder >= 0 ? SANDBOX_WORK : "/") < 0)
		return -errno;
	pid = _Fork();
	if (pid > 0)
		sandbox_watch(pid);
	return pid < 0 ? -errno : child_exec(child);
}

/* Only what is safe between fork and exec. */
static _Noreturn void child_main(struct child *child)
{
	struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t none;
	int code = 0;
	char word;

	for (int signal = 1; signal < NSIG; signal++)
		sigaction(signal, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0); /* a terminal's keys are not for it */
	close(child->go_end);
	if (read(child->go, &word, 1) != 1)
		_exit(EXIT_FAILURE);
	code = child_enter(child);
	if (write(child->status, &code, sizeof(code)) < 0)
		_exit(EXIT_FAILURE);
	_exit(EXIT_FAILURE);
}

/* --- The parent --- */

/* A memfd that cannot grow, so that what a program says of a hostile file does not fill memory. */
static int make_messages(void)
{
	AUTO_CLOSE int fd = memfd_create("messages", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, PROGRAM_MESSAGES_MAX) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* What the program said last. Names out of a hostile file lose what a terminal would obey. */
static void last_message(int messages, char *line, size_t size)
{
	AUTO_FREE char *text = calloc(1, PROGRAM_MESSAGES_MAX + 1);
	char *rest = text;
	char *next;

	snprintf(line, size, "it ended without a word");
	if (!text || pread(messages, text, PROGRAM_MESSAGES_MAX, 0) < 0)
		return;
	while ((next = strsep(&rest, "\r\n"))) {
		if (*next && !strstr(next, "xiting with failure status") && !strstr(next, "Exit status"))
			snprintf(line, size, "%s", next);
	}
	for (; *line; line++) {
		if (!isprint((unsigned char)*line))
			*line = '?';
	}
}

/* The earlier of its own time and the caller's. */
static uint64_t deadline_of(const struct program *program)
{
	uint64_t own = program->seconds ? monotonic_ms() + program->seconds * UINT64_C(1000) : UINT64_MAX;

	return program->deadline_ms ? MIN(own, program->deadline_ms) : own;
}

static int child_end(pid_t pid)
{
	int status = -1; /* neither a good end nor a signal's: nobody knows how it ended */

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static void tell_progress(const struct program *program)
{
	uint64_t done = 0, total = 0;

	if (program->bytes && program->bytes(program, &done, &total))
		progress_report_bytes(program->progress, program->step, done, total);
	else
		progress_report(program->progress, program->step, PROGRESS_UNKNOWN);
}

/* Waits for the end, telling progress; -ETIMEDOUT when it took too long. *status: waitpid(2). */
static int wait_end(const struct program *program, pid_t pid, int *status)
{
	AUTO_CLOSE int process = pidfd_open(pid, 0);
	uint64_t deadline = deadline_of(program);
	struct pollfd wait = {.fd = process, .events = POLLIN};
	int code = process < 0 ? -errno : 0;

	while (code == 0 && poll(&wait, 1, TICK_MS) <= 0) {
		if (monotonic_ms() > deadline)
			code = -ETIMEDOUT;
		tell_progress(program);
	}
	if (code < 0)
		kill(pid, SIGKILL);
	*status = child_end(pid); /* and that of what it has started (sandbox_fork) */
	return code;
}

static int start_failed(const struct program *program, int code, struct error *err)
{
	if (code == -ENOENT)
		return error_set(err, code, "%s: %s is not installed: apt-get install %s", program->about,
				 program->argv[0], program->package);
	return error_set(err, code, "%s: cannot run %s: %s", program->about, program->argv[0],
			 strerror(-code));
}

static int timed_out(const struct program *program, struct error *err)
{
	if (program->deadline_ms && monotonic_ms() > program->deadline_ms)
		return error_set(err, -ETIMEDOUT, "%s: %s was not done in time", program->about,
				 program->argv[0]);
	return error_set(err, -ETIMEDOUT, "%s: %s was not done after %u s", program->about, program->argv[0],
			 program->seconds);
}

/* The signal; 0: none. */
static int ended_by(int status)
{
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	return WIFEXITED(status) && WEXITSTATUS(status) > SANDBOX_SIGNAL
		       ? WEXITSTATUS(status) - SANDBOX_SIGNAL
		       : 0;
}

static int judge_end(const struct program *program, int code, int status, int messages, struct error *err)
{
	char line[256];

	if (code == -ETIMEDOUT)
		return timed_out(program, err);
	if (code < 0)
		return start_failed(program, code, err);
	if (WIFEXITED(status) && WEXITSTATUS(status) <= program->success_max)
		return 0;
	if (ended_by(status) == SIGXFSZ)
		return error_set(err, -EFBIG, "%s: %s would write more than %llu MiB", program->about,
				 program->argv[0], (unsigned long long)(program->file_max >> 20));
	if (ended_by(status))
		return error_set(err, -EIO, "%s: %s was ended by signal %d", program->about, program->argv[0],
				 ended_by(status));
	last_message(messages, line, sizeof(line));
	return error_set(err, strstr(line, "No space left") ? -ENOSPC : -EIO, "%s: %s: %s", program->about,
			 program->argv[0], line);
}

/* From the fork to the exec: 0, or the negative errno that stopped it. */
static int child_start(const struct child *child, pid_t pid, int go, int status, struct error *err)
{
	const struct program *program = child->program;
	int code = sandbox_map_ids(pid, program, child->places->view >= 0, err);

	if (code < 0)
		return error_prefix(err, code, "%s", program->about);
	if (write(go, "", 1) != 1)
		return error_set(err, -EIO, "%s: %s ended early", program->about, program->argv[0]);
	/* Nothing comes when exec has closed it. */
	return read(status, &code, sizeof(code)) == sizeof(code) ? start_failed(program, code, err) : 0;
}

/* A user's PATH has no folder of administrators' programs, such as mkfs.ext4. */
static char *search_path(void)
{
	const char *path = getenv("PATH");
	char *text = NULL;

	return asprintf(&text, "PATH=%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin") < 0 ? NULL : text;
}

static int run(const struct program *program, const struct sandbox_places *places, int messages, int go[2],
	       int status[2], struct error *err)
{
	AUTO_FREE char *path = search_path();
	char *environment[] = {path, "LC_ALL=C", NULL};
	struct child child = {
		.program = program,
		.places = places,
		.environment = environment,
		.rules = sandbox_rules(program),
		.messages = messages,
		.go = go[0],
		.go_end = go[1],
		.status = status[1],
		.root = geteuid() == 0,
	};
	int end = 0;
	pid_t pid = sandbox_fork();
	int code;

	if (pid == 0)
		child_main(&child);
	cleanup_close(&child.rules);
	close(TAKE_FD(go[0]));
	close(TAKE_FD(status[1]));
	if (pid < 0)
		return error_set(err, pid,
				 "%s: cannot make a user namespace for %s: %s (see sysctl "
				 "user.max_user_namespaces)",
				 program->about, program->argv[0], strerror(-pid));
	code = child_start(&child, pid, go[1], status[0], err);
	if (code < 0) {
		kill(pid, SIGKILL);
		child_end(pid);
		return code;
	}
	code = wait_end(program, pid, &end);
	return judge_end(program, code, end, messages, err);
}

static int run_with(const struct program *program, int messages, struct error *err)
{
	int go[2] = {-1, -1};
	int status[2] = {-1, -1};
	struct sandbox_places places;
	int code = sandbox_places_find(program->source, program->folder, &places);

	if (code < 0)
		return start_failed(program, code, err);
	places.view = sandbox_view(program);
	if (messages < 0 || pipe2(go, O_CLOEXEC) < 0 || pipe2(status, O_CLOEXEC) < 0)
		code = start_failed(program, messages < 0 ? messages : -errno, err);
	else
		code = run(program, &places, messages, go, status, err);
	cleanup_close(&places.view);
	cleanup_close(&go[0]);
	cleanup_close(&go[1]);
	cleanup_close(&status[0]);
	cleanup_close(&status[1]);
	return code;
}

int program_run(const struct program *program, struct error *err)
{
	AUTO_CLOSE int messages = make_messages();

	return run_with(program, messages, err);
}

int program_read(const struct program *program, char **text, struct error *err)
{
	AUTO_CLOSE int output = make_messages();
	AUTO_CLOSE int messages = make_messages();
	AUTO_FREE char *buffer = calloc(1, PROGRAM_MESSAGES_MAX + 1);
	struct program reading = *program;
	int code;

	if (output < 0 || !buffer)
		return start_failed(program, -ENOMEM, err);
	reading.output = output;
	code = run_with(&reading, messages, err);
	if (code == 0 && pread(output, buffer, PROGRAM_MESSAGES_MAX, 0) < 0)
		code = start_failed(program, -errno, err);
	if (code == 0)
		*text = TAKE_PTR(buffer);
	return code;
}
