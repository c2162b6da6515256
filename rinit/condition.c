#include "rinit/condition.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/util.h"
#include "rinit/cmdline.h"
#include "rinit/file.h"
#include "rinit/ini.h"
#include "rinit/pattern.h"
#include "rinit/runtime.h"

/* linux/capability.h, in the order of their numbers */
static const char *const capabilities[] = {
	"chown",
	"dac_override",
	"dac_read_search",
	"fowner",
	"fsetid",
	"kill",
	"setgid",
	"setuid",
	"setpcap",
	"linux_immutable",
	"net_bind_service",
	"net_broadcast",
	"net_admin",
	"net_raw",
	"ipc_lock",
	"ipc_owner",
	"sys_module",
	"sys_rawio",
	"sys_chroot",
	"sys_ptrace",
	"sys_pacct",
	"sys_admin",
	"sys_boot",
	"sys_nice",
	"sys_resource",
	"sys_time",
	"sys_tty_config",
	"mknod",
	"lease",
	"audit_write",
	"audit_control",
	"setfcap",
	"mac_override",
	"mac_admin",
	"syslog",
	"wake_alarm",
	"block_suspend",
	"audit_read",
	"perfmon",
	"bpf",
	"checkpoint_restore",
};

static bool path_exists(const char *path)
{
	return !access(path, F_OK);
}

/*
 * Is there a path that fits the pattern and for which holds? libc's glob(3) would bring the user database
 * along. path: what has been matched of it, with room for PATH_MAX.
 */
static bool glob_any(char *path, const char *pattern, bool (*holds)(const char *path))
{
	size_t length = strlen(path), part = strcspn(pattern, "/");
	const char *rest = pattern + part + strspn(pattern + part, "/");
	char component[NAME_MAX + 1];
	const struct dirent *entry;
	bool found = false;
	DIR *folder;

	snprintf(component, sizeof(component), "%.*s", (int)MIN(part, sizeof(component) - 1), pattern);
	folder = opendir(path);
	while (folder && !found && (entry = readdir(folder))) {
		if ((*entry->d_name == '.' && *component != '.') ||
		    !pattern_matches(component, entry->d_name) ||
		    length + strlen(entry->d_name) + 2 > PATH_MAX)
			continue;
		sprintf(path + length, "%s%s", entry->d_name, *rest ? "/" : "");
		found = *rest ? glob_any(path, rest, holds) : holds(path);
		path[length] = '\0';
	}
	if (folder)
		closedir(folder);
	return found;
}

static bool path_exists_glob(const char *pattern)
{
	char path[PATH_MAX] = "/";

	return glob_any(path, pattern + strspn(pattern, "/"), path_exists);
}

static bool mode_is(const char *path, mode_t kind)
{
	struct stat status;

	return !stat(path, &status) && (status.st_mode & S_IFMT) == kind;
}

static bool path_is_directory(const char *path)
{
	return mode_is(path, S_IFDIR);
}

static bool path_is_symbolic_link(const char *path)
{
	struct stat status;

	return !lstat(path, &status) && S_ISLNK(status.st_mode);
}

/* Not the file's mode: is the file system it is on mounted so that it can be written to? */
static bool path_is_read_write(const char *path)
{
	struct statfs file_system;

	return !statfs(path, &file_system) && !(file_system.f_flags & MS_RDONLY);
}

static bool path_is_mount_point(const char *path)
{
	struct stat here, above;
	char parent[PATH_MAX];

	snprintf(parent, sizeof(parent), "%s/..", path);
	return !stat(path, &here) && !stat(parent, &above) &&
	       (here.st_dev != above.st_dev || here.st_ino == above.st_ino);
}

static bool directory_not_empty(const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;
	bool found = false;

	while (folder && !found && (entry = readdir(folder)))
		found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	if (folder)
		closedir(folder);
	return found;
}

static bool file_not_empty(const char *path)
{
	struct stat status;

	return !stat(path, &status) && S_ISREG(status.st_mode) && status.st_size > 0;
}

static bool file_is_executable(const char *path)
{
	return mode_is(path, S_IFREG) && !access(path, X_OK);
}

static bool kernel_command_line(const char *word)
{
	char cmdline[CMDLINE_MAX], key[256], value[CMDLINE_MAX];
	const char *equals = strchr(word, '=');

	file_read_line("/proc/cmdline", cmdline, sizeof(cmdline));
	if (!equals)
		return cmdline_has(cmdline, word);
	snprintf(key, sizeof(key), "%.*s", (int)(equals - word), word);
	return cmdline_get(cmdline, key, value, sizeof(value)) && !strcmp(value, equals + 1);
}

/* What follows the first of these words in the text; NULL when there is none. */
static const char *behind(const char *text, const char *word)
{
	size_t length = strlen(word);

	while ((text = strchr(text, *word)) && strncmp(text, word, length) != 0)
		text++;
	return text ? text + length : NULL;
}

static bool is_virtual_machine(void)
{
	char text[8192]; /* the first processor's flags are in there */

	file_read("/proc/cpuinfo", text, sizeof(text));
	return runtime_is_rastos() || behind(text, "hypervisor");
}

static bool virtualization(const char *value)
{
	bool container = runtime_is_container(), wanted;
	const char *kind = getenv("container");

	if (!strcmp(value, "container"))
		return container;
	if (!strcmp(value, "vm"))
		return !container && is_virtual_machine();
	if (!strcmp(value, "rastos"))
		return !container && runtime_is_rastos();
	if (!parse_bool(value, &wanted))
		return (container || is_virtual_machine()) == wanted;
	return container && kind && !strcmp(kind, value); /* docker, podman, lxc ... */
}

