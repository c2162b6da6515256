#include "vmm/storage/disk_boot_child.h"

#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/descriptors.h"
#include "common/util.h"

#define CHILD_MS (10000 + 2000) /* the search has its own limit, which is shorter */
#define FILES    2              /* kernel and initrd */

/* What the child says when it is done, with one descriptor for each file that was found. */
struct found {
	int code;
	bool has_initrd;
	struct error err;
	char kernel[DISK_BOOT_NAME_MAX];
	char cmdline[DISK_BOOT_NAME_MAX];
};

union rights {
	struct cmsghdr header;
	char space[CMSG_SPACE(FILES * sizeof(int))];
};

/* --- In the child --- */

static void keep_only(int one, int other)
{
	unsigned low = (unsigned)MIN(one, other), high = (unsigned)MAX(one, other);

	if (low > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, low - 1, 0);
	if (high > low + 1)
		close_range(low + 1, high - 1, 0);
	close_range(high + 1, ~0U, 0);
}

static void say(int channel, const struct found *found, const int *fds, unsigned count)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)found, .iov_len = sizeof(*found)};

	descriptors_send(channel, &iov, 1, fds, count, 0);
}

static _Noreturn void child_main(const struct disk_boot_source *source, int channel, pid_t parent)
{
	struct found found = {0};
	struct disk_boot boot;
	int fds[FILES];
	unsigned count = 0;

	prctl(PR_SET_NAME, "disk-boot");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(EXIT_FAILURE);
	keep_only(source->disk, channel);
	found.code = boot_from_disk(source, &boot, &found.err);
	if (found.code == 0) {
		fds[count++] = boot.kernel_fd;
		found.has_initrd = boot.initrd_fd >= 0;
		if (found.has_initrd)
			fds[count++] = boot.initrd_fd;
		memcpy(found.kernel, boot.kernel, sizeof(found.kernel));
		memcpy(found.cmdline, boot.cmdline, sizeof(found.cmdline));
	}
	say(channel, &found, fds, count);
	_exit(EXIT_SUCCESS);
}

/* --- In its parent --- */

int disk_boot_begin(struct disk_boot_child *child, const struct disk_boot_source *source, struct error *err)
{
	pid_t parent = getpid();
	int ends[2];

	*child = (struct disk_boot_child){.channel = -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, -errno, "%s: cannot look for a kernel: %m", source->about);
	child->pid = fork();
	if (child->pid == 0)
		child_main(source, ends[1], parent);
	close(ends[1]);
	if (child->pid < 0) {
		int code = error_set(err, -errno, "%s: cannot look for a kernel: %m", source->about);

		close(ends[0]);
		child->pid = 0;
		return code;
	}
	child->channel = ends[0];
	child->until_ms = monotonic_ms() + CHILD_MS;
	return 0;
}

static ssize_t receive(int channel, struct found *found, int *fds, unsigned *count)
{
	union rights rights = {0};
	struct iovec iov = {.iov_base = found, .iov_len = sizeof(*found)};
	struct msghdr header = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof(rights)};
	ssize_t got = recvmsg(channel, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *first = got > 0 ? CMSG_FIRSTHDR(&header) : NULL;

	*count = 0;
	if (first && first->cmsg_level == SOL_SOCKET && first->cmsg_type == SCM_RIGHTS) {
		*count = (unsigned)((first->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(first), *count * sizeof(int));
	}
	return got;
}

int disk_boot_heard(struct disk_boot_child *child, const char *about, struct disk_boot *boot,
		    struct error *err)
{
	struct found found = {0};
	int fds[FILES] = {-1, -1};
	unsigned count;
	ssize_t got = receive(child->channel, &found, fds, &count);

	if (got < 0 && errno == EAGAIN && monotonic_ms() < child->until_ms)
		return -EAGAIN;
	disk_boot_stop(child);
	*boot = (struct disk_boot){.kernel_fd = -1, .initrd_fd = -1};
	if (got == sizeof(found) && found.code < 0) {
		*err = found.err;
		return found.code;
	}
	if (got != sizeof(found) || count != 1U + found.has_initrd) {
		for (unsigned i = 0; i < count; i++)
			close(fds[i]);
		return error_set(err, -EIO, "%s: looking for its kernel ended without a word", about);
	}
	boot->kernel_fd = fds[0];
	boot->initrd_fd = fds[1];
	memcpy(boot->kernel, found.kernel, sizeof(boot->kernel));
	memcpy(boot->cmdline, found.cmdline, sizeof(boot->cmdline));
	return 0;
}

void disk_boot_stop(struct disk_boot_child *child)
{
	cleanup_close(&child->channel);
	child->channel = -1;
	if (child->pid <= 0)
		return;
	kill(child->pid, SIGKILL); /* it has said all, or nobody wants to hear it */
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
	child->pid = 0;
}
