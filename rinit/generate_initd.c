/* /etc/init.d's scripts as services, where no unit file takes their place (systemd-sysv-generator(8)). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/file.h"
#include "rinit/generate.h"
#include "rinit/lsb.h"
#include "rinit/unit_path.h"

#define INITD      "/etc/init.d"
#define SCRIPT_MAX 262144

struct script {
	char name[NAME_MAX + 1];  /* of the file */
	char unit[UNIT_NAME_MAX]; /* NAME.service */
	struct lsb_script lsb;
	bool server, desktop; /* started in runlevels 2 to 4, in 5 */
	bool last;            /* after $all */
};

struct scripts {
	const struct generator *generator;
	struct script *items;
	size_t count;
};

/* Debian's own scripts for what rinit does: initscripts, sysvinit-core, procps, kmod, udev and the like. */
static const char own_work[] =
	" bootlogs bootmisc brightness checkfs checkroot checkroot-bootclean console-setup halt"
	" hostname hwclock keyboard-setup killprocs kmod motd mountall mountall-bootclean"
	" mountdevsubfs mountkernfs mountnfs mountnfs-bootclean procps rc rcS reboot rmnologin"
	" sendsigs single skeleton stop-bootlogd stop-bootlogd-single udev udev-finish umountfs"
	" umountnfs umountroot urandom ";

static bool is_own_work(const char *name)
{
	size_t length = strlen(name);

	for (const char *at = own_work; (at = strstr(at, name)); at++)
		if (at[-1] == ' ' && at[length] == ' ')
			return true;
	return false;
}

/* The script's, without Debian's .sh. */
static void plain_name(const char *name, char plain[UNIT_NAME_MAX])
{
	size_t length = strlen(name);

	if (length > 3 && !strcmp(name + length - 3, ".sh"))
		length -= 3;
	snprintf(plain, UNIT_NAME_MAX, "%.*s", (int)length, name);
}

static bool name_is_good(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:+";

	return *name != '.' && !name[strspn(name, letters)] && !strstr(name, ".dpkg-") &&
	       strlen(name) < UNIT_NAME_MAX - strlen(".service");
}

/* A unit by that name that isn't one of ours, a mask included. */
static bool is_native(const struct scripts *scripts, const char *name)
{
	char unit[UNIT_NAME_MAX + 8];
	struct unit_found found;

	snprintf(unit, sizeof(unit), "%s.service", name);
	return strlen(unit) < UNIT_NAME_MAX && !unit_paths_find(scripts->generator->paths, unit, &found) &&
	       !strstr(found.path, GENERATED_LATE_FOLDER "/");
}

/* Is there an S??NAME in the runlevel's folder? */
static bool is_linked(const struct scripts *scripts, char runlevel, const char *name)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	bool found = false;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/etc/rc%c.d", scripts->generator->root, runlevel);
	folder = opendir(path);
	while (folder && !found && (entry = readdir(folder)))
		found = entry->d_name[0] == 'S' && strspn(entry->d_name + 1, "0123456789") >= 2 &&
			!strcmp(entry->d_name + 3, name);
	if (folder)
		closedir(folder);
	return found;
}

/* ---- which ---- */

static bool script_is_run(const struct scripts *scripts, const struct script *script)
{
	for (size_t i = 0; i < script->lsb.provides.count; i++)
		if (is_native(scripts, script->lsb.provides.items[i]))
			return false;
	if (script->lsb.early && is_linked(scripts, 'S', script->name))
		generator_warn(
			scripts->generator,
			INITD
			"/%s: belongs to the early boot (Default-Start: S), which rinit does by itself: "
			"it is not run",
			script->name);
	return !script->lsb.early;
}

/* 0 when it is to be kept. */
static int script_read(const struct scripts *scripts, const char *name, struct script *script)
{
	AUTO_FREE char *text = NULL;
	char path[PATH_MAX], plain[UNIT_NAME_MAX];
	struct stat status;
	size_t length;
	int rc;

	*script = (struct script){0};
	snprintf(path, sizeof(path), "%s" INITD "/%s", scripts->generator->root, name);
	plain_name(name, plain);
	if (!name_is_good(name) || is_own_work(plain) || is_native(scripts, plain) || stat(path, &status) ||
	    !S_ISREG(status.st_mode) || !(status.st_mode & 0111))
		return -ENOENT;
	rc = file_load(path, SCRIPT_MAX, &text, &length);
	if (rc) {
		generator_warn(scripts->generator, INITD "/%s: cannot read: %s", name, strerror(-rc));
		return rc;
	}
	snprintf(script->name, sizeof(script->name), "%s", name);
	snprintf(script->unit, sizeof(script->unit), "%.*s.service",
		 (int)(UNIT_NAME_MAX - sizeof(".service")), plain);
	rc = lsb_parse(&script->lsb, text, length);
	if (!rc && !script_is_run(scripts, script))
		rc = -ENOENT;
	if (rc)
		return rc;
	if (script->lsb.bad_line)
		generator_warn(scripts->generator, INITD "/%s:%u: this line %s", name, script->lsb.bad_line,
			       script->lsb.why);
	for (char runlevel = '2'; runlevel <= '4'; runlevel++)
		script->server |= is_linked(scripts, runlevel, name);
	script->desktop = is_linked(scripts, '5', name);
	script->last = string_list_has(&script->lsb.after, "$all");
	return 0;
}

static int script_add(struct scripts *scripts, const char *name)
{
	struct script *items = realloc(scripts->items, (scripts->count + 1) * sizeof(*items));
	int rc;

	if (!items)
		return -ENOMEM;
	scripts->items = items;
	rc = script_read(scripts, name, &items[scripts->count]);
	if (rc)
		lsb_clear(&items[scripts->count].lsb);
	else
		scripts->count++;
	return rc == -ENOMEM ? rc : 0;
}

