#include "rinit/exec_command.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "rinit/command_line.h"
#include "rinit/credentials.h"
#include "rinit/spawn.h"

enum step { STEP_TERMINAL, STEP_USER, STEP_FOLDER, STEP_COMMAND };

/* What the child tells on the pipe that its exec closes. */
struct report {
	enum step step;
	int error;
};

/* The child's side of the descriptors; -1: /dev/null. */
struct child_ends {
	int input, output, error;
};

static int failed(struct exec_exit *failure, int code, const char *what)
{
	*failure = (struct exec_exit){
		.end = EXEC_FAILED,
		.number = code == -ENOENT ? EXEC_NOT_FOUND : EXEC_NOT_RUNNABLE,
	};
	snprintf(failure->text, sizeof(failure->text), "%.180s: %s", what, strerror(-code));
	return code;
}

/* ---- who, and with what ---- */

/* "USER", "USER:GROUP", by name or number; "" is who this is, which is root but in tests. */
static int user_read(const char *text, struct credentials *credentials)
{
	char user[128], group[128];
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text);
	struct service_config config = {.user = user, .group = colon ? group : NULL};

	if (!*text) {
		snprintf(user, sizeof(user), "%u", geteuid());
		return credentials_read(&config, credentials);
	}
	if (length >= sizeof(user) || (colon && strlen(colon + 1) >= sizeof(group)) || !length)
		return -EINVAL;
	snprintf(user, sizeof(user), "%.*s", (int)length, text);
	snprintf(group, sizeof(group), "%s", colon ? colon + 1 : "");
	return credentials_read(&config, credentials);
}

static int variable_set(struct string_list *list, const char *name, const char *value)
{
	AUTO_FREE char *text = NULL;

	if (!*value)
		return 0;
	return asprintf(&text, "%s=%s", name, value) < 0 ? -ENOMEM : environment_set(list, text);
}

static int environment_make(const struct exec_request *request, const struct credentials *credentials,
			    struct string_list *list)
{
	int code = variable_set(list, "PATH", SPAWN_PATH);

	if (code == 0)
		code = variable_set(list, "HOME", *credentials->home ? credentials->home : "/");
	if (code == 0)
		code = variable_set(list, "USER", credentials->name);
	if (code == 0)
		code = variable_set(list, "LOGNAME", credentials->name);
	if (code == 0)
		code = variable_set(list, "SHELL", credentials->shell);
	for (char **one = request->variables; *one && code == 0; one++) {
		if (environment_name_length(*one))
			code = environment_set(list, *one);
	}
	return code;
}

/* ---- its ends ---- */

static int terminal_open(const struct exec_request *request, const struct credentials *credentials,
			 struct exec_command *command, struct child_ends *ends)
{
	const struct winsize size = {.ws_row = request->rows, .ws_col = request->columns};
	AUTO_CLOSE int ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	char name[64];

	if (ours < 0 || unlockpt(ours) || ptsname_r(ours, name, sizeof(name)))
		return -errno;
	ends->input = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (ends->input < 0)
		return -errno;
	ends->output = ends->error = ends->input;
	/* It may open it again by its name. Who may not give it away leaves it as it is. */
	if (fchown(ends->input, credentials->uid, (gid_t)-1) && errno != EPERM)
		return -errno;
	ioctl(ours, TIOCSWINSZ, &size);
	command->input = command->output = TAKE_FD(ours);
	return 0;
}

static int pipe_make(int *ours, int *theirs, bool they_read)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	*ours = ends[they_read];
	*theirs = ends[!they_read];
	return fcntl(*ours, F_SETFL, O_NONBLOCK) ? -errno : 0;
}

static int ends_open(const struct exec_request *request, const struct credentials *credentials,
		     struct exec_command *command, struct child_ends *ends)
{
	int code = 0;

	if (request->tty)
		return terminal_open(request, credentials, command, ends);
	if (request->input)
		code = pipe_make(&command->input, &ends->input, true);
	else
		ends->input = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (code == 0)
		code = pipe_make(&command->output, &ends->output, false);
	if (code == 0)
		code = pipe_make(&command->error, &ends->error, false);
	return code;
}

static void ends_close(const struct child_ends *ends)
{
	cleanup_close(&ends->input);
	if (ends->output != ends->input)
		cleanup_close(&ends->output);
	if (ends->error != ends->output)
		cleanup_close(&ends->error);
}

static void command_close(struct exec_command *command)
{
	cleanup_close(&command->output);
	if (command->input != command->output)
		cleanup_close(&command->input);
	cleanup_close(&command->error);
	command->input = command->output = command->error = -1;
}

