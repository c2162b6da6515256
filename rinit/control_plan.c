/* The units with everything that explains them, for rinitctl: see control.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rinit/control.h"
#include "rinit/system.h"

/* Since the boot began; "-": has not happened. */
static void time_print(FILE *stream, uint64_t ms, uint64_t begin_ms)
{
	if (!ms)
		fputs("\t-", stream);
	else
		fprintf(stream, "\t%llu", (unsigned long long)(ms > begin_ms ? ms - begin_ms : 0));
}

static void indices_print(FILE *stream, const uint32_t *indices, size_t count)
{
	fputc('\t', stream);
	for (size_t i = 0; i < count; i++)
		fprintf(stream, "%s%u", i ? " " : "", indices[i]);
}

static void names_print(FILE *stream, const struct string_list *names)
{
	fputc('\t', stream);
	for (size_t i = 0; i < names->count; i++)
		fprintf(stream, "%s%s", i ? " " : "", names->items[i]);
}

/* As they stand in the unit's file. */
static void conditions_print(FILE *stream, const struct string_list *conditions)
{
	fputc('\t', stream);
	for (size_t i = 0; i < conditions->count; i++)
		fprintf(stream, "%sCondition%s%s", i ? " " : "",
			strchr(conditions->items[i], '=') ? "" : "PathExists=", conditions->items[i]);
}

static void unit_print(FILE *stream, const struct unit *unit, uint64_t begin_ms)
{
	const struct unit_run *run = &unit->run;

	fprintf(stream, "%s\t%s\t%d\t%d\t%s%s%s%s%s%s%s", unit->config.name, service_state_name(run->state),
		run->pid, run->exit_status, unit->config.kind == UNIT_TARGET ? "t" : "",
		run->wanted ? "w" : "", run->skipped ? "s" : "", run->result == RESULT_TIMEOUT ? "g" : "",
		run->held ? "h" : "", run->asked ? "a" : "", unit->masked ? "m" : "");
	time_print(stream, run->times.queued_ms, begin_ms);
	time_print(stream, run->times.started_ms, begin_ms);
	time_print(stream, run->times.ready_ms, begin_ms);
	indices_print(stream, unit->after, unit->after_count);
	indices_print(stream, unit->requires, unit->require_count);
	names_print(stream, &unit->config.wants);
	conditions_print(stream, &unit->config.conditions);
	fprintf(stream, "\t%s\n", unit->config.description ? unit->config.description : "");
}

void control_plan_request(struct control_client *client, const char *argument)
{
	const struct system *sys = client->control->system;
	const struct manager *manager = &sys->manager;
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);

	(void)argument;
	if (!stream) {
		control_client_close(client);
		return;
	}
	fprintf(stream, "%llu\t%s\n", (unsigned long long)(clock_ms() - sys->begin_ms),
		manager->default_target ? manager->default_target->config.name : "");
	for (size_t i = 0; i < manager->units.count; i++)
		unit_print(stream, manager->units.items[i], sys->begin_ms);
	if (fclose(stream))
		control_client_close(client);
	else
		control_reply_text(client, CONTROL_DONE, text, length);
	free(text);
}
