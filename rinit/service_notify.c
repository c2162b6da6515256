/* What a service says about itself (sd_notify(3)). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rinit/cgroup.h"
#include "rinit/fd_store.h"
#include "rinit/file.h"
#include "rinit/log.h"
#include "rinit/notify.h"
#include "rinit/service_run.h"

unsigned long long process_stat(pid_t pid, int field)
{
	char path[32], text[512];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file_read(path, text, sizeof(text));
	at = strrchr(text, ')'); /* the name before it may hold anything */
	for (int i = PROCESS_NAME; at && i < field; i++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

pid_t process_parent(pid_t pid)
{
	return (pid_t)process_stat(pid, PROCESS_PARENT);
}

static struct unit *unit_by_cgroup(const struct manager *manager, pid_t pid)
{
	for (size_t i = 0; i < manager->units.count; i++) {
		struct unit *unit = manager->units.items[i];

		if (unit->run.has_cgroup && unit->config.service.notify_access == NOTIFY_ALL &&
		    cgroup_has(unit->config.name, &unit->config.service, pid))
			return unit;
	}
	return NULL;
}

/* The unit that the process may speak for. */
static struct unit *unit_of_process(const struct manager *manager, pid_t pid)
{
	struct unit *unit = unit_by_pid(manager, pid);
	pid_t ancestor = pid;

	if (unit) {
		enum notify_access access = unit->config.service.notify_access;

		return access >= NOTIFY_EXEC || (access == NOTIFY_MAIN && unit->run.pid == pid) ? unit : NULL;
	}
	for (int depth = 0; !unit && ancestor > 1 && depth < 32; depth++) {
		ancestor = process_parent(ancestor);
		unit = ancestor > 1 ? unit_by_pid(manager, ancestor) : NULL;
	}
	if (!unit)
		unit = unit_by_cgroup(manager, pid);
	return unit && unit->config.service.notify_access == NOTIFY_ALL ? unit : NULL;
}

static bool notify_number(const char *text, const char *key, unsigned long long *number)
{
	char value[32], *end;

	if (!notify_value(text, key, value, sizeof(value)) || *value < '0' || *value > '9')
		return false;
	errno = 0;
	*number = strtoull(value, &end, 10);
	return !*end && !errno;
}

/* Only a process whose end we would hear of: a child of ours, as every daemon is. */
static void main_pid_told(struct unit *unit, pid_t pid)
{
	if (pid == unit->run.pid)
		return;
	if (process_parent(pid) == 1 && (!unit_by_pid(unit->manager, pid)))
		service_main_is(unit, pid);
	else
		log_warning("%s: MAINPID=%d is no process of its own: not taken", unit->config.name, pid);
}

struct unit *manager_fd_keeper(struct manager *manager, pid_t from)
{
	struct unit *unit = unit_of_process(manager, from);

	return unit && unit->config.service.fd_store_max && unit->run.state != STATE_INACTIVE &&
			       unit->run.state != STATE_FAILED
		       ? unit
		       : NULL;
}

void manager_notified(struct manager *manager, pid_t from, const char *text)
{
	struct unit *unit = unit_of_process(manager, from);
	char name[FD_NAME_MAX + 1];
	unsigned long long number;

	if (!unit)
		return;
	if (notify_has(text, "FDSTOREREMOVE=1") && notify_value(text, "FDNAME", name, sizeof(name)))
		fd_store_drop(unit, name);
	notify_value(text, "STATUS", unit->run.status, sizeof(unit->run.status));
	if (notify_number(text, "MAINPID", &number) && number > 1 && number < INT32_MAX)
		main_pid_told(unit, (pid_t)number);
	if (notify_number(text, "ERRNO", &number) && number && number < 4096)
		log_warning("%s: says: %s", unit->config.name, strerror((int)number));
	if (notify_number(text, "EXTEND_TIMEOUT_USEC", &number))
		service_timer_extend(unit, number / 1000);
	if (notify_number(text, "WATCHDOG_USEC", &number) && unit->config.service.watchdog_ms)
		unit->config.service.watchdog_ms = number / 1000;
	if (notify_has(text, "RELOADING=1") && unit->config.service.type == TYPE_NOTIFY)
		unit_event(unit, EVENT_RELOADS);
	/* A reload is over when its command is, too. */
	if (notify_has(text, "READY=1") && unit->config.service.type == TYPE_NOTIFY &&
	    !(unit->run.state == STATE_RELOADING && unit->run.control))
		unit_event(unit, EVENT_READY);
	if (notify_has(text, "WATCHDOG=1"))
		service_watchdog_start(unit);
	if (notify_has(text, "WATCHDOG=trigger"))
		unit_event(unit, EVENT_WATCHDOG);
	manager_drain(manager);
}
