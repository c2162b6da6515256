#include "vmm/guest/filesystem_backend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/guest/filesystem_source.h"
#include "vmm/jail/jail.h"
#include "vmm/storage/filesystem_plan.h"
#include "vmm/storage/storage_daemon.h"

#define ABOUT     "filesystem" /* its name for who looks at processes */
#define FILES_MAX 1000000      /* that a guest may have the daemon hold open */

static int plan_memory(const struct filesystem_definition *filesystem, bool tree, struct error *err)
{
	AUTO_CLOSE int fd = memfd_create("filesystem", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	cJSON *plan = filesystem_plan_make(filesystem, ABOUT, tree);
	AUTO_FREE char *text = plan ? cJSON_PrintUnformatted(plan) : NULL;

	cJSON_Delete(plan);
	if (!text || fd < 0 || dprintf(fd, "%s", text) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return error_set(err, -ENOMEM, "filesystem %s: out of memory", filesystem->tag);
	return TAKE_FD(fd);
}

static pid_t spawn(const struct filesystem_source *source, const struct disk_backend_place *place, int plan,
		   int channel, struct error *err)
{
	const struct jail_config jail = {
		.name = ABOUT,
		.on = true,
		.uid = source->uid,
		.gid = source->gid,
		.ids = source->ids,
		.cgroup_fd = place->cgroup_fd,
	};
	const struct rlimit files = {FILES_MAX, FILES_MAX};
	AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int descriptors[] = {
		null, null, STDERR_FILENO, plan, channel, source->fd, source->tree >= 0 ? source->tree : null,
	};
	char *const argv[] = {(char[]){"rastos-vmm"}, (char[]){STORAGE_DAEMON_COMMAND}, NULL};
	const struct jail_program program = {
		.argv = argv, .descriptors = descriptors, .count = sizeof(descriptors) / sizeof(*descriptors)};
	int pidfd = -1;
	pid_t pid;

	_Static_assert(STORAGE_FILES_FD == 5, "the directory comes there, and its mount behind it");
	if (null < 0)
		return error_set(err, -errno, "cannot open /dev/null: %m");
	pid = jail_spawn(&jail, &program, &pidfd, err);
	if (pid < 0)
		return pid;
	close(pidfd);
	/* It cannot raise that itself. Who is not root has what he has. */
	prlimit(pid, RLIMIT_NOFILE, &files, NULL);
	return pid;
}

int filesystem_backend_begin(struct disk_backend *backend, const struct filesystem_definition *filesystem,
			     const struct settings *settings, const struct disk_backend_place *place,
			     struct error *err)
{
	struct filesystem_source source;
	AUTO_CLOSE int plan = -1;
	AUTO_CLOSE int ours = -1;
	int ends[2];
	int code = filesystem_source_open(filesystem, settings, &source, err);
	pid_t pid = -1;

	*backend = (struct disk_backend){0};
	if (code < 0)
		return code;
	plan = plan_memory(filesystem, source.tree >= 0, err);
	if (plan >= 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		code = error_set(err, -errno, "filesystem %s: cannot make the channel to its daemon: %m",
				 filesystem->tag);
	} else if (plan >= 0) {
		ours = ends[0];
		pid = spawn(&source, place, plan, ends[1], err);
		close(ends[1]);
		code = pid < 0 ? pid : 0;
	}
	filesystem_source_close(&source);
	if (plan < 0)
		return plan;
	if (code < 0)
		return code;
	backend->pid = pid;
	return TAKE_FD(ours);
}