static void lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

static bool host(const char *value)
{
	struct utsname name;
	char id[64], pattern[256];

	file_read_line("/etc/machine-id", id, sizeof(id));
	if (!strcmp(id, value))
		return true;
	if (strlen(value) >= sizeof(pattern) || uname(&name))
		return false;
	strcpy(pattern, value);
	lower(pattern);
	lower(name.nodename);
	return pattern_matches(pattern, name.nodename);
}

static bool is_online(const char *path)
{
	char text[8];

	return file_read_line(path, text, sizeof(text)) > 0 && *text == '1';
}

/* No mains supply at all is a machine that always has power. */
static bool ac_power(const char *value)
{
	static const char supplies[] = "sys/class/power_supply/*/online";
	char path[PATH_MAX] = "/";
	bool wanted = true;

	parse_bool(value, &wanted);
	return (glob_any(path, supplies, is_online) || !glob_any(path, supplies, path_exists)) == wanted;
}

static int capability_number(const char *name)
{
	if (!strncasecmp(name, "cap_", 4))
		for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++)
			if (!strcasecmp(name + 4, capabilities[i]))
				return (int)i;
	return -1;
}

static bool capability(const char *name)
{
	char text[4096];
	const char *line;

	file_read("/proc/self/status", text, sizeof(text));
	line = behind(text, "CapBnd:");
	return line && (strtoull(line, NULL, 16) >> capability_number(name) & 1);
}

static bool user(const char *value)
{
	return !strcmp(value, "root") || !strcmp(value, "0") || !strcmp(value, "@system");
}

static bool architecture(const char *value)
{
#if defined(__x86_64__)
	return !strcmp(value, "x86-64") || !strcmp(value, "native");
#elif defined(__aarch64__)
	return !strcmp(value, "arm64") || !strcmp(value, "native");
#else
	return !strcmp(value, "native");
#endif
}

static bool security(const char *value)
{
	return !strcmp(value, "apparmor")  ? path_exists("/sys/kernel/security/apparmor")
	       : !strcmp(value, "selinux") ? path_exists("/sys/fs/selinux/enforce")
					   : path_exists("/sys/kernel/security/tomoyo");
}

static bool is_path(const char *value)
{
	return *value == '/';
}

static bool is_bool(const char *value)
{
	bool flag;

	return !parse_bool(value, &flag);
}

static bool is_capability(const char *value)
{
	return capability_number(value) >= 0;
}

static bool is_security(const char *value)
{
	return !strcmp(value, "apparmor") || !strcmp(value, "selinux") || !strcmp(value, "tomoyo");
}

static const struct {
	const char *kind;
	bool (*holds)(const char *value);
	bool (*valid)(const char *value); /* NULL: any word */
} kinds[] = {
	{"PathExists", path_exists, is_path},
	{"PathExistsGlob", path_exists_glob, is_path},
	{"PathIsDirectory", path_is_directory, is_path},
	{"PathIsSymbolicLink", path_is_symbolic_link, is_path},
	{"PathIsMountPoint", path_is_mount_point, is_path},
	{"PathIsReadWrite", path_is_read_write, is_path},
	{"DirectoryNotEmpty", directory_not_empty, is_path},
	{"FileNotEmpty", file_not_empty, is_path},
	{"FileIsExecutable", file_is_executable, is_path},
	{"KernelCommandLine", kernel_command_line, NULL},
	{"Virtualization", virtualization, NULL},
	{"Architecture", architecture, NULL},
	{"Security", security, is_security},
	{"Host", host, NULL},
	{"ACPower", ac_power, is_bool},
	{"Capability", capability, is_capability},
	{"User", user, NULL},
};

static int kind_find(const char *kind, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i].kind) == length && !strncmp(kinds[i].kind, kind, length))
			return (int)i;
	return -1;
}

/* Takes | and ! off the value's front. */
static const char *prefixes(const char *value, bool *trigger, bool *negated)
{
	*trigger = *value == '|';
	value += *trigger;
	*negated = *value == '!';
	value += *negated;
	return value + strspn(value, " \t");
}

int condition_check(const char *kind, const char *value)
{
	bool trigger, negated;
	int at = kind_find(kind, strlen(kind));

	if (at < 0)
		return -ENOENT;
	value = prefixes(value, &trigger, &negated);
	return *value && (!kinds[at].valid || kinds[at].valid(value)) ? 0 : -EINVAL;
}

bool condition_holds(const char *kind, const char *value)
{
	int at = kind_find(kind, strlen(kind));

	return at < 0 || kinds[at].holds(value);
}

const char *conditions_failed(const struct string_list *conditions)
{
	const char *last_trigger = NULL;
	bool triggered = false;

	for (size_t i = 0; i < conditions->count; i++) {
		const char *text = conditions->items[i];
		size_t length = strcspn(text, "=");
		int at = kind_find(text, length);
		bool trigger, negated;
		const char *value = prefixes(text + length + 1, &trigger, &negated);
		bool holds = at < 0 || kinds[at].holds(value) != negated;

		if (trigger)
			last_trigger = text;
		triggered |= trigger && holds;
		if (!trigger && !holds)
			return text;
	}
	return triggered ? NULL : last_trigger;
}