/* ---- the child ---- */

static void signals_reset(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int user_become(const struct credentials *credentials)
{
	gid_t gid = credentials->gid;
	uid_t uid = credentials->uid;

	/* A helper that is nobody's but this user's, as in tests, may set no groups and needs none. */
	if (geteuid() && uid == geteuid())
		return 0;
	return setgroups(credentials->group_count, credentials->groups) || setresgid(gid, gid, gid) ||
			       setresuid(uid, uid, uid)
		       ? -errno
		       : 0;
}

/* Returns only when something failed. */
static struct report child_run(const struct exec_request *request, const struct credentials *credentials,
			       char **environment, const struct child_ends *ends)
{
	setsid();
	signals_reset();
	if (request->tty && ioctl(ends->input, TIOCSCTTY, 0))
		return (struct report){STEP_TERMINAL, errno};
	if (dup2(ends->input, STDIN_FILENO) < 0 || dup2(ends->output, STDOUT_FILENO) < 0 ||
	    dup2(ends->error, STDERR_FILENO) < 0)
		return (struct report){STEP_TERMINAL, errno};
	if (user_become(credentials))
		return (struct report){STEP_USER, errno};
	if (chdir(*request->folder ? request->folder : "/"))
		return (struct report){STEP_FOLDER, errno};
	environ = environment;
	execvp(request->words[0], request->words);
	return (struct report){STEP_COMMAND, errno};
}

static int child_failed(const struct exec_request *request, const struct report *report,
			struct exec_exit *failure)
{
	char what[200];

	switch (report->step) {
	case STEP_COMMAND:
		return failed(failure, -report->error, request->words[0]);
	case STEP_FOLDER:
		snprintf(what, sizeof(what), "cannot enter %.150s", request->folder);
		break;
	case STEP_USER:
		snprintf(what, sizeof(what), "cannot become user %.150s",
			 *request->user ? request->user : "root");
		break;
	default:
		snprintf(what, sizeof(what), "cannot set up its standard input and output");
		break;
	}
	failed(failure, -report->error, what);
	failure->number = EXEC_NOT_RUNNABLE;
	return -report->error;
}

static int child_start(const struct exec_request *request, const struct credentials *credentials,
		       char **environment, const struct child_ends *ends, struct exec_command *command,
		       struct exec_exit *failure)
{
	struct report report;
	int ends_of_report[2];
	ssize_t got;

	if (pipe2(ends_of_report, O_CLOEXEC))
		return failed(failure, -errno, "cannot make a pipe");
	command->pid = fork();
	if (command->pid == 0) {
		report = child_run(request, credentials, environment, ends);
		_exit(write(ends_of_report[1], &report, sizeof(report)) == sizeof(report) ? EXEC_NOT_RUNNABLE
											  : EXIT_FAILURE);
	}
	close(ends_of_report[1]);
	if (command->pid < 0) {
		close(ends_of_report[0]);
		return failed(failure, -errno, "cannot make a process");
	}
	do
		got = read(ends_of_report[0], &report, sizeof(report));
	while (got < 0 && errno == EINTR);
	close(ends_of_report[0]);
	if (got != sizeof(report))
		return 0;
	waitpid(command->pid, NULL, 0);
	return child_failed(request, &report, failure);
}

int exec_command_start(const struct exec_request *request, struct exec_command *command,
		       struct exec_exit *failure)
{
	struct child_ends ends = {-1, -1, -1};
	struct credentials credentials;
	struct string_list environment = {0};
	int code;

	*command = (struct exec_command){.pid = -1, .input = -1, .output = -1, .error = -1};
	code = user_read(request->user, &credentials);
	if (code < 0) {
		failed(failure, code, request->user);
		snprintf(failure->text, sizeof(failure->text), "there is no user %.200s", request->user);
		failure->number = EXEC_NOT_RUNNABLE;
		return code;
	}
	code = environment_make(request, &credentials, &environment);
	if (code == 0)
		code = ends_open(request, &credentials, command, &ends);
	if (code < 0) {
		failed(failure, code, "cannot set up its standard input and output");
	} else {
		code = child_start(request, &credentials, environment.items, &ends, command, failure);
	}
	ends_close(&ends);
	string_list_clear(&environment);
	if (code < 0)
		command_close(command);
	return code;
}

void exec_command_window(const struct exec_command *command, uint16_t rows, uint16_t columns)
{
	const struct winsize size = {.ws_row = rows, .ws_col = columns};

	ioctl(command->output, TIOCSWINSZ, &size);
}
