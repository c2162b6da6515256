#include "rinit/getty.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rinit/file.h"
#include "rinit/ini.h"
#include "rinit/log.h"
#include "rinit/spawn.h"

#define TTY_NAME_MAX     32
#define GETTY_STOP_MS    2000
#define GETTY_RESTART_MS 100

static bool is_virtual_terminal(const char *tty)
{
	return !strncmp(tty, "tty", 3) && tty[3] >= '0' && tty[3] <= '9';
}

static int command_set(struct unit *unit, const char *program, const char *const *argv)
{
	return service_config_command(&unit->config.service, program, argv, false);
}

/* util-linux' agetty where it is installed, busybox' getty else. */
static int login_command(struct unit *unit, const char *tty, const struct config *config)
{
	bool virtual_terminal = is_virtual_terminal(tty);
	const char *term = virtual_terminal ? "linux" : "vt220";
	char path[PATH_MAX];
	const char *agetty = program_find("agetty", path, sizeof(path));

	if (*config->autologin)
		return command_set(unit, "login", (const char *[]){"login", "-f", config->autologin, NULL});
	if (agetty && !strcmp(agetty, path) && virtual_terminal)
		return command_set(unit, path, (const char *[]){"agetty", "--noclear", tty, term, NULL});
	if (agetty && !strcmp(agetty, path))
		return command_set(unit, path,
				   (const char *[]){"agetty", "--keep-baud", "115200,57600,38400,9600", tty,
						    term, NULL});
	/* -L: no modem lines; 0: the speed that the kernel has set */
	return command_set(unit, "getty", (const char *[]){"getty", "-L", "0", tty, term, NULL});
}

static struct unit *terminal_service(struct manager *manager, const char *name, const char *description,
				     const char *tty)
{
	struct unit *unit = manager_add_service(manager, name, description);
	char text[PATH_MAX];

	if (!unit)
		return NULL;
	unit->config.service.input = STDIN_TTY;
	unit->config.service.output = STDOUT_TTY;
	unit->config.service.restart = RESTART_ALWAYS;
	unit->config.service.ignore_sigpipe = false;
	unit->config.service.restart_ms = GETTY_RESTART_MS;
	/* A shell at a terminal ignores SIGTERM. */
	unit->config.service.kill_signal = SIGHUP;
	unit->config.service.stop_timeout_ms = GETTY_STOP_MS;
	unit->config.default_dependencies = false;
	snprintf(text, sizeof(text), "/dev/%s", tty);
	string_set(&unit->config.service.tty, text);
	string_list_add(&unit->config.service.environment,
			is_virtual_terminal(tty) ? "TERM=linux" : "TERM=vt220");
	return unit;
}

static void getty_add_one(struct manager *manager, const char *tty, const struct config *config,
			  const char *after)
{
	char name[UNIT_NAME_MAX], description[64], path[TTY_NAME_MAX + 8];
	struct unit *unit;

	snprintf(path, sizeof(path), "/dev/%s", tty);
	if (access(path, R_OK | W_OK))
		return;
	snprintf(name, sizeof(name), "getty@%s.service", tty);
	snprintf(description, sizeof(description), "login on %s", tty);
	if (unit_set_find(&manager->units, name))
		return;
	unit = terminal_service(manager, name, description, tty);
	if (unit && (login_command(unit, tty, config) || string_list_add(&unit->config.after, after)))
		log_warning("%s: out of memory", name);
	else if (unit && manager->default_target) /* the boot's wishes are known already */
		manager_start(manager, unit);
}

void getty_add(struct manager *manager, const struct config *config, bool container, const char *after)
{
	char consoles[256], tty[TTY_NAME_MAX], path[PATH_MAX];
	const char *at = consoles;

	if (config->getty == GETTY_NO || (config->getty == GETTY_AUTO && container))
		return;
	if (!program_find(*config->autologin ? "login" : "getty", path, sizeof(path)) &&
	    !program_find("agetty", path, sizeof(path))) {
		log_warning("no login on the console: neither agetty nor busybox is installed");
		return;
	}
	if (container || file_read_line(CONSOLES_ACTIVE, consoles, sizeof(consoles)) <= 0)
		strcpy(consoles, "console");
	while (word_split(&at, tty, sizeof(tty)) > 0)
		getty_add_one(manager, !strcmp(tty, "tty0") ? "tty1" : tty, config, after);
}

bool unit_is_getty(const struct unit *unit)
{
	return !strncmp(unit->config.name, "getty@", 6);
}

void getty_start_now(struct manager *manager)
{
	for (size_t i = 0; i < manager->units.count; i++)
		if (unit_is_getty(manager->units.items[i]))
			manager_start_now(manager, manager->units.items[i]);
}

struct unit *shell_add(struct manager *manager, const char *name, const char *description, bool container)
{
	struct unit *unit = terminal_service(manager, name, description, "console");

	if (!unit)
		return NULL;
	if (container) {
		/* It has what rinit was given for input and output; when it ends, so does the container. */
		unit->config.service.input = STDIN_INHERIT;
		unit->config.service.restart = RESTART_NO;
	}
	if (!access("/bin/sh", X_OK))
		command_set(unit, "/bin/sh", (const char *[]){"-sh", NULL});
	else
		command_set(unit, "/bin/busybox", (const char *[]){"sh", NULL});
	return unit;
}
