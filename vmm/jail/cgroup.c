#include "vmm/jail/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"

#define FOLDER          "rastos"
#define FOLDER_NAME_MAX 32
#define RUNTIME_OF_HOST "/run/rastos"
#define SUFFIX          ".guest" /* no name of a guest is then a cgroup's own file */
#define MEMORY_FIXED    MIB(96)
#define MEMORY_DIVISOR  32
#define POLL_MS         5

enum controller {
	CONTROLLER_MEMORY,
	CONTROLLER_PIDS,
	CONTROLLER_CPU,
	CONTROLLER_CPUSET,
	CONTROLLER_COUNT,
};

static const char *const controller_names[] = {
	[CONTROLLER_MEMORY] = "memory",
	[CONTROLLER_PIDS] = "pids",
	[CONTROLLER_CPU] = "cpu",
	[CONTROLLER_CPUSET] = "cpuset",
};

uint64_t cgroup_memory_for(uint64_t ram_bytes)
{
	return ram_bytes + ram_bytes / MEMORY_DIVISOR + MEMORY_FIXED;
}

/* --- Its files --- */

static int file_write(const char *folder, const char *file, const char *text)
{
	AUTO_FREE char *path = NULL;
	int code = 0;
	int fd;

	if (asprintf(&path, "%s/%s", folder, file) < 0)
		return -ENOMEM;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		code = -errno;
	close(fd);
	return code;
}

static bool file_has_word(const char *folder, const char *file, const char *word)
{
	char text[512] = "";
	char *rest = text;
	AUTO_FREE char *path = NULL;
	const char *found;
	ssize_t got;
	int fd;

	if (asprintf(&path, "%s/%s", folder, file) < 0)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	cleanup_close(&fd);
	text[MAX(got, 0)] = '\0';
	while ((found = strsep(&rest, " \n"))) {
		if (strcmp(found, word) == 0)
			return true;
	}
	return false;
}

/* --- The place --- */

/* Where cgroup v2 is mounted: /sys/fs/cgroup, or /sys/fs/cgroup/unified beside cgroup v1. */
static char *mount_find(void)
{
	AUTO_FCLOSE FILE *file = fopen("/proc/self/mounts", "re");
	char line[1024], place[512], type[32];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %511s %31s", place, type) == 2 && strcmp(type, "cgroup2") == 0)
			return strdup(place);
	}
	return NULL;
}

/* The folder of the manager's own cgroup. */
static char *neighbour_find(const char *mount)
{
	AUTO_FCLOSE FILE *file = fopen("/proc/self/cgroup", "re");
	char line[1024];
	char *folder = NULL;

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "0::/", strlen("0::/")) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		if (asprintf(&folder, "%s%s", mount, dirname(line + strlen("0::"))) < 0)
			folder = NULL;
		break;
	}
	return folder;
}

/* What moving a process into a new cgroup in there takes (cgroup-v2.rst, "Delegation Containment"). */
static bool folder_is_ours(const char *folder)
{
	AUTO_FREE char *processes = NULL;

	return access(folder, W_OK) == 0 && asprintf(&processes, "%s/cgroup.procs", folder) >= 0 &&
	       access(processes, W_OK) == 0;
}

/* The controllers that cgroups in this folder have, turned on where that can be done. */
static unsigned controllers_enable(const char *folder)
{
	unsigned enabled = 0;
	char text[32];

	for (unsigned i = 0; i < CONTROLLER_COUNT; i++) {
		snprintf(text, sizeof(text), "+%s", controller_names[i]);
		file_write(folder, "cgroup.subtree_control", text);
		if (file_has_word(folder, "cgroup.subtree_control", controller_names[i]))
			enabled |= 1U << i;
	}
	return enabled;
}

static void log_missing(unsigned controllers)
{
	char missing[64] = "";
	size_t used = 0;

	for (unsigned i = 0; i < CONTROLLER_COUNT; i++) {
		if (!(controllers & 1U << i))
			used += (size_t)snprintf(missing + used, sizeof(missing) - used, " %s",
						 controller_names[i]);
	}
	if (used)
		log_warning("cgroups: guests are not limited, for want of a cgroup v2 controller:%s",
			    missing);
}

