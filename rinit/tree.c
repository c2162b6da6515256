#include "rinit/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int entry_delete(int folder, const char *name, dev_t device)
{
	struct stat status;

	if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW))
		return -errno;
	if (status.st_dev != device)
		return -EXDEV;
	if (S_ISDIR(status.st_mode))
		tree_delete(openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), device);
	return unlinkat(folder, name, S_ISDIR(status.st_mode) ? AT_REMOVEDIR : 0) ? -errno : 0;
}

void tree_delete(int folder, dev_t device)
{
	DIR *entries = folder < 0 ? NULL : fdopendir(folder);
	const struct dirent *entry;

	while (entries && (entry = readdir(entries)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			entry_delete(dirfd(entries), entry->d_name, device);
	if (entries)
		closedir(entries);
}
