#include "rinit/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/file.h"
#include "rinit/log.h"

#define CGROUP_ROOT      "/sys/fs/cgroup"
#define CGROUP_DEPTH_MAX 16    /* of what a service makes below its own */
#define CGROUP_PROCS_MAX 65536 /* bytes of process ids taken at a time */
#define KILL_PASSES      8     /* where there is no cgroup.kill: a process may fork while we look */

static bool is_cgroup2(void)
{
	struct statfs status;

	return !statfs(CGROUP_ROOT, &status) && status.f_type == CGROUP2_SUPER_MAGIC &&
	       !access(CGROUP_ROOT, W_OK);
}

void cgroup_path(const char *unit, const struct service_config *config, const char *file, char *path,
		 size_t size)
{
	snprintf(path, size, CGROUP_ROOT "/%s/%s%s%s", config->slice ? config->slice : "system.slice", unit,
		 *file ? "/" : "", file);
}

/* One at a time: a kernel may lack some. */
static void controllers_enable(const char *folder)
{
	static const char *const names[] = {"+cpu", "+memory", "+pids", "+io"};
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", folder);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		file_write(path, names[i]);
}

/* A group with processes of its own cannot hand its controllers down; the machine's root may, a container's
 * not.
 */
static void root_leave(void)
{
	if (!mkdir(CGROUP_ROOT "/init.scope", 0755))
		file_write(CGROUP_ROOT "/init.scope/cgroup.procs", "1");
}

static void limits_write(const char *unit, const struct service_config *config)
{
	char path[PATH_MAX], missing[256] = "";

	for (size_t i = 0; i < config->cgroup.count; i++) {
		const char *item = config->cgroup.items[i], *value = strchr(item, '=') + 1;
		char file[32];
		size_t used = strlen(missing);

		snprintf(file, sizeof(file), "%.*s", (int)(value - 1 - item), item);
		cgroup_path(unit, config, file, path, sizeof(path));
		if (access(path, W_OK) || file_write(path, value))
			snprintf(missing + used, sizeof(missing) - used, " %s", file);
	}
	if (*missing)
		log_warning("%s: not limited, for want of a cgroup2 controller:%s", unit, missing);
}

bool cgroup_create(const char *unit, const struct service_config *config)
{
	char path[PATH_MAX];
	bool there = is_cgroup2();

	if (there) {
		root_leave();
		cgroup_path("", config, "", path, sizeof(path));
		if (!mkdir(path, 0755)) {
			controllers_enable(CGROUP_ROOT);
			controllers_enable(path);
		}
		cgroup_path(unit, config, "", path, sizeof(path));
		there = !mkdir(path, 0755) || errno == EEXIST;
	}
	limits_write(unit, config);
	return there;
}

bool cgroup_out_of_memory(const char *unit, const struct service_config *config)
{
	char path[PATH_MAX], text[512];
	const char *killed;

	cgroup_path(unit, config, "memory.events.local", path, sizeof(path));
	killed = file_read(path, text, sizeof(text)) > 0 ? strstr(text, "\noom_kill ") : NULL;
	return killed && killed[strlen("\noom_kill ")] != '0';
}

bool cgroup_is_empty(const char *unit, const struct service_config *config)
{
	char path[PATH_MAX], text[128];

	cgroup_path(unit, config, "cgroup.events", path, sizeof(path));
	return file_read(path, text, sizeof(text)) <= 0 || strstr(text, "populated 0");
}

/* ---- every process ---- */

/* Calls each for every process in the folder's group. */
static void processes_each(const char *folder, void (*each)(void *context, pid_t pid), void *context)
{
	AUTO_FREE char *text = malloc(CGROUP_PROCS_MAX);
	char path[PATH_MAX], *at = text, *end;

	snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
	if (!text || (file_read(path, text, CGROUP_PROCS_MAX) <= 0 && !*text))
		return;
	for (long pid = strtol(at, &end, 10); end != at; pid = strtol(at, &end, 10)) {
		if (pid > 1)
			each(context, (pid_t)pid);
		at = end;
	}
}

/* The folders below first, then the folder itself. */
static void folders_each(const char *folder, int depth, void (*each)(const char *folder, void *context),
			 void *context)
{
	DIR *entries = depth < CGROUP_DEPTH_MAX ? opendir(folder) : NULL;
	const struct dirent *entry;
	char path[PATH_MAX];

	while (entries && (entry = readdir(entries))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		folders_each(path, depth + 1, each, context);
	}
	if (entries)
		closedir(entries);
	each(folder, context);
}

struct signalling {
	int number;
	pid_t spare;
};

static void process_signal(void *context, pid_t pid)
{
	const struct signalling *signalling = context;

	if (pid == signalling->spare)
		return;
	kill(pid, signalling->number);
	if (signalling->number != SIGKILL)
		kill(pid, SIGCONT); /* a stopped process takes no signal */
}

static void folder_signal(const char *folder, void *context)
{
	processes_each(folder, process_signal, context);
}

void cgroup_signal(const char *unit, const struct service_config *config, int number, pid_t spare)
{
	struct signalling signalling = {number, spare};
	char path[PATH_MAX];

	cgroup_path(unit, config, "cgroup.kill", path, sizeof(path));
	if (number == SIGKILL && !spare && !access(path, W_OK) && !file_write(path, "1"))
		return;
	cgroup_path(unit, config, "", path, sizeof(path));
	for (int i = 0; i < (number == SIGKILL ? KILL_PASSES : 1); i++)
		folders_each(path, 0, folder_signal, &signalling);
}

static void process_count(void *context, pid_t pid)
{
	pid_t *found = context; /* the first, and how many */

	found[0] = pid;
	found[1]++;
}

pid_t cgroup_only_process(const char *unit, const struct service_config *config)
{
	pid_t found[2] = {0, 0};
	char path[PATH_MAX];

	cgroup_path(unit, config, "", path, sizeof(path));
	processes_each(path, process_count, found);
	return found[1] == 1 ? found[0] : 0;
}

bool cgroup_has(const char *unit, const struct service_config *config, pid_t pid)
{
	char path[PATH_MAX], text[4096], process[32];
	const char *at, *tail;

	snprintf(process, sizeof(process), "/proc/%d/cgroup", pid);
	file_read(process, text, sizeof(text));
	cgroup_path(unit, config, "", path, sizeof(path));
	tail = path + strlen(CGROUP_ROOT);
	at = strstr(text, "0::");
	at = at ? strstr(at, tail) : NULL;
	return at && strchr("/\n", at[strlen(tail)]);
}

static void folder_remove(const char *folder, void *context)
{
	(void)context;
	rmdir(folder);
}

void cgroup_remove(const char *unit, const struct service_config *config)
{
	char path[PATH_MAX];

	cgroup_path(unit, config, "", path, sizeof(path));
	folders_each(path, 0, folder_remove, NULL);
}

int cgroup_share(const char *file, const char *percent, uint64_t *value)
{
	char text[32], *end;
	unsigned long share = strtoul(percent, &end, 10);
	struct sysinfo info;

	if (*percent < '0' || *percent > '9' || strcmp(end, "%") != 0 || share > 100)
		return -EINVAL;
	if (!strcmp(file, "pids.max"))
		*value = file_read_line("/proc/sys/kernel/pid_max", text, sizeof(text)) > 0
				 ? strtoull(text, NULL, 10) / 100 * share
				 : RLIM_INFINITY;
	else if (!sysinfo(&info))
		*value = (uint64_t)info.totalram * info.mem_unit / 100 * share;
	else
		return -EINVAL;
	return 0;
}
