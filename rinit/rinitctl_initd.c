/*
 * What enable and disable are for a script in /etc/init.d: links in /etc/rc?.d, made by update-rc.d(8) where
 * it is installed, else as it makes them.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rinit/control.h"
#include "rinit/rinitctl.h"
#include "rinit/spawn.h"

#define INITD       "/etc/init.d"
#define UPDATE_RC_D "/usr/sbin/update-rc.d"

bool initd_script(const char *unit, char script[NAME_MAX + 1])
{
	static const char *const suffixes[] = {"", ".sh"};
	size_t length = strlen(unit), tail = strlen(".service");
	char path[PATH_MAX];

	if (length <= tail || strcmp(unit + length - tail, ".service") != 0 || strchr(unit, '/'))
		return false;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(script, NAME_MAX + 1, "%.*s%s", (int)(length - tail), unit, suffixes[i]);
		snprintf(path, sizeof(path), INITD "/%s", script);
		if (!access(path, X_OK))
			return true;
	}
	return false;
}

static int failed(const char *path, const char *what)
{
	fprintf(stderr, "rinitctl: %s: cannot %s: %s\n", path, what, strerror(errno));
	return CONTROL_FAILED;
}

/* ---- update-rc.d ---- */

static int update_rc_d(const char *script, const char *action)
{
	/* Or it would ask systemctl, us, to do it. */
	static char *const environment[] = {"PATH=" SPAWN_PATH, "_SKIP_SYSTEMD_NATIVE=1", NULL};
	struct spawn spawn_it = {
		.program = UPDATE_RC_D,
		.argv = (char *[]){(char *)"update-rc.d", (char *)script, (char *)action, NULL},
		.environment = environment};
	int status = 0, rc;
	pid_t pid;

	rc = spawn(&spawn_it, &pid);
	if (rc)
		errno = -rc;
	if (rc || waitpid(pid, &status, 0) < 0)
		return failed(UPDATE_RC_D, "run it");
	if (!status)
		return CONTROL_DONE;
	fprintf(stderr, "rinitctl: update-rc.d %s %s has failed\n", script, action);
	return CONTROL_FAILED;
}

/* ---- by hand ---- */

/* Takes the script's links away from the runlevel, those of the kind 'S' or 'K'. */
static int links_remove(const char *folder, char kind, const char *script)
{
	DIR *stream = opendir(folder);
	const struct dirent *entry;
	int code = CONTROL_DONE;

	while (stream && (entry = readdir(stream))) {
		char path[PATH_MAX];

		if (entry->d_name[0] != kind || strspn(entry->d_name + 1, "0123456789") < 2 ||
		    strcmp(entry->d_name + 3, script) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (unlink(path))
			code = failed(path, "remove it");
		else
			printf("removed %s\n", path);
	}
	if (stream)
		closedir(stream);
	return code;
}

static int link_make(const char *folder, char kind, const char *script)
{
	char path[PATH_MAX], to[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%c01%s", folder, kind, script);
	snprintf(to, sizeof(to), "../init.d/%s", script);
	mkdir(folder, 0755);
	if (!symlink(to, path))
		printf("%s -> %s\n", path, to);
	else if (errno != EEXIST)
		return failed(path, "make the link");
	return CONTROL_DONE;
}

static int links_change(const char *script, bool enable)
{
	char folder[] = "/etc/rc2.d";
	int code = CONTROL_DONE;

	for (char *runlevel = strchr(folder, '2'); *runlevel <= '5' && !code; ++*runlevel) {
		code = links_remove(folder, enable ? 'K' : 'S', script);
		if (!code)
			code = link_make(folder, enable ? 'S' : 'K', script);
	}
	return code;
}

int initd_enable(const char *script, bool enable)
{
	int code;

	if (access(UPDATE_RC_D, X_OK))
		return links_change(script, enable);
	code = update_rc_d(script, "defaults");
	return code ? code : update_rc_d(script, enable ? "enable" : "disable");
}
