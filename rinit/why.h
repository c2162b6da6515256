/* Why a unit is what it is: what it waits for, why it does not run, or who started it. Pure. */
#pragma once

#include "rinit/plan.h"

/* Calls say with each sentence, without its end. */
void why_explain(const struct plan *plan, const struct plan_unit *unit, void *context,
		 void (*say)(void *context, const char *sentence));
