#include "rinit/module.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/file.h"
#include "rinit/ini.h"
#include "rinit/log.h"
#include "rinit/spawn.h"

#define MODULES_FILE_MAX 65536
#define MODALIAS_MAX     4096 /* a CPU's names all its features */
#define CHILD_MAX_MS     90000
#define MODULES_RUN_MAX  512 /* names for one modprobe: execve's limit is far away */

/* A driver that hangs: the rest of the boot does not wait for it. Its end is nobody's business any more. */
static void child_hangs(struct loop_timer *timer)
{
	struct modules *modules = CONTAINER_OF(timer, struct modules, timer);

	log_warning("modprobe (process %d) has not ended for %d s: a driver hangs; the boot goes on",
		    modules->child, CHILD_MAX_MS / 1000);
	modules->child = 0;
	modules_load(modules);
}

void modules_init(struct modules *modules, struct loop *loop, void (*idle)(struct modules *modules))
{
	struct utsname kernel;
	char path[PATH_MAX];

	uname(&kernel);
	snprintf(path, sizeof(path), "/lib/modules/%s", kernel.release);
	*modules = (struct modules){.loop = loop, .timer.expired = child_hangs, .idle = idle};
	modules->possible = !access(path, F_OK) && program_find("modprobe", path, sizeof(path));
}

void modules_want(struct modules *modules, const char *name)
{
	/* A name that begins with - would be an option. */
	if (modules->possible && *name && *name != '-' && modules->wanted.count < MODULES_RUN_MAX &&
	    !string_list_has(&modules->wanted, name))
		string_list_add(&modules->wanted, name);
}

static void want_file(void *context, const char *path)
{
	AUTO_FREE char *text = NULL;
	size_t length;
	char name[PATH_MAX];
	int rc = file_load(path, MODULES_FILE_MAX, &text, &length);

	if (rc) {
		log_warning("%s: cannot read: %s", path, strerror(-rc));
		return;
	}
	for (char *line = text; line;) {
		char *end = strchr(line, '\n');
		const char *at = line;

		if (end)
			*end = '\0';
		if (*at != '#' && *at != ';' && word_split(&at, name, sizeof(name)) > 0)
			modules_want(context, name);
		line = end ? end + 1 : NULL;
	}
}

void modules_want_configured(struct modules *modules, const char *directory)
{
	if (modules->possible)
		file_each(directory, ".conf", want_file, modules);
}

static void want_of_file(struct modules *modules, const char *path)
{
	char modalias[MODALIAS_MAX];

	if (file_read_line(path, modalias, sizeof(modalias)) > 0)
		modules_want(modules, modalias);
}

static void want_of_device(struct modules *modules, const char *bus, const char *device)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/%s/devices/%s/driver", bus, device);
	if (!access(path, F_OK))
		return;
	snprintf(path, sizeof(path), "/sys/bus/%s/devices/%s/modalias", bus, device);
	want_of_file(modules, path);
}

static void want_of_bus(struct modules *modules, const char *bus)
{
	char path[PATH_MAX];
	const struct dirent *device;
	DIR *folder;

	snprintf(path, sizeof(path), "/sys/bus/%s/devices", bus);
	folder = opendir(path);
	while (folder && (device = readdir(folder)))
		if (device->d_name[0] != '.')
			want_of_device(modules, bus, device->d_name);
	if (folder)
		closedir(folder);
}

void modules_want_coldplug(struct modules *modules)
{
	DIR *folder = modules->possible ? opendir("/sys/bus") : NULL;
	const struct dirent *bus;

	while (folder && (bus = readdir(folder)))
		if (bus->d_name[0] != '.')
			want_of_bus(modules, bus->d_name);
	if (folder)
		closedir(folder);
	/* The processors have one for all of them; its features ask for modules such as kvm-amd. */
	if (modules->possible)
		want_of_file(modules, "/sys/devices/system/cpu/modalias");
}

void modules_load(struct modules *modules)
{
	static char *const environment[] = {"PATH=" SPAWN_PATH, NULL};
	static const char *const options[] = {"modprobe", "-a", "-b", "-q"};
	struct string_list argv = {0};
	struct spawn modprobe = {.program = "modprobe", .environment = environment};
	int rc = 0;

	if (modules->child)
		return;
	if (!modules->wanted.count) {
		modules->idle(modules);
		return;
	}
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]) && !rc; i++)
		rc = string_list_add(&argv, options[i]);
	for (size_t i = 0; i < modules->wanted.count && !rc; i++)
		rc = string_list_add(&argv, modules->wanted.items[i]);
	modprobe.argv = argv.items;
	if (!rc)
		rc = spawn(&modprobe, &modules->child);
	string_list_clear(&argv);
	string_list_clear(&modules->wanted);
	if (rc) {
		modules->child = 0;
		log_warning("cannot run modprobe: %s", strerror(-rc));
		modules->idle(modules);
		return;
	}
	loop_timer_set(modules->loop, &modules->timer, CHILD_MAX_MS);
}

bool modules_busy(const struct modules *modules)
{
	return modules->child || modules->wanted.count;
}

bool modules_child_ended(struct modules *modules, pid_t pid)
{
	if (!modules->child || pid != modules->child)
		return false;
	modules->child = 0;
	loop_timer_clear(modules->loop, &modules->timer);
	modules_load(modules);
	return true;
}
