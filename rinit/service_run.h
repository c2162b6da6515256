/*
 * The running half of the manager: the actions of service.h's table, processes and their output. Owned by the
 * loop's thread.
 */
#pragma once

#include "rinit/manager.h"

/* Gives the unit's table the event and does the action that comes of it. */
void unit_event(struct unit *unit, enum service_event event);
/* The unit's main process and its group; none is fine. */
void unit_signal(const struct unit *unit, int number);

/* ---- manager.c's, for the actions ---- */

/* Looked at by the next manager_drain: may it start or stop now? */
void unit_queue(struct unit *unit);
/* It is up or down: those that wait for that are looked at. */
void unit_settled(struct unit *unit);
/* Every callback from the loop ends here: events queue units, units make events. */
void manager_drain(struct manager *manager);
