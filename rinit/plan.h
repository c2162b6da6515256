/* The answer to the control socket's "plan" (control.h), taken apart: what rinitctl explains and draws. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_NEVER (-1)

struct plan_unit {
	const char *name, *state, *description, *conditions;
	int pid, exit_status;
	bool target, wanted, skipped, gave_up, held, asked, masked;
	int64_t queued, started, ready;     /* ms since the boot began, or PLAN_NEVER */
	uint32_t *after, *requires, *wants; /* indices, less than the plan's count */
	size_t after_count, require_count, want_count;
};

struct plan {
	int64_t now;
	const struct plan_unit *default_target; /* may be NULL */
	struct plan_unit *units;
	size_t count;
};

/* Takes text apart in place: it must stay as long as the plan. 0, -EPROTO, -ENOMEM. */
int plan_parse(struct plan *plan, char *text);
void plan_clear(struct plan *plan);

/* By its name, or NAME.service for short; NULL. */
const struct plan_unit *plan_find(const struct plan *plan, const char *name);
/* Has it a state that it stays in? */
bool plan_is_settled(const struct plan_unit *unit);
/* How long it took to start, until now when it is not up yet; PLAN_NEVER when it did not. */
int64_t plan_took(const struct plan *plan, const struct plan_unit *unit);
/* Of what it comes after, what let it wait longest; NULL when it did not wait. */
const struct plan_unit *plan_waited_for(const struct plan *plan, const struct plan_unit *unit);
