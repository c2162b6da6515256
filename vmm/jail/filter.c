#include "vmm/jail/filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/sanitized.h"
#include "common/util.h"
#include "filters.inc" /* made by filter_make */

#define FILTER_LINES_MAX 512

struct filter {
	const struct sock_filter *lines;
	size_t count;
};

static const struct filter filters[] = {
	[FILTER_MAIN] = {filter_main, ARRAY_SIZE(filter_main)},
	[FILTER_VCPU] = {filter_vcpu, ARRAY_SIZE(filter_vcpu)},
	[FILTER_DISK] = {filter_disk, ARRAY_SIZE(filter_disk)},
	[FILTER_DISPLAY] = {filter_display, ARRAY_SIZE(filter_display)},
};

_Static_assert(ARRAY_SIZE(filter_main) <= FILTER_LINES_MAX, "the longest filter fits");

bool filter_works(void)
{
	return !SANITIZED;
}

/* What is compared with the stand-in is compared with this process' id. */
static void filter_fill(struct sock_filter *lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (lines[i].code == (BPF_JMP | BPF_JEQ | BPF_K) && lines[i].k == FILTER_PID)
			lines[i].k = (uint32_t)getpid();
	}
}

int filter_install(enum filter_kind kind, struct error *err)
{
	struct sock_filter lines[FILTER_LINES_MAX];
	struct sock_fprog program = {.len = (unsigned short)filters[kind].count, .filter = lines};

	if (SANITIZED)
		return 0;
	if (SIGRTMIN != FILTER_SIGNAL_KICK)
		return error_set(err, -ENOTSUP, "jail: this C library's first real-time signal is %d, not %d",
				 SIGRTMIN, FILTER_SIGNAL_KICK);
	memcpy(lines, filters[kind].lines, filters[kind].count * sizeof(*lines));
	filter_fill(lines, filters[kind].count);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return error_set(err, -errno, "jail: cannot restrict a thread's system calls: %m");
	return 0;
}
