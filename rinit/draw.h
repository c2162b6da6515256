/* The graph of units: who comes after, requires and wants whom. For rinitctl graph. */
#pragma once

#include <stdio.h>

#include "rinit/plan.h"

/* Pure: each unit's rank is one more than the highest one that it comes after; in a circle it stays small. */
void draw_ranks(const struct plan *plan, size_t *ranks);

void draw_dot(const struct plan *plan, FILE *stream); /* for graphviz */
int draw_svg(const struct plan *plan, FILE *stream);  /* columns by rank; 0 or -ENOMEM */
int draw_json(const struct plan *plan, FILE *stream);
