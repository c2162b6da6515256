#include "common/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"

#define FIRST_MORE (STDERR_FILENO + 1)

extern char **environ;

/* 0 or an errno, as all of posix_spawn's. */
static int place_descriptors(posix_spawn_file_actions_t *actions, const struct child *child)
{
	const int from[] = {child->input, child->output, child->errors};
	int code = 0;

	for (int to = STDIN_FILENO; to <= STDERR_FILENO && !code; to++)
		code = from[to] < 0
			       ? posix_spawn_file_actions_addopen(actions, to, "/dev/null",
								  to == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0)
			       : posix_spawn_file_actions_adddup2(actions, from[to], to);
	for (unsigned i = 0; i < child->more_count && !code; i++)
		code = posix_spawn_file_actions_adddup2(actions, child->more[i], FIRST_MORE + (int)i);
	return code ? code
		    : posix_spawn_file_actions_addclosefrom_np(actions, FIRST_MORE + (int)child->more_count);
}

static void set_attributes(posix_spawnattr_t *attributes, const struct child *child)
{
	sigset_t none;
	sigset_t all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setflags(attributes, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						     (child->session ? POSIX_SPAWN_SETSID : 0)));
}

int child_spawn(const struct child *child, pid_t *pid)
{
	char *const *argv = (char *const *)(uintptr_t)child->argv; /* which posix_spawn does not write to */
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int code = posix_spawn_file_actions_init(&actions);

	if (code)
		return -code;
	code = posix_spawnattr_init(&attributes);
	if (!code) {
		set_attributes(&attributes, child);
		code = place_descriptors(&actions, child);
		if (!code)
			code = posix_spawnp(pid, child->path, &actions, &attributes, argv, environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return -code;
}

int child_input(const void *bytes, size_t size)
{
	AUTO_CLOSE int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0 || pwrite(fd, bytes, size, 0) != (ssize_t)size)
		return errno ? -errno : -EIO;
	return TAKE_FD(fd);
}

int child_output(size_t size)
{
	AUTO_CLOSE int fd = memfd_create("output", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0)
		return -errno;
	return TAKE_FD(fd);
}

void child_path_beside(const char *program, char *path)
{
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - strlen(program) - sizeof("/"));
	char *slash;

	path[len > 0 ? len : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash)
		strcpy(slash + 1, program);
	if (!slash || access(path, X_OK) < 0)
		strcpy(path, program);
}
