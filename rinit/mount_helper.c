#include "rinit/mount_helper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <mntent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "rinit/device.h"
#include "rinit/file.h"
#include "rinit/fstab.h"
#include "rinit/generate.h"
#include "rinit/mount_options.h"
#include "rinit/ini.h"
#include "rinit/loop.h"
#include "rinit/netlink.h"
#include "rinit/root.h"
#include "rinit/spawn.h"

#define BUSY_TRIES        50
#define BUSY_RETRY_MS     20
#define KERNEL_EVENTS     1    /* the netlink group; 2 is udev's */
#define LOOK_AGAIN_MS     500  /* links that udev makes come after the kernel's event */
#define TELL_AFTER_MS     2000 /* then it says what it waits for */
#define DEVICE_TIMEOUT_MS 90000
#define WARNING           "<4>" /* sd-daemon(3): for the log */

/* fsck(8)'s exit status is a sum of these. */
#define FSCK_STATUS_CORRECTED 1
#define FSCK_STATUS_REBOOT    2
#define FSCK_STATUS_ERRORS    4

struct job {
	const char *what, *where, *type;
	char device[ROOT_DEVICE_MAX]; /* what, found */
	bool remount;                 /* what rinit or the initrd has mounted already */
	bool sloppy, lazy, force;
	mode_t directory_mode;
	struct mount_options options;
};

static char *const environment[] = {"PATH=" SPAWN_PATH, NULL};

static int fail(const struct job *job, const char *what, int code)
{
	fprintf(stderr, WARNING "%s: %s: %s\n", job->what, what, strerror(code));
	return MOUNT_EXIT_FAILED;
}

/* ---- the device ---- */

static bool names_device(const struct job *job)
{
	static const char *const tags[] = {"/dev/", "UUID=", "LABEL=", "PARTUUID=", "PARTLABEL="};

	if (job->options.network || job->options.flags & MS_BIND)
		return false;
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (!strncmp(job->what, tags[i], strlen(tags[i])))
			return true;
	return false;
}

static void events_wait(int fd, uint64_t ms)
{
	struct pollfd events = {.fd = fd, .events = POLLIN};
	char message[8192];

	poll(&events, 1, (int)ms);
	while (fd >= 0 && recv(fd, message, sizeof(message), MSG_DONTWAIT) > 0)
		; /* a block device or not: looking costs little */
}

/* systemd.device(5): a device node, or a device in sysfs. */
static bool is_there(struct job *job)
{
	static const char subsystems[] = "/sys/subsystem/"; /* a name that sysfs has only promised */
	const char *name = job->what + strlen(subsystems), *slash = strchr(job->what, '\0');
	char path[ROOT_DEVICE_MAX];

	if (strncmp(job->what, "/sys/", 5) != 0)
		return device_find(job->what, job->device, sizeof(job->device)) ||
		       (!strcmp(job->type, "device") && !access(job->what, F_OK));
	if (!access(job->what, F_OK))
		return true;
	if (strncmp(job->what, subsystems, strlen(subsystems)) != 0 || !(slash = strstr(name, "/devices/")))
		return false;
	snprintf(path, sizeof(path), "/sys/class/%.*s%s", (int)(slash - name), name,
		 slash + strlen("/devices"));
	if (!access(path, F_OK))
		return true;
	snprintf(path, sizeof(path), "/sys/bus/%s", name);
	return !access(path, F_OK);
}

static int device_wait(struct job *job)
{
	AUTO_CLOSE int events = netlink_open(NETLINK_KOBJECT_UEVENT, KERNEL_EVENTS);
	uint64_t limit = job->options.no_wait ? 0 : job->options.device_timeout_ms;
	uint64_t begin = clock_ms(), waited = 0;
	bool told = false;

	while (!is_there(job)) {
		waited = clock_ms() - begin;
		if (waited >= limit) {
			fprintf(stderr, WARNING "%s: there is no such device", job->what);
			fprintf(stderr, limit ? " after %.1f s\n" : "\n", seconds(waited));
			return MOUNT_EXIT_FAILED;
		}
		if (!told && waited >= TELL_AFTER_MS) {
			fprintf(stderr, WARNING "waiting for %s\n", job->what);
			told = true;
		}
		events_wait(events, limit - waited < LOOK_AGAIN_MS ? limit - waited : LOOK_AGAIN_MS);
	}
	return 0;
}

