/* The boot's chart: when units were queued, started and ready, and the path that decided how long it took. */
#pragma once

#include <stdio.h>

#include "rinit/plan.h"

/*
 * Pure: the critical path to `last`, the first unit first: each one let the next wait the longest. path has
 * room for every unit. Returns its length. Times that contradict the order, or an order with a circle, make a
 * shorter path.
 */
size_t chart_critical_path(const struct plan *plan, const struct plan_unit *last,
			   const struct plan_unit **path);
/* Where the boot ended: the default target, or what was ready or started last. NULL when nothing has started.
 */
const struct plan_unit *chart_last(const struct plan *plan);

/* Those that took part in the boot; by when they started, or the slowest first. units has room for every
 * unit. */
size_t chart_order(const struct plan *plan, const struct plan_unit **units);
size_t chart_blame(const struct plan *plan, const struct plan_unit **units);

/* 0 or -ENOMEM. width: columns. */
int chart_text(const struct plan *plan, FILE *stream, int width);
int chart_svg(const struct plan *plan, FILE *stream);
int chart_json(const struct plan *plan, FILE *stream);
