#include "vmm/jail/limits.h"

#include <errno.h>
#include <sys/resource.h>

#include "common/util.h"

/* KVM runs a thread of its own in the process (since Linux 6.14: recovers large pages), which counts. */
#define THREADS_KVM 1

/* So does the thread sanitizer. Without room for both, KVM_RUN fails with EAGAIN for as long as it is tried.
 */
#if defined(__SANITIZE_THREAD__)
#define THREADS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREADS_SANITIZER 1
#endif
#endif
#ifndef THREADS_SANITIZER
#define THREADS_SANITIZER 0
#endif

int limits_set(const struct jail_limits *limits, struct error *err)
{
	const struct {
		int resource;
		const char *name;
		rlim_t value;
	} wanted[] = {
		/* The count is the user namespace's own. */
		{RLIMIT_NPROC, "RLIMIT_NPROC", 1 + limits->threads + THREADS_KVM + THREADS_SANITIZER},
		{RLIMIT_NOFILE, "RLIMIT_NOFILE", limits->files},
		{RLIMIT_FSIZE, "RLIMIT_FSIZE", limits->file_size},
		{RLIMIT_CORE, "RLIMIT_CORE",
		 0}, /* it would hold the guest's secrets, and there is no place for it */
		{RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK", limits->locked},
		{RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE", 0},
		{RLIMIT_NICE, "RLIMIT_NICE", 0},
		{RLIMIT_RTPRIO, "RLIMIT_RTPRIO", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct rlimit limit;

		if (getrlimit((__rlimit_resource_t)wanted[i].resource, &limit) < 0)
			return error_set(err, -errno, "jail: cannot read %s: %m", wanted[i].name);
		limit.rlim_max = MIN(limit.rlim_max, wanted[i].value);
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit((__rlimit_resource_t)wanted[i].resource, &limit) < 0)
			return error_set(err, -errno, "jail: cannot set %s: %m", wanted[i].name);
	}
	return 0;
}
