/* What the requests of control.h do. */
#include "rinit/control.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "rinit/bus.h"
#include "rinit/load.h"
#include "rinit/relation.h"
#include "rinit/service_run.h"
#include "rinit/system.h"

static struct manager *manager_of(const struct control_client *client)
{
	return &client->control->system->manager;
}

static void reply_done(struct control_client *client)
{
	control_reply_text(client, CONTROL_DONE, NULL, 0);
}

/* ---- requests that show ---- */

/* Text that grows, handed over as a reply. */
struct report {
	FILE *stream;
	char *text;
	size_t length;
};

static bool report_open(struct control_client *client, struct report *report)
{
	report->text = NULL;
	report->stream = open_memstream(&report->text, &report->length);
	if (!report->stream)
		control_client_close(client);
	return report->stream != NULL;
}

static void report_send(struct control_client *client, struct report *report)
{
	if (fclose(report->stream))
		control_client_close(client);
	else
		control_reply_text(client, CONTROL_DONE, report->text, report->length);
	free(report->text);
}

static const char *description_of(const struct unit *unit)
{
	return unit->config.description ? unit->config.description : "";
}

static void request_list(struct control_client *client, const char *argument)
{
	const struct unit_set *set = &manager_of(client)->units;
	struct report report;

	(void)argument;
	if (!report_open(client, &report))
		return;
	for (size_t i = 0; i < set->count; i++) {
		const struct unit *unit = set->items[i];

		fprintf(report.stream, "%s\t%s\t%d\t%s\n", unit->config.name,
			service_state_name(unit->run.state), unit->run.pid, description_of(unit));
	}
	report_send(client, &report);
}

static void system_report(const struct system *sys, FILE *stream)
{
	const char *state = sys->shutdown.phase != PHASE_UP ? "stopping"
			    : sys->shell                    ? sys->shell->config.name
			    : sys->booted                   ? "running"
							    : "starting";

	fprintf(stream, "State=%s\nRuntime=%s\nMode=%s\nUnits=%zu\n", state, runtime_name(sys->runtime),
		mode_name(sys->mode), sys->manager.units.count);
	if (sys->control.later.armed)
		fprintf(stream, "Shutdown=%s in %.0f s\n", shutdown_name(sys->control.later_kind),
			seconds(sys->control.later.deadline_ms - clock_ms()));
}

static void unit_report(const struct unit *unit, FILE *stream)
{
	const struct unit_run *run = &unit->run;

	fprintf(stream, "Name=%s\nDescription=%s\nState=%s%s\n", unit->config.name, description_of(unit),
		service_state_name(run->state), run->skipped ? " (a condition did not hold)" : "");
	if (unit->path)
		fprintf(stream, "File=%s\n", unit->path);
	if (run->pid)
		fprintf(stream, "Process=%d\n", run->pid);
	if (run->result)
		fprintf(stream, "Result=%s\n", service_result_name(run->result));
	if (*run->status)
		fprintf(stream, "Status=%s\n", run->status);
	if (run->settled_ms)
		fprintf(stream, "Since=%.3f s\n", seconds(run->settled_ms));
	if (run->restarts)
		fprintf(stream, "Restarts=%u\n", run->restarts);
	for (size_t i = 0; run->state == STATE_WAITING && i < unit->after_count; i++) {
		const struct unit *other = unit->manager->units.items[unit->after[i]];

		if (!service_is_settled(other->run.state))
			fprintf(stream, "WaitsFor=%s\n", other->config.name);
	}
}

/* NAME, or NAME.service for short. Its file is read, for root, when it has not been. */
static int unit_by_name(struct control_client *client, const char *name, struct unit **unit)
{
	struct manager *manager = manager_of(client);
	char full[CONTROL_REQUEST_MAX + 16];
	int rc;

	snprintf(full, sizeof(full), "%s.service", name);
	*unit = unit_set_find(&manager->units, name);
	if (!*unit)
		*unit = unit_set_find(&manager->units, full);
	if (*unit || !client->root)
		return *unit ? 0 : -ENOENT;
	rc = manager_look_up(manager, name, unit);
	return rc == -ENOENT ? manager_look_up(manager, full, unit) : rc;
}

/* Answers the client when there is none. */
static struct unit *unit_wanted(struct control_client *client, const char *name)
{
	struct unit *unit = NULL;
	int rc = *name ? unit_by_name(client, name, &unit) : -ENOENT;

	if (!rc && unit->gone && !service_has_process(unit->run.state) && !service_is_active(unit->run.state))
		rc = -ENOENT;
	if (!rc)
		return unit;
	if (!*name)
		control_reply(client, CONTROL_USAGE, "which unit?\n");
	else if (rc == -ENOENT)
		control_reply(client, CONTROL_NO_UNIT, "%s: there is no such unit\n", name);
	else if (rc == -EPROTONOSUPPORT)
		control_reply(client, CONTROL_FAILED, "%s: units of this kind are not run\n", name);
	else
		control_reply(client, CONTROL_FAILED, "%s: cannot be used; see rinitctl log rinit\n", name);
	return NULL;
}

