#include "vmm/display/confine.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/sanitized.h"
#include "common/util.h"
#include "display_filter.inc" /* made by filter_make */
#include "vmm/display/start.h"
#include "vmm/jail/jail.h"
#include "vmm/jail/privileges.h"

#define FILES  64
#define MEMORY MIB(1024) /* of addresses: the largest picture, its copy, and another one while it changes */

int confine_keeper(bool jail, struct error *err)
{
	const struct jail_limits limits = {
		.name = "display", .threads = CONFINE_SESSIONS, .files = FILES, .locked = 0, .file_size = 0};

	return jail ? jail_close(&limits, err) : privileges_freeze(err);
}

static int limit(int resource, uint64_t value)
{
	const struct rlimit limits = {.rlim_cur = value, .rlim_max = value};

	return setrlimit((__rlimit_resource_t)resource, &limits) < 0 ? -errno : 0;
}

int confine_session(void)
{
	struct sock_fprog filter = {
		.len = ARRAY_SIZE(display_filter),
		.filter = (struct sock_filter *)(uintptr_t)display_filter,
	};
	int code = limit(RLIMIT_CORE, 0);

	if (code == 0 && !SANITIZED)
		code = limit(RLIMIT_AS, MEMORY);
	if (code == 0 && !SANITIZED)
		code = limit(RLIMIT_DATA, DISPLAY_SESSION_MEMORY);
	if (code == 0 && !SANITIZED)
		code = limit(RLIMIT_NPROC, 0);
	if (code == 0 && prctl(PR_SET_DUMPABLE, 0) < 0)
		code = -errno;
	if (code == 0 && !SANITIZED && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0)
		code = -errno;
	return code;
}
