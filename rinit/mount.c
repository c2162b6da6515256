#include "rinit/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/util.h"
#include "rinit/log.h"

struct early_mount {
	const char *source;
	const char *target;
	const char *type;
	unsigned long flags;
	const char *options;
	bool native_only; /* a container keeps what its runtime gave it */
	bool optional;    /* a kernel may be built without */
};

static const struct early_mount early_mounts[] = {
	{"proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, false, false},
	{"sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, false, false},
	{"devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666,gid=5", false, true},
	{"tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777", false, false},
	{"tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755", false, false},
	{"tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777", true, false},
	{"cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC,
	 "nsdelegate,memory_recursiveprot", true, true},
};

/* For kernels without devtmpfs: what a shell and a getty cannot do without. */
static const struct {
	const char *path;
	mode_t mode;
	unsigned int major, minor;
} basic_nodes[] = {
	{"/dev/console", 0600, 5, 1}, {"/dev/tty", 0666, 5, 0},    {"/dev/null", 0666, 1, 3},
	{"/dev/zero", 0666, 1, 5},    {"/dev/full", 0666, 1, 7},   {"/dev/random", 0666, 1, 8},
	{"/dev/urandom", 0666, 1, 9}, {"/dev/ttyS0", 0600, 4, 64}, {"/dev/hvc0", 0600, 229, 0},
	{"/dev/ptmx", 0666, 5, 2},    {"/dev/kmsg", 0600, 1, 11},
};

static const struct {
	const char *target, *path;
} dev_links[] = {
	{"/proc/self/fd", "/dev/fd"},
	{"/proc/self/fd/0", "/dev/stdin"},
	{"/proc/self/fd/1", "/dev/stdout"},
	{"/proc/self/fd/2", "/dev/stderr"},
};

bool mount_is_point(const char *path)
{
	char parent[256];
	struct stat here, above;

	snprintf(parent, sizeof(parent), "%s/..", path);
	return !stat(path, &here) && !stat(parent, &above) && here.st_dev != above.st_dev;
}

bool root_is_initramfs(void)
{
	struct statfs status;

	return !statfs("/", &status) && (status.f_type == RAMFS_MAGIC || status.f_type == TMPFS_MAGIC);
}

int root_make_pivotable(void)
{
	static const char folder[] = "/.rinit-root";

	if (mkdir(folder, 0700))
		return -errno;
	if (mount("/", folder, NULL, MS_BIND, NULL) || chdir(folder) ||
	    mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		return -errno;
	rmdir(folder);
	return 0;
}

static void mount_failed(const struct early_mount *m, bool container)
{
	if (!container && !(m->optional && errno == ENODEV))
		log_warning("%s: cannot mount %s: %m", m->target, m->type);
}

static void mount_one(const struct early_mount *m, bool container)
{
	if ((container && m->native_only) || mount_is_point(m->target))
		return;
	if (mkdir(m->target, 0755) && errno != EEXIST) {
		if (!m->optional)
			mount_failed(m, container);
		return;
	}
	if (!mount(m->source, m->target, m->type, m->flags, m->options))
		return;
	if (errno == EINVAL && m->optional && !mount(m->source, m->target, m->type, m->flags, NULL))
		return; /* an older kernel does not know the options */
	if (errno != EBUSY)
		mount_failed(m, container);
}

void mount_proc(void)
{
	mount_one(&early_mounts[0], false);
}

static void make_basic_nodes(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(basic_nodes); i++) {
		dev_t device = makedev(basic_nodes[i].major, basic_nodes[i].minor);

		if (!mknod(basic_nodes[i].path, S_IFCHR | basic_nodes[i].mode, device))
			chmod(basic_nodes[i].path, basic_nodes[i].mode);
	}
}

/* True for a tmpfs. */
static bool mount_dev(bool container)
{
	bool usable = !access("/dev/null", W_OK);

	mkdir("/dev", 0755);
	if (mount_is_point("/dev") || (container && usable))
		return false;
	if (!container && !mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755"))
		return false;
	if (mount("tmpfs", "/dev", "tmpfs", MS_NOSUID, "mode=0755") && !container)
		log_warning("/dev: cannot mount devtmpfs or tmpfs: %m");
	make_basic_nodes();
	return true;
}

bool mount_early(bool container)
{
	bool by_hand = mount_dev(container);

	for (size_t i = 0; i < ARRAY_SIZE(early_mounts); i++)
		mount_one(&early_mounts[i], container);
	for (size_t i = 0; i < ARRAY_SIZE(dev_links); i++)
		if (symlink(dev_links[i].target, dev_links[i].path) && errno != EEXIST && !container)
			log_warning("%s: cannot make the link: %m", dev_links[i].path);
	mkdir("/run/lock", 01777);
	chmod("/run/lock", 01777);
	return by_hand;
}

/* A description of its own, so that O_NONBLOCK on it concerns nobody else. */
static int reopen(int fd)
{
	char path[32];
	int copy;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	copy = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | O_APPEND);
	return copy >= 0 ? copy : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

int console_open(bool container)
{
	int fd = -1;
	int code = 0;

	if (!container || fcntl(STDOUT_FILENO, F_GETFD) < 0)
		fd = open("/dev/console", O_RDWR | O_NOCTTY | O_NONBLOCK);
	else
		return reopen(STDOUT_FILENO);
	if (fd < 0) {
		code = -errno;
		fd = open("/dev/null", O_RDWR);
	}
	if (fd < 0)
		return -errno;
	fcntl(fd, F_SETFL, O_RDWR); /* only the log's own descriptor must not block */
	for (int standard = 0; standard <= 2; standard++)
		if (fd != standard)
			dup2(fd, standard);
	if (fd > STDERR_FILENO)
		close(fd);
	return code ? code : reopen(STDOUT_FILENO);
}