/* "rastos" for the host's manager; every other runtime folder has one of its own. */
static void name_folder(const char *runtime_dir, char name[FOLDER_NAME_MAX])
{
	uint32_t hash = 2166136261U; /* FNV-1a */

	if (strcmp(runtime_dir, RUNTIME_OF_HOST) == 0) {
		snprintf(name, FOLDER_NAME_MAX, FOLDER);
		return;
	}
	for (const char *byte = runtime_dir; *byte; byte++)
		hash = (hash ^ (uint8_t)*byte) * 16777619U;
	snprintf(name, FOLDER_NAME_MAX, FOLDER "-%08x", hash);
}

/* Makes the manager's folder in there, with the controllers that there are. */
static int folder_open(struct cgroups *cgroups, const char *parent, const char *runtime_dir)
{
	char name[FOLDER_NAME_MAX];

	name_folder(runtime_dir, name);
	if (!folder_is_ours(parent))
		return -EACCES;
	if (asprintf(&cgroups->folder, "%s/%s", parent, name) < 0) {
		cgroups->folder = NULL;
		return -ENOMEM;
	}
	controllers_enable(parent); /* what a folder has, its parent passes on */
	return mkdir(cgroups->folder, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

void cgroups_open(struct cgroups *cgroups, const char *runtime_dir)
{
	AUTO_FREE char *mount = mount_find();
	AUTO_FREE char *parent = NULL;

	*cgroups = (struct cgroups){.folder = NULL};
	if (!mount) {
		log_warning("cgroups: guests are not limited: this host has no cgroup v2");
		return;
	}
	parent = geteuid() == 0 ? strdup(mount) : neighbour_find(mount);
	if (!parent || folder_open(cgroups, parent, runtime_dir) < 0) {
		log_warning("cgroups: guests are not limited: %s is not ours to make cgroups in%s",
			    parent ? parent : mount,
			    geteuid() == 0 ? ""
					   : "; `systemd-run --user --scope rastos-vmm up -d` gives one");
		cgroups_close(cgroups);
		return;
	}
	cgroups->controllers = controllers_enable(cgroups->folder);
	log_missing(cgroups->controllers);
}

void cgroups_close(struct cgroups *cgroups)
{
	if (cgroups->folder)
		rmdir(cgroups->folder); /* stays while guests are in it: the next manager's */
	free(cgroups->folder);
	cgroups->folder = NULL;
}

/* --- One guest's --- */

static int limit_write(const struct cgroups *cgroups, enum controller controller, const char *path,
		       const char *file, const char *text, struct error *err)
{
	int code;

	if (!(cgroups->controllers & 1U << controller))
		return 0; /* said by cgroups_open */
	code = file_write(path, file, text);
	return code < 0 ? error_set(err, code, "cgroup %s: cannot set %s to %s: %s", path, file, text,
				    strerror(-code))
			: 0;
}

static int limit_write_number(const struct cgroups *cgroups, enum controller controller, const char *path,
			      const char *file, uint64_t number, struct error *err)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	return number ? limit_write(cgroups, controller, path, file, text, err) : 0;
}

bool cgroups_limit_time(const struct cgroups *cgroups)
{
	return cgroups->folder && cgroups->controllers & 1U << CONTROLLER_CPU;
}

static int limit_time(const struct cgroups *cgroups, const char *path, const struct cgroup_limits *limits,
		      struct error *err)
{
	char text[48];

	snprintf(text, sizeof(text), "%llu %llu", (unsigned long long)limits->quota_us,
		 (unsigned long long)limits->period_us);
	return limits->quota_us ? limit_write(cgroups, CONTROLLER_CPU, path, "cpu.max", text, err) : 0;
}

int cgroup_limit(const struct cgroups *cgroups, const char *path, const struct cgroup_limits *limits,
		 struct error *err)
{
	int code =
		limit_write_number(cgroups, CONTROLLER_MEMORY, path, "memory.max", limits->memory_bytes, err);

	/* A guest process has no use for a part of its threads. */
	if (code == 0 && limits->memory_bytes)
		code = limit_write(cgroups, CONTROLLER_MEMORY, path, "memory.oom.group", "1", err);
	if (code == 0)
		code = limit_write_number(cgroups, CONTROLLER_PIDS, path, "pids.max", limits->pids, err);
	if (code == 0)
		code = limit_write_number(cgroups, CONTROLLER_CPU, path, "cpu.weight", limits->cpu_weight,
					  err);
	if (code == 0)
		code = limit_time(cgroups, path, limits, err);
	if (code == 0 && limits->mems)
		code = limit_write(cgroups, CONTROLLER_CPUSET, path, "cpuset.mems", limits->mems, err);
	if (code == 0 && limits->cpus)
		code = limit_write(cgroups, CONTROLLER_CPUSET, path, "cpuset.cpus", limits->cpus, err);
	return code;
}

/* NAME.guest. One that is there already is a former guest's whose record is lost: whatever is in it belongs
 * to nobody. */
static int folder_make(const struct cgroups *cgroups, const char *guest, char **path, struct error *err)
{
	if (asprintf(path, "%s/%s" SUFFIX, cgroups->folder, guest) < 0) {
		*path = NULL;
		return error_set(err, -ENOMEM, "guest %s: out of memory", guest);
	}
	if (mkdir(*path, 0755) == 0)
		return 0;
	if (errno == EEXIST && cgroup_remove(*path, err) < 0)
		return error_prefix(err, -EBUSY, "guest %s", guest);
	return mkdir(*path, 0755) < 0
		       ? error_set(err, -errno, "guest %s: cannot make its cgroup %s: %m", guest, *path)
		       : 0;
}

int cgroup_create(const struct cgroups *cgroups, const char *guest, const struct cgroup_limits *limits,
		  struct cgroup *cgroup, struct error *err)
{
	int code;

	*cgroup = (struct cgroup){.fd = -1};
	if (!cgroups->folder)
		return 0;
	code = folder_make(cgroups, guest, &cgroup->path, err);
	if (code == 0) {
		code = cgroup_limit(cgroups, cgroup->path, limits, err);
		if (code < 0)
			error_prefix(err, code, "guest %s", guest);
	}
	if (code == 0) {
		cgroup->fd = open(cgroup->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (cgroup->fd < 0)
			code = error_set(err, -errno, "guest %s: cannot open its cgroup %s: %m", guest,
					 cgroup->path);
	}
	if (code < 0) {
		if (cgroup->path)
			rmdir(cgroup->path);
		free(cgroup->path);
		*cgroup = (struct cgroup){.fd = -1};
	}
	return code;
}

/* A number of a file of lines "KEY NUMBER"; 0 when there is none. */
static unsigned long long events_number(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (strncmp(text, key, len) == 0 && text[len] == ' ')
			return strtoull(text + len, NULL, 10);
	}
	return 0;
}

/* One of its files, as far as it goes into text. */
static int file_read(const char *path, const char *name, char *text, size_t size)
{
	AUTO_CLOSE int fd = -1;
	char file[PATH_MAX];
	ssize_t got;

	if (!path || (size_t)snprintf(file, sizeof(file), "%s/%s", path, name) >= sizeof(file))
		return -ENOENT;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, text, size - 1);
	if (got < 0)
		return -errno;
	text[got] = '\0';
	return 0;
}

