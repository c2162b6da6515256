#include "vmm/storage/sandbox_root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/jail/root.h"

#define PLACE "/proc" /* a directory that every host has; nothing is written there */

static const char *const system_paths[] = {
	"/usr",
	"/bin",
	"/sbin",
	"/lib",
	"/lib64",
	"/etc/ld.so.cache",
	"/etc/alternatives",
	"/etc/mke2fs.conf",
	"/etc/passwd",
	"/etc/group",
	"/dev/null",
	"/dev/urandom",
};

/* --- What it may read, and where it may write --- */

static int path_of(int fd, char path[PATH_MAX])
{
	char link[32];
	ssize_t len;

	path[0] = '\0';
	if (fd < 0)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, PATH_MAX - 1);
	if (len < 0)
		return -errno;
	path[len] = '\0';
	return len == PATH_MAX - 1 ? -ENAMETOOLONG : 0;
}

int sandbox_places_find(int source, int folder, struct sandbox_places *places)
{
	int code = path_of(source, places->source_path);

	places->source = source;
	places->folder = folder;
	places->view = -1;
	return code < 0 ? code : path_of(folder, places->folder_path);
}

/* A mount of what is at path, with what is mounted below. */
static int tree_take(const char *path)
{
	int tree = open_tree(AT_FDCWD, path,
			     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW);

	return tree < 0 ? -errno : tree;
}

/* The same of what fd refers to: a descriptor's own mount is another namespace's, and cannot be used. */
static int tree_take_of(int fd, const char *path)
{
	AUTO_CLOSE int tree = -1;
	struct stat wanted, found;

	if (fd < 0)
		return -1;
	tree = tree_take(path);
	if (tree < 0)
		return tree == -ENOENT ? -ESTALE : tree;
	if (fstat(fd, &wanted) < 0 || fstat(tree, &found) < 0)
		return -errno;
	if (wanted.st_dev != found.st_dev || wanted.st_ino != found.st_ino)
		return -ESTALE;
	return TAKE_FD(tree);
}

int sandbox_trees_take(const struct sandbox_places *places, struct sandbox_trees *trees)
{
	trees->ready = places->view >= 0;
	trees->source = trees->ready ? dup(places->view) : tree_take_of(places->source, places->source_path);
	trees->folder = tree_take_of(places->folder, places->folder_path);
	if (places->source >= 0 && trees->source < 0)
		return trees->source;
	return places->folder >= 0 ? MIN(trees->folder, 0) : 0;
}

/* --- The root; its paths are relative until it is one --- */

static int read_only(int tree, unsigned flags)
{
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID};

	return mount_setattr(tree, "", AT_EMPTY_PATH | flags, &attributes, sizeof(attributes)) < 0 ? -errno
												   : 0;
}

/* A folder or file to mount the tree on. */
static int place_make(const char *path, int tree)
{
	struct stat status;
	int fd;

	if (fstat(tree, &status) < 0)
		return -errno;
	if (S_ISDIR(status.st_mode))
		return mkdir(path, 0755) < 0 ? -errno : 0;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int tree_mount(int tree, const char *path)
{
	int code = place_make(path, tree);

	if (code < 0)
		return code;
	return move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

/* A link stays one; what the host has not is not there. */
static int system_mount(const char *path)
{
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target) - 1);
	AUTO_CLOSE int tree = -1;
	int code;

	if (len >= 0) {
		target[len] = '\0';
		return symlink(target, path + 1) < 0 ? -errno : 0;
	}
	tree = tree_take(path);
	if (tree < 0)
		return tree == -ENOENT ? 0 : tree;
	code = read_only(tree, AT_RECURSIVE);
	return code < 0 ? code : tree_mount(tree, path + 1);
}

static int trees_mount(struct sandbox_trees *trees)
{
	int code = trees->source < 0 || trees->ready ? 0 : read_only(trees->source, AT_RECURSIVE);

	if (code == 0 && trees->source >= 0)
		code = tree_mount(trees->source, &SANDBOX_SOURCE[1]);
	if (code == 0 && trees->folder >= 0)
		code = tree_mount(trees->folder, &SANDBOX_WORK[1]);
	cleanup_close(&trees->source);
	cleanup_close(&trees->folder);
	return code;
}

static int root_fill(void)
{
	int code = mkdir("etc", 0755) < 0 || mkdir("dev", 0755) < 0 || mkdir("proc", 0755) < 0 ? -errno : 0;

	for (unsigned i = 0; i < ARRAY_SIZE(system_paths) && code == 0; i++)
		code = system_mount(system_paths[i]);
	return code;
}

int sandbox_root_begin(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("sandbox", PLACE, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,nr_inodes=64,mode=0755") < 0 ||
	    chdir(PLACE) < 0)
		return -errno;
	return root_fill();
}

int sandbox_root_mount(int tree, const char *place, bool only_read)
{
	int code = only_read ? read_only(tree, AT_RECURSIVE) : 0;

	return code < 0 ? code : tree_mount(tree, place);
}

int sandbox_root_share(const char *path)
{
	AUTO_CLOSE int tree =
		open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (tree < 0)
		return errno == ENOENT ? 0 : -errno;
	return sandbox_root_mount(tree, path + 1, true);
}

int sandbox_root_end(void)
{
	AUTO_CLOSE int root = -1;
	int code;

	/* The kernel gives it only to who sees all of the host's; programs do without. */
	if (mount("proc", "proc", "proc", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 &&
	    errno != EPERM)
		return -errno;
	root = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	code = read_only(root, 0);
	return code < 0 ? code : root_change();
}

int sandbox_root_enter(struct sandbox_trees *trees)
{
	int code = sandbox_root_begin();

	if (code == 0)
		code = trees_mount(trees);
	return code < 0 ? code : sandbox_root_end();
}
