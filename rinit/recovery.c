#include "rinit/recovery.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/util.h"
#include "rinit/spawn.h"

static const struct {
	int number;
	const char *name;
} faults[] = {
	{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGILL, "SIGILL"},
	{SIGFPE, "SIGFPE"},   {SIGABRT, "SIGABRT"}, {SIGSYS, "SIGSYS"},
};

/* The handler has no other way to know. */
static bool crashed_before;

static const char *fault_name(int number)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		if (faults[i].number == number)
			return faults[i].name;
	return "?";
}

/* From here on only what signal-safety(7) allows. */
static void say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return; /* nobody is left to be told */
}

static void shell_run(void)
{
	static char *const argv[] = {"sh", NULL};
	static char *const environment[] = {"PATH=" SPAWN_PATH, "HOME=/", "TERM=vt220", NULL};

	setsid();
	execve("/bin/sh", argv, environment);
	execve("/bin/busybox", argv, environment);
	_exit(127);
}

static void last_resort(void)
{
	for (;;) {
		pid_t shell = _Fork(); /* nothing of libc may be whole any more */

		if (!shell)
			shell_run();
		while (wait(NULL) != shell && shell > 0)
			;
		sleep(1);
	}
}

static void fault_handler(int number)
{
	static char argument[32] = RECOVERY_ARGUMENT;
	static char *const argv[] = {"rinit", argument, NULL};
	static char *const environment[] = {NULL};

	if (getpid() != 1) /* a child that is on its way to its program */
		_exit(127);
	say("\nrinit: PID 1 crashed: ");
	say(fault_name(number));
	say("\n");
	if (!crashed_before) {
		strcat(argument, fault_name(number));
		execve("/proc/self/exe", argv, environment);
		execve("/sbin/rinit", argv, environment);
	}
	last_resort();
}

void recovery_arm(bool again)
{
	/* A stack of its own: the fault may be that the other one is used up. */
	static char stack[16384];
	const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_handler = fault_handler, .sa_flags = SA_ONSTACK | SA_NODEFER};

	crashed_before = again;
	sigaltstack(&alternate, NULL);
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		sigdelset(&action.sa_mask, faults[i].number);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		sigaction(faults[i].number, &action, NULL);
}

const char *recovery_reason(char *const *argv)
{
	size_t length = strlen(RECOVERY_ARGUMENT);

	for (; *argv; argv++)
		if (!strncmp(*argv, RECOVERY_ARGUMENT, length))
			return *argv + length;
	return NULL;
}
