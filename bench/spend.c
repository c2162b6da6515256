/*
 * What a command spends: runs it with nothing on its standard input and says so in one line.
 *
 *      spend NAME SECONDS COMMAND...
 *      => spent NAME STATUS WALL_NS CPU_NS     STATUS: the command's; 128 + the signal that ended it
 *
 * After SECONDS SIGALRM ends it. The command's output goes to standard error. Linked statically: it runs
 * wherever the command does.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND 1000000000LL
#define NS_PER_US     1000LL
#define NOT_RUN       127 /* as a shell says it */

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static int64_t time_ns(const struct timeval *time)
{
	return time->tv_sec * NS_PER_SECOND + time->tv_usec * NS_PER_US;
}

static void command_run(unsigned seconds, char **command)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(NOT_RUN);
	alarm(seconds); /* goes on in what is executed */
	execvp(command[0], command);
	warn("%s", command[0]);
	_exit(NOT_RUN);
}

int main(int argc, char **argv)
{
	struct rusage usage;
	int64_t start, wall;
	int status;
	pid_t child;

	if (argc < 4)
		errx(2, "usage: spend NAME SECONDS COMMAND...");
	start = now_ns();
	child = vfork();
	if (child < 0)
		err(1, "vfork");
	if (child == 0)
		command_run((unsigned)strtoul(argv[2], NULL, 10), argv + 3);
	if (wait4(child, &status, 0, &usage) < 0)
		err(1, "wait4");
	wall = now_ns() - start;
	printf("spent %s %d %lld %lld\n", argv[1],
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), (long long)wall,
	       (long long)(time_ns(&usage.ru_utime) + time_ns(&usage.ru_stime)));
	return 0;
}
