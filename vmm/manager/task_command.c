#include "vmm/manager/task_command.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"

#define CONFIG_FD 3 /* where the process finds its configuration */

/* The manager's own settings, whatever the file says by now. */
static int make_config(const struct settings *settings)
{
	AUTO_CLOSE int fd = memfd_create("vmm.json", MFD_CLOEXEC);
	AUTO_FREE char *text = NULL;
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "pool_dir", settings->pool_dir);
	text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	if (fd < 0 || !text || pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text))
		return text ? -errno : -ENOMEM;
	return TAKE_FD(fd);
}

static __attribute__((noreturn)) void run_command(pid_t manager, int config, int output, int input,
						  bool errors_too, const char *const *arguments)
{
	const char *argv[TASK_ARGUMENTS_MAX + 4] = {"rastos-vmm", "--config", "/proc/self/fd/3"};
	unsigned count = 3;
	sigset_t none;

	for (unsigned i = 0; arguments[i] && i < TASK_ARGUMENTS_MAX; i++)
		argv[count++] = arguments[i];
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0); /* Ctrl-C in the manager's terminal is not its */
	/* Copies first: where they are to be may be where they are. */
	config = fcntl(config, F_DUPFD_CLOEXEC, 10);
	output = fcntl(output, F_DUPFD_CLOEXEC, 10);
	input = input < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : fcntl(input, F_DUPFD_CLOEXEC, 10);
	if (input < 0 || config < 0 || output < 0 || dup2(input, STDIN_FILENO) < 0 ||
	    dup2(output, STDOUT_FILENO) < 0 || (errors_too && dup2(output, STDERR_FILENO) < 0) ||
	    dup2(config, CONFIG_FD) < 0 || close_range(CONFIG_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		_exit(126);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != manager)
		_exit(126);                                      /* the manager is gone already */
	execv("/proc/self/exe", (char *const *)(uintptr_t)argv); /* execv does not write to it */
	_exit(127);
}

void task_command_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

pid_t task_command_start(const struct settings *settings, const char *const *arguments, int input,
			 bool errors_too, int *pidfd, int *output)
{
	AUTO_CLOSE int config = make_config(settings);
	AUTO_CLOSE int theirs = -1;
	AUTO_CLOSE int ours = -1;
	pid_t manager = getpid();
	int ends[2];
	pid_t pid;

	if (config < 0)
		return config;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	ours = ends[0];
	theirs = ends[1];
	fcntl(theirs, F_SETFL, 0);
	pid = fork();
	if (pid == 0)
		run_command(manager, config, theirs, input, errors_too, arguments);
	if (pid < 0)
		return -errno;
	*pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (*pidfd < 0) {
		int code = -errno;

		task_command_end(pid);
		return code;
	}
	*output = TAKE_FD(ours);
	return pid;
}
