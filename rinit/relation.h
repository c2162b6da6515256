/*
 * What units are to each other beside their order: what starts, stops and restarts together (systemd.unit(5):
 * Requires, Requisite, BindsTo, PartOf, Conflicts, OnFailure). A part of the manager.
 */
#pragma once

#include "rinit/manager.h"

/* Is the unit, by one of its names, in this list of another one? */
bool relation_has(const struct unit *unit, const struct string_list *names);

/* Does other stop when unit is stopped? */
bool relation_stops_with(const struct unit *other, const struct unit *unit);

/* The first of Requisite= and BindsTo= that is not up, although it had to be first; NULL when there is none.
 */
const char *relation_missing(const struct unit *unit);

/* Those that conflict with the unit are stopped, since it starts. */
void relation_stop_conflicting(struct manager *manager, const struct unit *unit);
/* Of two that the boot wants and that conflict, the one that was named later is not wanted. */
void relation_boot_conflicts(struct manager *manager);

/* It has failed: OnFailure=; it is down: what is bound to it goes down too. */
void relation_settled(struct manager *manager, struct unit *unit);

/* Starts the target and stops everything that it does not need. */
void manager_isolate(struct manager *manager, struct unit *target);
