/* The order of units: pure functions over a set. */
#pragma once

#include "rinit/unit.h"

/*
 * Fills after, before and requires of every unit from the names in the configs. Names that are not in the set
 * are left out. Implicit edges: services come after sysinit.target unless DefaultDependencies=no; the default
 * target (may be NULL) comes after every unit in the set that is wanted and does not itself come after that
 * target. A cycle is broken at its weakest edge (implicit, then After or Before, then one that is a
 * requirement too) and told to warn in one sentence that names all of it. 0 or -ENOMEM.
 */
int graph_resolve(struct unit_set *set, const struct unit *default_target,
		  const struct unit_warnings *warnings);

/*
 * One more edge, after the set has been resolved; whoever adds it knows that it makes no cycle. For units
 * that come while the system runs.
 */
int graph_add_edge(struct unit_set *set, struct unit *earlier, struct unit *later);

/* May this unit start: is everything settled that it comes after? */
bool graph_may_start(const struct unit_set *set, const struct unit *unit);
/* The first unit that it requires, comes after, and that is down; NULL when there is none. */
const struct unit *graph_failed_requirement(const struct unit_set *set, const struct unit *unit);
/* May it stop: has everything stopped that comes after it and shall stop? */
bool graph_may_stop(const struct unit_set *set, const struct unit *unit);