/* ---- fsck ---- */

enum fsck_verdict fsck_verdict(int exit_status)
{
	if (exit_status & FSCK_STATUS_ERRORS)
		return FSCK_LEFT_ERRORS;
	if (exit_status & FSCK_STATUS_REBOOT)
		return FSCK_REBOOT;
	return exit_status & ~FSCK_STATUS_CORRECTED ? FSCK_NOT_CHECKED : FSCK_GO_ON;
}

static int run(const char *program, char *const *argv)
{
	struct spawn spawn_it = {.program = program, .argv = argv, .environment = environment};
	int status, rc;
	pid_t pid;

	rc = spawn(&spawn_it, &pid);
	if (rc)
		return rc;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

static bool program_exists(const char *name, char *path, size_t size)
{
	const char *found = program_find(name, path, size);

	return found && strcmp(found, "/bin/busybox") != 0;
}

static int check(struct job *job)
{
	char name[64], path[ROOT_DEVICE_MAX];
	int status;

	snprintf(name, sizeof(name), "fsck.%s", job->type);
	if (!job->options.pass || !*job->device)
		return 0;
	if (!program_exists(name, path, sizeof(path))) {
		printf("%s: not checked: there is no %s\n", job->what, name);
		return 0;
	}
	status = run(path, (char *[]){name, "-a", job->device, NULL});
	switch (status < 0 ? FSCK_NOT_CHECKED : fsck_verdict(status)) {
	case FSCK_LEFT_ERRORS:
		fprintf(stderr, WARNING "%s: %s left errors: mend it by hand with %s %s\n", job->what, name,
			name, job->device);
		return MOUNT_EXIT_FAILED;
	case FSCK_REBOOT:
		return strcmp(job->where, "/") != 0 ? 0 : MOUNT_EXIT_REBOOT;
	case FSCK_NOT_CHECKED:
		fprintf(stderr, WARNING "%s: not checked: %s ended with %d\n", job->what, name, status);
		return 0;
	default:
		return 0;
	}
}

/* ---- mounting ---- */

static int folders_make(const char *path, mode_t mode)
{
	char folder[4096];

	snprintf(folder, sizeof(folder), "%s", path);
	for (char *slash = folder; (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		mkdir(folder, mode);
		*slash = '/';
	}
	return mkdir(folder, mode) && errno != EEXIST ? -errno : 0;
}

/* A file is bound on a file. */
static int mount_point_make(const struct job *job)
{
	struct stat status;
	int fd;

	if (!stat(job->where, &status))
		return 0;
	if (!(job->options.flags & MS_BIND) || stat(job->what, &status) || S_ISDIR(status.st_mode))
		return folders_make(job->where, job->directory_mode);
	fd = open(job->where, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* The type of what is on top of where: empty when nothing is mounted there. */
static void mounted_type(const char *where, char *type, size_t size)
{
	FILE *file = setmntent("/proc/self/mounts", "re");
	const struct mntent *entry;

	*type = '\0';
	while (file && (entry = getmntent(file)))
		if (!strcmp(entry->mnt_dir, where))
			snprintf(type, size, "%s", entry->mnt_type);
	if (file)
		endmntent(file);
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat first, second;

	return !stat(a, &first) && !stat(b, &second) && first.st_dev == second.st_dev &&
	       first.st_ino == second.st_ino;
}

static int mount_bound(const struct job *job)
{
	unsigned long flags = job->options.flags & ~(unsigned long)(MS_BIND | MS_REC | MS_SILENT);

	if (!is_same_file(job->what, job->where) &&
	    mount(job->what, job->where, NULL, job->options.flags & (MS_BIND | MS_REC), NULL))
		return -errno;
	/* The first call takes no other flags. */
	return flags && mount(NULL, job->where, NULL, MS_REMOUNT | MS_BIND | flags, NULL) ? -errno : 0;
}

static int mount_plain(const struct job *job)
{
	const char *source = *job->device ? job->device : job->what;
	unsigned long flags = job->options.flags | (job->remount ? MS_REMOUNT : 0);

	if (!mount(source, job->where, job->type, flags, job->options.data))
		return 0;
	if ((errno != EROFS && errno != EACCES) || flags & (MS_RDONLY | MS_REMOUNT) ||
	    job->options.read_write_only)
		return -errno;
	if (mount(source, job->where, job->type, flags | MS_RDONLY, job->options.data))
		return -errno;
	fprintf(stderr, WARNING "%s: is write protected: mounted read-only\n", job->what);
	return 0;
}

/* mount.TYPE as mount(8) calls it; mount itself for what needs a loop device, or has its type to be found. */
static int mount_by_program(const struct job *job, const char *path, const char *name)
{
	const char *options = *job->options.helper ? job->options.helper : "rw";
	bool wants_type = !strcmp(name, "mount") || !strcmp(name, "mount.fuse");
	char *argv[9] = {(char *)name, (char *)job->what, (char *)job->where, (char *)"-o", (char *)options};
	size_t count = 5;

	if (job->sloppy)
		argv[count++] = (char *)"-s";
	if (wants_type) {
		argv[count++] = (char *)"-t";
		argv[count++] = (char *)job->type;
	}
	execve(path, argv, environment);
	return -errno;
}

static bool needs_program(const struct job *job, char *path, size_t size, char *name, size_t name_size)
{
	if (job->remount || job->options.flags & MS_BIND)
		return false;
	if (job->options.loop || strchr(job->type, ',') || !strcmp(job->type, "auto")) {
		snprintf(name, name_size, "mount");
		return program_find(name, path, size) != NULL;
	}
	snprintf(name, name_size, "mount.%s", job->type);
	if (program_exists(name, path, size))
		return true;
	snprintf(name, name_size, "mount.fuse");
	return !strncmp(job->type, "fuse.", 5) && program_exists(name, path, size);
}

/* In the child. */
static int mount_now(const struct job *job)
{
	char path[ROOT_DEVICE_MAX], name[64];
	int rc = mount_point_make(job);

	if (rc)
		return fail(job, "cannot make its mount point", -rc);
	if (needs_program(job, path, sizeof(path), name, sizeof(name)))
		rc = mount_by_program(job, path, name);
	else
		rc = job->options.flags & MS_BIND ? mount_bound(job) : mount_plain(job);
	if (!rc && job->options.propagation && mount(NULL, job->where, NULL, job->options.propagation, NULL))
		rc = -errno;
	if (!rc)
		return 0;
	fprintf(stderr, WARNING "%s: cannot mount it on %s as %s: %s\n", job->what, job->where, job->type,
		strerror(-rc));
	return MOUNT_EXIT_FAILED;
}

static int swap_now(const struct job *job)
{
	int flags = job->options.swap_discard;

	if (job->options.swap_priority >= 0)
		flags |= SWAP_FLAG_PREFER | job->options.swap_priority;
	if (!swapon(*job->device ? job->device : job->what, flags) || errno == EBUSY)
		return 0;
	return fail(job, "cannot swap on it", errno);
}

/* Waits no longer than that for the child. */
static int child_wait(const struct job *job, const char *done, pid_t child, uint64_t limit)
{
	AUTO_CLOSE int fd = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd end = {.fd = fd, .events = POLLIN};
	int status;

	if (fd >= 0 && limit != TIMESPAN_INFINITY &&
	    poll(&end, 1, limit > INT32_MAX ? -1 : (int)limit) == 0) {
		kill(child, SIGKILL);
		fprintf(stderr, WARNING "%s: not %s within %.1f s\n", job->what, done, seconds(limit));
		return MOUNT_EXIT_FAILED;
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return MOUNT_EXIT_FAILED;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : MOUNT_EXIT_FAILED;
}

static int in_child(const struct job *job, const char *done, int (*work)(const struct job *))
{
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child < 0)
		return fail(job, "cannot mount it", errno);
	if (!child) {
		int rc = work(job);

		fflush(NULL);
		_exit(rc);
	}
	return child_wait(job, done, child, job->options.mount_timeout_ms);
}

/* What it is, for an entry that says auto. mount(8) may know more types than we do. */
static void type_find(struct job *job, struct superblock *superblock)
{
	if (!strcmp(job->type, "auto") && *job->device && superblock_read(job->device, superblock))
		job->type = superblock->type;
}

/* The root, and /tmp, /run and the like, are there: they get the entry's options. */
static void find_remount(struct job *job)
{
	char type[64];

	mounted_type(job->where, type, sizeof(type));
	job->remount = !(job->options.flags & MS_BIND) && *type &&
		       (!strcmp(job->where, "/") || !strcmp(type, job->type));
}

/* ---- unmounting ---- */

/* Is one of the process' open files, or its folder, root or program, on that file system? */
static bool process_uses(const char *pid, dev_t device)
{
	static const char *const links[] = {"cwd", "root", "exe"};
	char path[300];
	struct stat status;
	const struct dirent *entry;
	bool uses = false;
	DIR *folder;

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%s/%s", pid, links[i]);
		if (!stat(path, &status) && status.st_dev == device)
			return true;
	}
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	folder = opendir(path);
	while (folder && !uses && (entry = readdir(folder)))
		uses = !fstatat(dirfd(folder), entry->d_name, &status, 0) && status.st_dev == device;
	if (folder)
		closedir(folder);
	return uses;
}

/* "sh (42)": the first process that is in the way; empty when it is none. */
static void user_find(const char *where, char *user, size_t size)
{
	DIR *folder = opendir("/proc");
	const struct dirent *entry;
	struct stat status;

	*user = '\0';
	while (folder && !*user && !stat(where, &status) && (entry = readdir(folder))) {
		char path[300], name[32] = "";

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
		    !process_uses(entry->d_name, status.st_dev))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file_read_line(path, name, sizeof(name));
		snprintf(user, size, " by %s (%s)", name, entry->d_name);
	}
	if (folder)
		closedir(folder);
}

/*
 * The kernel gives back what a process has held a moment after its end: what is in use by nobody is tried
 * again. user: by whom it is in use.
 */
static int unmount_patiently(const char *where, int flags, char *user, size_t size)
{
	*user = '\0';
	for (int i = 0; i < BUSY_TRIES; i++) {
		if (!umount2(where, flags))
			return 0;
		if (errno != EBUSY)
			return -errno;
		user_find(where, user, size);
		if (*user)
			break;
		poll(NULL, 0, BUSY_RETRY_MS);
	}
	return -EBUSY;
}

/* In the child. */
static int unmount_now(const struct job *job)
{
	int flags = UMOUNT_NOFOLLOW | (job->lazy ? MNT_DETACH : 0) | (job->force ? MNT_FORCE : 0), rc;
	char type[64], name[80], path[ROOT_DEVICE_MAX], user[64] = "";

	mounted_type(job->where, type, sizeof(type));
	if (!*type)
		return 0; /* somebody else has unmounted it */
	snprintf(name, sizeof(name), "umount.%s", type);
	if (!job->lazy && !job->force && program_exists(name, path, sizeof(path))) {
		execve(path, (char *[]){name, (char *)job->where, NULL}, environment);
		return MOUNT_EXIT_FAILED;
	}
	/* The kernel would make the root read-only. */
	rc = strcmp(job->where, "/") != 0 ? unmount_patiently(job->where, flags, user, sizeof(user)) : -EBUSY;
	if (!rc)
		return 0;
	if (rc == -EBUSY)
		fprintf(stderr, WARNING "%s: is in use%s: it stays mounted\n", job->where, user);
	else
		fprintf(stderr, WARNING "%s: cannot unmount it: %s\n", job->where, strerror(-rc));
	return MOUNT_EXIT_FAILED;
}

static int swap_off_now(const struct job *job)
{
	if (!swapoff(*job->device ? job->device : job->what) || errno == EINVAL)
		return 0;
	return fail(job, "cannot stop swapping on it", errno);
}

static int unmount(struct job *job)
{
	bool swap = !strcmp(job->type, "swap");

	if (swap)
		device_find(job->what, job->device, sizeof(job->device));
	return in_child(job, swap ? "turned off" : "unmounted", swap ? swap_off_now : unmount_now);
}

/* ---- the unit's keys ---- */

static void option_unknown(void *file, const char *option)
{
	fprintf(stderr, WARNING "%s: Options=: %s is not known here and has no effect\n", (const char *)file,
		option);
}

/* fstab's options were looked at when its units were made (generate_fstab.c). */
static int options_read(struct job *job, const char *options, const char *file)
{
	bool generated = !strncmp(file, GENERATED_FOLDER "/", strlen(GENERATED_FOLDER "/"));

	if (!mount_options_parse(&job->options, options, job->type, (void *)file,
				 generated ? NULL : option_unknown))
		return 0;
	fprintf(stderr, WARNING "%s: too many options\n", file);
	return MOUNT_EXIT_FAILED;
}

/* The unit's parser has looked at the values. */
static void key_read(struct job *job, const char *key)
{
	const struct {
		const char *name;
		bool *value;
	} flags[] = {{"SloppyOptions", &job->sloppy},
		     {"LazyUnmount", &job->lazy},
		     {"ForceUnmount", &job->force},
		     {"ReadWriteOnly", &job->options.read_write_only}};
	const char *value = strchr(key, '=');

	if (!value++)
		return;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (fstab_option_value(key, flags[i].name))
			parse_bool(value, flags[i].value);
	if (fstab_option_value(key, "DirectoryMode"))
		job->directory_mode = (mode_t)strtoul(value, NULL, 8);
	else if (fstab_option_value(key, "Priority"))
		job->options.swap_priority = atoi(value);
	else if (fstab_option_value(key, "TimeoutSec") &&
		 !parse_timespan(value, &job->options.mount_timeout_ms) && !job->options.mount_timeout_ms)
		job->options.mount_timeout_ms = TIMESPAN_INFINITY;
}

static int mount_all(struct job *job)
{
	struct superblock superblock;
	bool swap = !strcmp(job->type, "swap");
	int rc = names_device(job) ? device_wait(job) : 0;

	type_find(job, &superblock);
	if (!rc && !swap)
		find_remount(job);
	if (!rc && (!job->remount || !strcmp(job->where, "/")))
		rc = check(job);
	return rc ? rc : in_child(job, swap ? "in use" : "mounted", swap ? swap_now : mount_now);
}

/* Where /sys is read-only devices are somebody else's business: a container's. */
static int wait_only(struct job *job)
{
	job->type = "device";
	job->options.device_timeout_ms = DEVICE_TIMEOUT_MS;
	return access("/sys", W_OK) ? 0 : device_wait(job);
}

int mount_helper_main(int argc, char **argv)
{
	static struct job job; /* its options are large */

	if (argc < 3)
		return MOUNT_EXIT_FAILED;
	job = (struct job){.what = argv[2], .where = argv[3], .directory_mode = 0755};
	if (!strcmp(argv[1], "wait"))
		return wait_only(&job);
	if (argc < 7)
		return MOUNT_EXIT_FAILED;
	job.type = argv[4];
	if (options_read(&job, argv[5], argv[6]))
		return MOUNT_EXIT_FAILED;
	for (int i = 7; i < argc; i++)
		key_read(&job, argv[i]);
	return strcmp(argv[1], "umount") ? mount_all(&job) : unmount(&job);
}