/* ---- as a unit ---- */

/* What a $facility is here; "" when rinit sees to it before any service starts, NULL when it isn't known. */
static const char *facility_unit(const char *name)
{
	static const char *const units[][2] = {
		{"local_fs", ""},
		{"remote_fs", "remote-fs.target"},
		{"network", "network-online.target"},
		{"named", "nss-lookup.target"},
		{"portmap", "rpcbind.target"},
		{"time", "time-sync.target"},
		{"syslog", ""},
		{"all", ""},
		{"null", ""},
		{"mail-transport-agent", ""},
		{"x-display-manager", "display-manager.service"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(units[i][0], name))
			return units[i][1];
	return NULL;
}

static void names_write(const struct scripts *scripts, const struct script *script, FILE *stream,
			const char *key, const struct string_list *names)
{
	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->items[i], *unit;
		char plain[UNIT_NAME_MAX], service[UNIT_NAME_MAX + 8];

		plain_name(name, plain);
		snprintf(service, sizeof(service), "%s.service", plain);
		unit = *name == '$' ? facility_unit(name + 1) : service;
		if (!unit)
			generator_warn(scripts->generator,
				       INITD "/%s: %s is not known here and has no effect", script->name,
				       name);
		else if (*unit && strcmp(unit, script->unit) != 0)
			key_write_name(stream, key, unit);
		if (unit && !strcmp(key, "After") && !strcmp(unit, "network-online.target"))
			key_write_name(stream, "Wants", unit);
	}
}

static void order_write(const struct scripts *scripts, const struct script *script, FILE *stream)
{
	names_write(scripts, script, stream, "After", &script->lsb.after);
	names_write(scripts, script, stream, "Before", &script->lsb.before);
	for (size_t i = 0; script->last && i < scripts->count; i++) {
		const struct script *other = &scripts->items[i];

		if (!other->last && (other->server || other->desktop))
			key_write_name(stream, "After", other->unit);
	}
}

/* What isn't there, as in many containers, can't be asked at. */
static bool console_is_there(void)
{
	AUTO_CLOSE int fd = open("/dev/console", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0;
}

static void script_write(const struct scripts *scripts, const struct script *script, FILE *stream)
{
	const struct lsb_script *lsb = &script->lsb;
	char text[LINE_MAX];

	fprintf(stream, "[Unit]\nSourcePath=" INITD "/%s\n", script->name);
	snprintf(text, sizeof(text), "%s%s", lsb->description ? "LSB: " : "",
		 lsb->description ? lsb->description : script->name);
	key_write(stream, "Description", text);
	order_write(scripts, script, stream);
	fprintf(stream,
		"\n[Service]\nType=forking\nRestart=no\nTimeoutSec=5min\nIgnoreSIGPIPE=no\nKillMode=process\n"
		"GuessMainPID=no\nRemainAfterExit=%s\nSuccessExitStatus=5 6\n",
		lsb->pid_file ? "no" : "yes");
	if (lsb->pid_file)
		key_write(stream, "PIDFile", lsb->pid_file);
	if (lsb->interactive && console_is_there())
		fputs("StandardInput=tty\nStandardOutput=tty\n", stream);
	fprintf(stream, "ExecStart=" INITD "/%s start\nExecStop=" INITD "/%s stop\n", script->name,
		script->name);
	if (lsb->reload)
		fprintf(stream, "ExecReload=" INITD "/%s reload\n", script->name);
}

static int script_generate(const struct scripts *scripts, const struct script *script)
{
	AUTO_FREE char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);
	int rc;

	if (!stream)
		return -ENOMEM;
	script_write(scripts, script, stream);
	if (fclose(stream))
		return -ENOMEM;
	rc = generator_write(scripts->generator, script->unit, text);
	if (rc)
		return rc == -EEXIST ? 0 : rc; /* a.sh beside a */
	if (script->server)
		generator_link(scripts->generator, "multi-user.target", "wants", script->unit);
	if (script->desktop)
		generator_link(scripts->generator, "graphical.target", "wants", script->unit);
	return 0;
}

/* The names that it provides, but those that others have as their own. */
static void provides_link(const struct scripts *scripts, const struct script *script)
{
	for (size_t i = 0; i < script->lsb.provides.count; i++) {
		const char *name = script->lsb.provides.items[i];
		char alias[UNIT_NAME_MAX + 8];

		snprintf(alias, sizeof(alias), "%s.service", name);
		if (name_is_good(name) && strcmp(alias, script->unit) != 0)
			generator_alias(scripts->generator, alias, script->unit);
	}
}

void generate_initd(const struct generator *generator)
{
	struct scripts scripts = {.generator = generator};
	struct dirent **names = NULL;
	char path[PATH_MAX];
	int count, rc = 0;

	snprintf(path, sizeof(path), "%s" INITD, generator->root);
	count = scandir(path, &names, NULL, alphasort);
	if (count <= 0)
		return;
	for (int i = 0; i < count; i++) {
		if (!rc)
			rc = script_add(&scripts, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	for (size_t i = 0; i < scripts.count && !rc; i++)
		rc = script_generate(&scripts, &scripts.items[i]);
	for (size_t i = 0; i < scripts.count; i++) {
		if (!rc)
			provides_link(&scripts, &scripts.items[i]);
		lsb_clear(&scripts.items[i].lsb);
	}
	if (rc)
		generator_warn(generator, INITD ": cannot make services of all scripts: %s", strerror(-rc));
	free(scripts.items);
}
