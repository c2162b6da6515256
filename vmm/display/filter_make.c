/*
 * Makes the system-call filter of a viewer's session (confine.c), when rastos-display is built: libseccomp
 * turns the list below into BPF, which is printed as C.
 *
 *      display_filter_make display_filter.inc
 *
 * Two sockets that are there already, pictures that come through one of them, and memory. Any other call ends
 * the session.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "common/util.h"
#include "vmm/jail/filter_print.h"

#define IS(argument, value) SCMP_CMP64(argument, SCMP_CMP_EQ, (uint64_t)(value), 0)

static const int allowed[] = {
	/* the sockets */
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(shutdown),
	SCMP_SYS(close),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockname),
	/* a picture's memory */
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	/* time and chance */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(alarm),
	SCMP_SYS(getrandom),
	/* itself */
	SCMP_SYS(futex),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

static void check(int code)
{
	if (code < 0)
		filter_give_up("cannot add a rule", code);
}

static void allow_memory(scmp_filter_ctx filter)
{
	const scmp_datum_t own = MAP_PRIVATE | MAP_ANONYMOUS;

	/* Its own, and what others show it; never code. */
	check(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
			       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
			       SCMP_A3(SCMP_CMP_MASKED_EQ, own, own)));
	check(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, IS(2, PROT_READ),
			       IS(3, MAP_SHARED)));
	check(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
			       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)));
}

int main(int argc, char **argv)
{
	static const int commands[] = {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_GET_SEALS};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);

	if (argc != 2) {
		fprintf(stderr, "usage: display_filter_make OUT\n");
		return EXIT_FAILURE;
	}
	if (!filter)
		filter_give_up("cannot begin a filter", -ENOMEM);
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		check(seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0));
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		check(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, IS(1, commands[i])));
	/* to whom it is connected */
	check(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 1, IS(4, 0)));
	check(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 0));
	check(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(rt_sigaction), 1, IS(0, SIGPIPE)));
	allow_memory(filter);
	filter_print_to(argv[1]);
	filter_print("display_filter", filter);
	return EXIT_SUCCESS;
}
