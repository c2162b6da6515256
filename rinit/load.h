/*
 * Which units there are: reads their files when somebody wants them, with drop-ins, needs and aliases, and
 * keeps the order up to date. A part of the manager (manager.h); where files lie is unit_path.h's matter.
 */
#pragma once

#include "rinit/manager.h"

/*
 * The unit by that name, its file read if it has not been. 0; -ENOENT there is none; -EPROTONOSUPPORT it is
 * of a kind that is not run; -EINVAL the file can't be used, or it is a template without an instance; -ELOOP.
 * What is wrong with a file is logged.
 */
int manager_find(struct manager *manager, const char *name, struct unit **unit);

/* The same, and the folders are not kept in mind for the next one. */
int manager_look_up(struct manager *manager, const char *name, struct unit **unit);

/* Before it starts: loads what it requires and wants, all the way, and puts the order right. */
void manager_prepare(struct manager *manager, struct unit *unit);

/*
 * Every file may have changed: reads those of units without a process again, the others' when they start
 * next; looks for new links. What runs goes on.
 */
void manager_reload_files(struct manager *manager);
/* The same for one unit that is stale. */
void manager_refresh(struct unit *unit);

/* Does the boot to this target start it, wants of others aside? */
bool manager_boot_wants(const struct unit *unit, const char *target);