bool cgroup_out_of_memory(const char *path, bool *at_limit)
{
	char text[512];

	if (file_read(path, "memory.events", text, sizeof(text)) < 0)
		return false;
	*at_limit = events_number(text, "oom") > 0; /* the kernel's own word for the limit's */
	return events_number(text, "oom_kill") > 0;
}

int cgroup_memory_held(const char *path, uint64_t *bytes)
{
	char text[4096], swapped[32];
	int code = file_read(path, "memory.stat", text, sizeof(text));

	if (code < 0)
		return code;
	*bytes = events_number(text, "shmem");
	if (file_read(path, "memory.swap.current", swapped, sizeof(swapped)) == 0)
		*bytes += strtoull(swapped, NULL, 10);
	return 0;
}

int cgroup_remove(const char *path, struct error *err)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};

	if (!path || rmdir(path) == 0 || errno == ENOENT)
		return 0;
	file_write(path, "cgroup.kill", "1"); /* since Linux 5.14 */
	for (unsigned waited = 0; waited < CGROUP_REMOVE_MS; waited += POLL_MS) {
		if (rmdir(path) == 0 || errno == ENOENT)
			return 0;
		nanosleep(&pause, NULL);
	}
	return error_set(err, -errno, "cgroup %s: cannot remove: %m", path);
}
