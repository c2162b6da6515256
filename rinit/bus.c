#include "rinit/bus.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "rinit/bus_helper.h"
#include "rinit/helper.h"
#include "rinit/service_run.h"

#define BUS_UNIT BUS_HELPER_NAME ".service"

static struct unit *helper_add(struct manager *manager)
{
	struct unit *unit = manager_add_service(manager, BUS_UNIT, "who owns names on the bus");

	if (!unit)
		return NULL;
	unit->config.default_dependencies = false;
	unit->config.boot = BOOT_BACKGROUND;
	unit->config.service.restart = RESTART_ALWAYS;
	service_config_command(&unit->config.service, HELPER_PROGRAM, (const char *[]){BUS_HELPER_NAME, NULL},
			       false);
	return unit;
}

void bus_watch(struct manager *manager)
{
	struct unit *unit = unit_set_find(&manager->units, BUS_UNIT);

	if (unit && unit->run.pid)
		kill(unit->run.pid, SIGURG); /* which means nothing to it as long as it has not asked yet */
	else if (unit || (unit = helper_add(manager)))
		manager_start(manager, unit);
}

static bool has_name(const struct unit *unit)
{
	return unit->config.service.type == TYPE_DBUS && service_has_process(unit->run.state);
}

void bus_names_print(const struct manager *manager, FILE *stream)
{
	for (size_t i = 0; i < manager->units.count; i++)
		if (has_name(manager->units.items[i]))
			fprintf(stream, "%s\n", manager->units.items[i]->config.service.bus_name);
}

/* What was said of a process that has ended since is old news. */
static bool is_owner(pid_t pid)
{
	return pid && (pid < 0 || !kill(pid, 0) || errno != ESRCH);
}

static void owner_is(struct unit *unit, pid_t pid)
{
	enum service_state state = unit->run.state;

	if (pid && !is_owner(pid))
		return;
	unit->run.bus_owned = pid != 0;
	if (state == STATE_STARTING && pid)
		unit_event(unit, EVENT_READY);
	else if ((state == STATE_RUNNING || state == STATE_RELOADING) && !pid)
		unit_event(unit, unit->config.service.remain_after_exit ? EVENT_REMAIN : EVENT_END);
}

int bus_name_owned(struct manager *manager, const char *text)
{
	size_t length = strcspn(text, " ");
	char *end;
	long pid = strtol(text + length, &end, 10);

	if (end == text + length || *end || pid < -1 || pid > INT32_MAX)
		return -EINVAL;
	for (size_t i = 0; i < manager->units.count; i++) {
		struct unit *unit = manager->units.items[i];

		if (has_name(unit) && strlen(unit->config.service.bus_name) == length &&
		    !strncmp(unit->config.service.bus_name, text, length))
			owner_is(unit, (pid_t)pid);
	}
	manager_drain(manager);
	return 0;
}