static void request_status(struct control_client *client, const char *argument)
{
	const struct unit *unit = *argument ? unit_wanted(client, argument) : NULL;
	struct report report;

	if ((*argument && !unit) || !report_open(client, &report))
		return;
	if (unit)
		unit_report(unit, report.stream);
	else
		system_report(client->control->system, report.stream);
	report_send(client, &report);
}

/* ---- requests that change ---- */

static bool unit_is_done(const struct unit *unit)
{
	const struct unit_run *run = &unit->run;

	return service_is_settled(run->state) && run->state != STATE_RELOADING && !run->stopping &&
	       !run->again;
}

static void unit_answer(struct control_client *client, const struct unit *unit)
{
	const struct unit_run *run = &unit->run;
	bool down = run->state == STATE_FAILED || run->state == STATE_DELAY || run->reload_failed;
	bool bad = client->wants_active ? down || (run->state == STATE_INACTIVE &&
						   unit->config.service.type != TYPE_ONESHOT && !run->skipped)
					: run->state != STATE_INACTIVE && run->state != STATE_FAILED;

	if (bad)
		control_reply(client, CONTROL_FAILED, "%s: %s%s; see rinitctl log %s\n", unit->config.name,
			      client->wants_active ? "" : "still ", service_state_name(run->state),
			      unit->config.name);
	else
		reply_done(client);
}

static void request_change(struct control_client *client, const char *argument, bool wants_active,
			   void (*change)(struct manager *, struct unit *))
{
	bool at_once = *argument == '-';
	struct unit *unit = unit_wanted(client, argument + at_once);

	if (!unit)
		return;
	if (client->control->system->shutdown.phase != PHASE_UP) {
		control_reply(client, CONTROL_REFUSED, "%s: the system is shutting down\n",
			      unit->config.name);
		return;
	}
	if (wants_active && unit->masked) {
		control_reply(client, CONTROL_REFUSED, "%s: is masked (%s)\n", unit->config.name, unit->path);
		return;
	}
	if (wants_active ? unit->config.refuse_manual_start : unit->config.refuse_manual_stop) {
		control_reply(client, CONTROL_REFUSED, "%s: its file says RefuseManual%s=\n",
			      unit->config.name, wants_active ? "Start" : "Stop");
		return;
	}
	/* From here on the answer may come from within change(). */
	client->wants_active = wants_active;
	unit->run.asked = wants_active;
	client->unit = at_once ? NULL : unit;
	loop_timer_clear(&client->control->system->loop, &client->timer);
	change(manager_of(client), unit);
	if (at_once)
		reply_done(client);
	else if (client->unit && unit_is_done(unit))
		unit_answer(client, unit);
}

static void request_start(struct control_client *client, const char *argument)
{
	request_change(client, argument, true, manager_start);
}

static void request_stop(struct control_client *client, const char *argument)
{
	request_change(client, argument, false, manager_stop);
}

static void request_restart(struct control_client *client, const char *argument)
{
	request_change(client, argument, true, manager_restart);
}

static void request_isolate(struct control_client *client, const char *argument)
{
	struct unit *unit = unit_wanted(client, argument + (*argument == '-'));

	if (unit)
		manager_prepare(manager_of(client), unit); /* one of our own is not filled before */
	if (unit && !unit->config.allow_isolate)
		control_reply(client, CONTROL_REFUSED, "%s: its file does not say AllowIsolate=yes\n",
			      unit->config.name);
	else if (unit)
		request_change(client, argument, true, manager_isolate);
}

static void request_reload_files(struct control_client *client, const char *argument)
{
	(void)argument;
	manager_reload_files(manager_of(client));
	reply_done(client);
}

static void request_reload(struct control_client *client, const char *argument)
{
	const struct unit *unit = unit_wanted(client, argument + (*argument == '-'));

	if (!unit)
		return;
	if (!unit->config.service.commands[COMMAND_RELOAD].count)
		control_reply(client, CONTROL_FAILED, "%s: has no ExecReload=\n", unit->config.name);
	else if (!service_is_active(unit->run.state))
		control_reply(client, CONTROL_FAILED, "%s: %s: nothing to reload\n", unit->config.name,
			      service_state_name(unit->run.state));
	else
		request_change(client, argument, true, manager_reload);
}

static void request_kill(struct control_client *client, const char *argument)
{
	char *name;
	unsigned long number = *argument ? strtoul(argument + 1, &name, 10) : 0;
	struct unit *unit;

	if (!number || number > (unsigned long)SIGRTMAX || *name != ' ') {
		control_reply(client, CONTROL_USAGE, "kill: whom, and by which signal?\n");
		return;
	}
	unit = unit_wanted(client, name + 1);
	if (!unit)
		return;
	if (service_signal(unit, *argument, (int)number))
		reply_done(client);
	else
		control_reply(client, CONTROL_FAILED, "%s: has no such process\n", unit->config.name);
}

