#include "vmm/guest/daemon_start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "vmm/storage/storage_daemon.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* There may be a passphrase in it. */
static int plan_memory(const struct daemon_start *start, struct error *err)
{
	AUTO_CLOSE int fd = memfd_create(start->jail.name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	AUTO_FREE char *text = start->plan ? cJSON_PrintUnformatted(start->plan) : NULL;
	bool whole = text && fd >= 0 && dprintf(fd, "%s", text) >= 0 && fcntl(fd, F_ADD_SEALS, SEALS) == 0;

	if (text)
		explicit_bzero(text, strlen(text));
	return whole ? TAKE_FD(fd) : error_set(err, -ENOMEM, "%s: out of memory", start->name);
}

static pid_t spawn(const struct daemon_start *start, int plan, int channel, int null, struct error *err)
{
	int descriptors[STORAGE_FILES_FD + 2 * STORAGE_FILES_MAX] = {null, null, STDERR_FILENO, plan,
								     channel};
	char *const argv[] = {(char[]){"rastos-vmm"}, (char[]){STORAGE_DAEMON_COMMAND}, NULL};
	struct jail_program program = {.argv = argv, .descriptors = descriptors, .count = STORAGE_FILES_FD};
	int pidfd = -1;
	pid_t pid;

	for (unsigned i = 0; i < start->file_count; i++) {
		descriptors[program.count++] = start->files[i].fd >= 0 ? start->files[i].fd : null;
		descriptors[program.count++] = start->files[i].tree >= 0 ? start->files[i].tree : null;
	}
	pid = jail_spawn(&start->jail, &program, &pidfd, err);
	if (pid > 0)
		close(pidfd);
	return pid;
}

int daemon_start(struct disk_backend *backend, const struct daemon_start *start, struct error *err)
{
	int ends[2];
	AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	AUTO_CLOSE int plan = plan_memory(start, err);
	AUTO_CLOSE int ours = -1;
	pid_t pid;

	if (plan < 0)
		return plan;
	if (null < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, -errno, "%s: cannot make the channel to its daemon: %m", start->name);
	ours = ends[0];
	pid = spawn(start, plan, ends[1], null, err);
	close(ends[1]);
	if (pid < 0)
		return pid;
	*backend = (struct disk_backend){.pid = pid, .until_ms = monotonic_ms() + DISK_BACKEND_START_MS};
	return TAKE_FD(ours);
}
