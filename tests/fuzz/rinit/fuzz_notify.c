/* What a service tells PID 1 about itself (sd_notify(3)): any bytes, to a service in any state. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "rinit/log.h"
#include "rinit/manager.h"
#include "rinit/notify.h"

#define NOBODY 0x3ffffffe /* a process number that no system gives */

/* The message may name any process as the main one, and then miss its watchdog: nothing is killed here. */
int kill(pid_t pid, int number)
{
	(void)pid;
	(void)number;
	errno = ESRCH;
	return -1;
}

static struct loop loop;
static struct manager manager;
static struct unit *unit;

static void set_up(void)
{
	log_quiet(true);
	if (loop_init(&loop))
		abort();
	manager_init(&manager, &loop);
	unit = manager_add_service(&manager, "a.service", "a");
	if (!unit)
		abort();
	unit->config.service.type = TYPE_NOTIFY;
	unit->config.service.notify_access = NOTIFY_ALL;
	manager_resolve(&manager, "");
}

static void unit_reset(enum service_state state)
{
	loop_timer_clear(&loop, &unit->run.timer);
	loop_timer_clear(&loop, &unit->run.watchdog);
	unit->config.service.watchdog_ms = 5000;
	unit->run.state = state;
	unit->run.pid = unit->run.group = NOBODY;
	unit->run.control = 0;
	unit->run.stopping = unit->run.again = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char value[32] = "", *text = malloc(size + 1);

	if (!unit)
		set_up();
	memcpy(text, data, size);
	text[size] = '\0';
	if (notify_value(text, "STATUS", value, sizeof(value)) && strlen(value) >= sizeof(value))
		abort();
	for (int state = 0; state < STATE_COUNT; state++) {
		unit_reset((enum service_state)state);
		manager_notified(&manager, NOBODY, text);
		if (strlen(unit->run.status) >= sizeof(unit->run.status) || unit->run.state >= STATE_COUNT)
			abort();
	}
	free(text);
	return 0;
}