static void failure_forget(struct unit *unit)
{
	unit->run.restarts = unit->run.limit_count = 0;
	unit_event(unit, EVENT_OVER);
}

static void request_reset_failed(struct control_client *client, const char *argument)
{
	const struct unit_set *set = &manager_of(client)->units;
	struct unit *unit = *argument ? unit_wanted(client, argument) : NULL;

	if (*argument && !unit)
		return;
	for (size_t i = 0; i < set->count; i++)
		if ((!unit || unit == set->items[i]) && set->items[i]->run.state == STATE_FAILED)
			failure_forget(set->items[i]);
	manager_drain(manager_of(client));
	reply_done(client);
}

static void shutdown_is_due(struct loop_timer *timer)
{
	struct control *control = CONTAINER_OF(timer, struct control, later);

	system_shutdown(control->system, control->later_kind);
}

static void request_cancel(struct control_client *client, const char *argument)
{
	struct control *control = client->control;

	(void)argument;
	if (!control->later.armed) {
		control_reply(client, CONTROL_FAILED, "no shutdown is planned\n");
		return;
	}
	loop_timer_clear(&control->system->loop, &control->later);
	reply_done(client);
}

#define LATER_MAX_S (366 * 24 * 3600)

static void request_shutdown(struct control_client *client, enum shutdown_kind kind, const char *argument)
{
	struct system *sys = client->control->system;
	bool later = *argument == '+';
	char *end = NULL;
	unsigned long seconds = later ? strtoul(argument + 1, &end, 10) : 0;

	if (sys->shutdown.phase != PHASE_UP) {
		control_reply(client, CONTROL_REFUSED, "the system is shutting down already (%s)\n",
			      shutdown_name(sys->shutdown.kind));
		return;
	}
	if (later && (argument[1] < '0' || argument[1] > '9' || *end || seconds > LATER_MAX_S)) {
		control_reply(client, CONTROL_USAGE, "%s: not a number of seconds within a year\n", argument);
		return;
	}
	reply_done(client);
	client->control->later.expired = shutdown_is_due;
	client->control->later_kind = kind;
	if (later)
		loop_timer_set(&sys->loop, &client->control->later, seconds * 1000);
	else
		system_shutdown(sys, kind);
}

static void request_poweroff(struct control_client *client, const char *argument)
{
	request_shutdown(client, SHUTDOWN_POWEROFF, argument);
}

static void request_reboot(struct control_client *client, const char *argument)
{
	request_shutdown(client, SHUTDOWN_REBOOT, argument);
}

static void request_halt(struct control_client *client, const char *argument)
{
	request_shutdown(client, SHUTDOWN_HALT, argument);
}

static void request_online(struct control_client *client, const char *argument)
{
	system_interface_online(client->control->system, argument);
	reply_done(client);
}

/* ---- from the helper that asks the bus ---- */

static void request_bus_names(struct control_client *client, const char *argument)
{
	struct report report;

	(void)argument;
	if (!report_open(client, &report))
		return;
	bus_names_print(manager_of(client), report.stream);
	report_send(client, &report);
}

static void request_bus(struct control_client *client, const char *argument)
{
	if (bus_name_owned(manager_of(client), argument))
		control_reply(client, CONTROL_USAGE, "bus NAME PID\n");
	else
		reply_done(client);
}

static const struct {
	const char *verb;
	bool for_all; /* not only for root */
	void (*handle)(struct control_client *client, const char *argument);
} requests[] = {
	{"list", true, request_list},          {"status", true, request_status},
	{"log", false, control_log_request},   {"start", false, request_start},
	{"stop", false, request_stop},         {"restart", false, request_restart},
	{"poweroff", false, request_poweroff}, {"reboot", false, request_reboot},
	{"halt", false, request_halt},         {"online", false, request_online},
	{"isolate", false, request_isolate},   {"daemon-reload", false, request_reload_files},
	{"reload", false, request_reload},     {"plan", true, control_plan_request},
	{"bus", false, request_bus},           {"bus-names", false, request_bus_names},
	{"kill", false, request_kill},         {"reset-failed", false, request_reset_failed},
	{"cancel", false, request_cancel},
};

void control_answer(struct control_client *client, const char *text, size_t length)
{
	struct control_request request;
	const char *why;

	if (control_request_parse(text, length, &request, &why)) {
		control_reply(client, CONTROL_USAGE, "%s\n", why);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		if (strcmp(requests[i].verb, request.verb) != 0)
			continue;
		if (requests[i].for_all || client->root)
			requests[i].handle(client, request.argument);
		else
			control_reply(client, CONTROL_REFUSED, "%s: only root may do that\n", request.verb);
		return;
	}
	control_reply(client, CONTROL_USAGE, "rinit does not know the request \"%s\"\n", request.verb);
}

void control_unit_settled(struct control *control, const struct unit *unit)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct control_client *client = &control->clients[i];

		if (client->source.fd >= 0 && client->unit == unit && unit_is_done(unit))
			unit_answer(client, unit);
	}
}
