#include "vmm/manager/manager_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/config/file.h"

int manager_log_open(const struct settings *settings)
{
	AUTO_FREE char *path = file_path_join(settings->runtime_dir, "manager.log");
	int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;

	return path ? (fd < 0 ? -errno : fd) : -ENOMEM;
}

void manager_log_rotate(const struct settings *settings)
{
	AUTO_FREE char *path = file_path_join(settings->runtime_dir, "manager.log");
	AUTO_FREE char *older = file_path_join(settings->runtime_dir, "manager.log.1");
	AUTO_CLOSE int fd = -1;
	struct stat status;

	if (!path || !older || fstat(STDERR_FILENO, &status) < 0 || status.st_size < (off_t)MANAGER_LOG_MAX)
		return;
	/* Whatever happens, the log goes on: in the old file at the worst. */
	if (rename(path, older) < 0 && errno != ENOENT) {
		log_warning("%s: cannot put it aside: %m", path);
		return;
	}
	fd = manager_log_open(settings);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		log_warning("%s: cannot begin a new one: %m", path);
}
