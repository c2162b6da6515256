#include "vmm/storage/source_view.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"

static int map_write(pid_t pid, const char *name, unsigned first, unsigned count)
{
	char path[64], map[48];
	AUTO_CLOSE int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	snprintf(map, sizeof(map), "0 %u %u", first, count);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, map, strlen(map)) > 0 ? 0 : -1;
}

/* A process in a user namespace of its own, which does nothing. */
static pid_t sleeper_start(void)
{
	struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

/* A user namespace with these ids: they are said through one. */
static int namespace_make(unsigned first, unsigned count)
{
	pid_t pid = sleeper_start();
	char path[64];
	int fd = -1;

	if (pid < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	if (map_write(pid, "uid_map", first, count) == 0 && map_write(pid, "gid_map", first, count) == 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return fd;
}

int source_view_make(int fd, unsigned first, unsigned count, bool read_only)
{
	AUTO_CLOSE int ids = namespace_make(first, count);
	AUTO_CLOSE int tree =
		ids < 0 ? -1
			: open_tree(fd, "",
				    AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	struct mount_attr attributes = {
		.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_NOSUID | (read_only ? MOUNT_ATTR_RDONLY : 0),
		.userns_fd = (unsigned)ids,
	};

	if (tree < 0 ||
	    mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof(attributes)) < 0)
		return -1;
	return TAKE_FD(tree);
}

int source_tree_open(const char *path, int fd)
{
	AUTO_CLOSE int tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	struct stat wanted, found;

	if (tree < 0)
		return -errno;
	if (fd >= 0 && (fstat(fd, &wanted) < 0 || fstat(tree, &found) < 0))
		return -errno;
	if (fd >= 0 && (wanted.st_dev != found.st_dev || wanted.st_ino != found.st_ino))
		return -ESTALE;
	return TAKE_FD(tree);
}
