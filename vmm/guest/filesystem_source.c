#include "vmm/guest/filesystem_source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/storage/source_view.h"

/* The upper half of all ids stands for the lower one: no host has users there. */
#define FILESYSTEM_IDS_FIRST 2147483648U
#define FILESYSTEM_IDS_COUNT 2147483646U
#define IDS_ALL              4294967293U

/* --- What may be shared --- */

static int refused(const struct filesystem_definition *filesystem, int code, struct error *err,
		   const char *why)
{
	return error_set(err, code, "filesystem %s: %s: %s", filesystem->tag, filesystem->path, why);
}

/* Its last component must not be a link: whoever may change it would choose what is shared. */
static int directory_open(const struct filesystem_definition *filesystem, struct error *err)
{
	int fd = open(filesystem->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;

	if (fd < 0)
		return refused(filesystem, -errno, err,
			       errno == ENOENT ? "there is no such directory" : strerror(errno));
	if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
		return fd;
	close(fd);
	return refused(filesystem, -ENOTDIR, err,
		       S_ISLNK(status.st_mode) ? "is a symbolic link: give the directory that it leads to"
					       : "is not a directory");
}

/* One of them is the other, or above it. */
static bool path_holds(const char *above, const char *path)
{
	size_t len = strlen(above);

	return strncmp(above, path, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* With what is there a guest could make itself master of the host. */
static int check_apart(const struct filesystem_definition *filesystem, const struct settings *settings,
		       const char *path, struct error *err)
{
	const char *const own[] = {settings->runtime_dir, settings->state_dir,    settings->pool_dir,
				   settings->guests_dir,  settings->networks_dir, settings->keys_dir};

	for (unsigned i = 0; i < ARRAY_SIZE(own); i++) {
		AUTO_FREE char *real = realpath(own[i], NULL);
		const char *folder = real ? real : own[i];

		if (path_holds(path, folder) || path_holds(folder, path))
			return error_set(
				err, -EPERM,
				"filesystem %s: %s: is not shared with a guest, for rastos-vmm keeps its own "
				"files in %s",
				filesystem->tag, filesystem->path, folder);
	}
	return 0;
}

static int check_source(const struct filesystem_definition *filesystem, const struct settings *settings,
			int fd, struct error *err)
{
	char link[32], path[PATH_MAX];
	struct stat root, its;
	ssize_t len;

	if (stat("/", &root) == 0 && fstat(fd, &its) == 0 && root.st_dev == its.st_dev &&
	    root.st_ino == its.st_ino)
		return refused(filesystem, -EPERM, err,
			       "is the host's root, which is not shared: give a directory below it");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return refused(filesystem, -errno, err, strerror(errno));
	path[len] = '\0';
	return check_apart(filesystem, settings, path, err);
}

/* --- Whose it is --- */

/* Devices of the host are none there, and nothing is run. */
static int tree_limit(int tree, bool read_only)
{
	struct mount_attr attributes = {
		.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
			    (read_only ? MOUNT_ATTR_RDONLY : 0),
	};

	return mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof(attributes)) < 0
		       ? -errno
		       : 0;
}

static int tree_make(const struct filesystem_definition *filesystem, struct filesystem_source *source)
{
	source->uid = source->gid = FILESYSTEM_IDS_FIRST;
	source->ids = FILESYSTEM_IDS_COUNT;
	source->tree = source_view_make(source->fd, FILESYSTEM_IDS_FIRST, FILESYSTEM_IDS_COUNT,
					filesystem->read_only);
	if (source->tree < 0) {
		source->uid = source->gid = 0;
		source->ids = IDS_ALL;
		source->tree = open_tree(source->fd, "",
					 AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	}
	return source->tree < 0 ? -errno : tree_limit(source->tree, filesystem->read_only);
}

int filesystem_source_open(const struct filesystem_definition *filesystem, const struct settings *settings,
			   struct filesystem_source *source, struct error *err)
{
	int code;

	*source = (struct filesystem_source){.tree = -1, .uid = geteuid(), .gid = getegid(), .ids = 1};
	if (!settings->jail) {
		source->fd = -1;
		return refused(filesystem, -EOPNOTSUPP, err, "sharing it needs \"jail\": true in vmm.json");
	}
	source->fd = directory_open(filesystem, err);
	if (source->fd < 0)
		return source->fd;
	code = check_source(filesystem, settings, source->fd, err);
	if (code == 0 && geteuid() == 0) {
		code = tree_make(filesystem, source);
		if (code < 0)
			refused(filesystem, code, err, strerror(-code));
	}
	if (code < 0)
		filesystem_source_close(source);
	return code;
}

void filesystem_source_close(struct filesystem_source *source)
{
	cleanup_close(&source->fd);
	cleanup_close(&source->tree);
	source->fd = source->tree = -1;
}
