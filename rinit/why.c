#include "rinit/why.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "common/util.h"

#define CHAIN_MAX 16 /* sentences; a longer one is cut */

struct speaker {
	const struct plan *plan;
	void *context;
	void (*say)(void *context, const char *sentence);
};

static void say(const struct speaker *speaker, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(const struct speaker *speaker, const char *format, ...)
{
	char sentence[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	speaker->say(speaker->context, sentence);
}

static double in_seconds(int64_t ms)
{
	return (double)ms / 1000;
}

static bool state_is(const struct plan_unit *unit, const char *state)
{
	return !strcmp(unit->state, state);
}

/* ---- what it waits for ---- */

static const struct plan_unit *awaited(const struct plan *plan, const struct plan_unit *unit, size_t skip)
{
	for (size_t i = 0; i < unit->after_count; i++)
		if (!plan_is_settled(&plan->units[unit->after[i]]) && !skip--)
			return &plan->units[unit->after[i]];
	return NULL;
}

static void say_busy(const struct speaker *speaker, const struct plan_unit *unit)
{
	int64_t since = unit->started >= 0 ? speaker->plan->now - unit->started : 0;

	if (unit->held)
		say(speaker, "%s is reached when rinit has done what it stands for (see rinitctl log rinit)",
		    unit->name);
	else if (state_is(unit, "starting"))
		say(speaker, "%s is starting since %.3f s: process %d has not ended or has not said READY=1",
		    unit->name, in_seconds(since), unit->pid);
	else if (!state_is(unit, "waiting"))
		say(speaker, "%s is %s: process %d has not ended", unit->name, unit->state, unit->pid);
}

static void explain_waiting(const struct speaker *speaker, const struct plan_unit *unit)
{
	const struct plan_unit *other;

	for (size_t i = 0; (other = awaited(speaker->plan, unit, i)); i++)
		say(speaker, "it waits for %s (%s)", other->name, other->state);
	for (int depth = 0; depth < CHAIN_MAX && (other = awaited(speaker->plan, unit, 0)); depth++) {
		if (depth)
			say(speaker, "%s waits for %s (%s)", unit->name, other->name, other->state);
		unit = other;
	}
	say_busy(speaker, unit);
}

/* ---- why it does not run ---- */

static const struct plan_unit *failed_requirement(const struct plan *plan, const struct plan_unit *unit)
{
	for (size_t i = 0; i < unit->require_count; i++) {
		const struct plan_unit *other = &plan->units[unit->requires[i]];

		if (state_is(other, "failed") || state_is(other, "restarting") || other->skipped ||
		    other->masked)
			return other;
	}
	return NULL;
}

static void say_condition(const struct speaker *speaker, const struct plan_unit *unit)
{
	say(speaker, "%s was skipped: a condition did not hold%s%s", unit->name,
	    *unit->conditions ? ": " : "", unit->conditions);
}

static void say_exit(const struct speaker *speaker, const struct plan_unit *unit)
{
	int status = unit->exit_status;

	if (unit->gave_up)
		say(speaker, "%s was not ready within its TimeoutStartSec", unit->name);
	else if (WIFSIGNALED(status))
		say(speaker, "%s: its process was killed by signal %d (%s); see rinitctl log %s", unit->name,
		    WTERMSIG(status), strsignal(WTERMSIG(status)), unit->name);
	else if (!status)
		say(speaker, "%s has ended by itself, with success", unit->name);
	else
		say(speaker, "%s: its process ended with exit status %d; see rinitctl log %s", unit->name,
		    WEXITSTATUS(status), unit->name);
}

static void explain_failed(const struct speaker *speaker, const struct plan_unit *unit)
{
	const struct plan_unit *other;

	for (int depth = 0; depth < CHAIN_MAX; depth++) {
		other = unit->exit_status || unit->gave_up ? NULL : failed_requirement(speaker->plan, unit);
		if (!other)
			break;
		say(speaker, "%s requires %s, which is %s", unit->name, other->name,
		    other->skipped ? "skipped" : other->state);
		unit = other;
	}
	if (unit->skipped)
		say_condition(speaker, unit);
	else
		say_exit(speaker, unit);
}

static void explain_inactive(const struct speaker *speaker, const struct plan_unit *unit)
{
	if (unit->masked)
		say(speaker, "it is masked: nothing can start it until rinitctl unmask %s", unit->name);
	else if (unit->skipped)
		say_condition(speaker, unit);
	else if (unit->queued < 0)
		say(speaker,
		    "nothing has wanted it: it is not enabled and no unit that was started needs it");
	else if (!unit->wanted)
		say(speaker, "it was stopped, or what it requires was");
	else
		say_exit(speaker, unit);
}

/* ---- who started it ---- */

static bool needs(const struct plan *plan, const struct plan_unit *unit, const struct plan_unit *other,
		  bool *required)
{
	uint32_t index = (uint32_t)(other - plan->units);

	*required = false;
	for (size_t i = 0; i < unit->require_count; i++)
	*required |= unit->requires[i] == index;
	for (size_t i = 0; i < unit->want_count && !*required; i++)
		if (unit->wants[i] == index)
			return true;
	return *required;
}

static const struct plan_unit *needed_by(const struct plan *plan, const struct plan_unit *unit,
					 bool *required)
{
	for (size_t i = 0; i < plan->count; i++)
		if (&plan->units[i] != unit && plan->units[i].wanted &&
		    needs(plan, &plan->units[i], unit, required))
			return &plan->units[i];
	return NULL;
}

static void explain_cause(const struct speaker *speaker, const struct plan_unit *unit)
{
	const struct plan *plan = speaker->plan;
	const struct plan_unit *by;
	bool required;

	if (unit->asked) {
		say(speaker, "%s was started by rinitctl", unit->name);
		return;
	}
	for (int depth = 0; depth < CHAIN_MAX && unit != plan->default_target; depth++) {
		by = needed_by(plan, unit, &required);
		if (!by)
			break;
		say(speaker, "%s is %s by %s", unit->name, required ? "required" : "wanted", by->name);
		unit = by;
	}
	if (unit == plan->default_target)
		say(speaker, "%s is what the boot is for", unit->name);
	else if (unit->wanted)
		say(speaker, "%s is enabled: %s waits for it", unit->name,
		    plan->default_target ? plan->default_target->name : "the boot");
}

static void explain_times(const struct speaker *speaker, const struct plan_unit *unit)
{
	const struct plan_unit *last = plan_waited_for(speaker->plan, unit);

	if (unit->queued >= 0)
		say(speaker, "queued at %.3f s", in_seconds(unit->queued));
	if (last)
		say(speaker, "it waited for %s until %.3f s", last->name, in_seconds(last->ready));
	if (unit->started >= 0 && unit->ready >= 0)
		say(speaker, "its turn came at %.3f s, and it was ready at %.3f s", in_seconds(unit->started),
		    in_seconds(unit->ready));
}

void why_explain(const struct plan *plan, const struct plan_unit *unit, void *context,
		 void (*say_one)(void *context, const char *sentence))
{
	struct speaker speaker = {.plan = plan, .context = context, .say = say_one};

	if (unit->pid)
		say(&speaker, "%s is %s, process %d", unit->name, unit->state, unit->pid);
	else
		say(&speaker, "%s is %s", unit->name, unit->state);
	if (state_is(unit, "inactive")) {
		explain_inactive(&speaker, unit);
		if (unit->queued < 0 || unit->masked)
			return;
	} else if (state_is(unit, "failed") || state_is(unit, "restarting")) {
		explain_failed(&speaker, unit);
	} else if (!plan_is_settled(unit)) {
		explain_waiting(&speaker, unit);
	}
	explain_cause(&speaker, unit);
	explain_times(&speaker, unit);
}
